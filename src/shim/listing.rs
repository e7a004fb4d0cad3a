//! The shim's own look at the server's tools, so that it can say of any name whether it exists.

use crate::model::json::{Json, Limits, members};
use crate::shim::exchange::Exchange;
use crate::shim::message::Id;
use crate::shim::meta::Meta;
use crate::shim::permit::Permit;
use crate::shim::tools::{Page, PageError, Table};
use std::sync::Arc;
use std::time::Duration;

/// Most pages of a list.
pub const LIST_PAGES_MAX: usize = 64;
/// How long the server has to give a page, in milliseconds.
pub const LIST_PAGE_MS: u64 = 10_000;

/// The server's tools: those known, else as it lists them now.
///
/// # Errors
/// The server gave no usable list.
pub async fn table(exchange: &Exchange<'_>, meta: &Meta) -> Result<Arc<Table>, PageError> {
    let session = exchange.session;
    let (known, changes) = {
        let tools = session.tools();
        (tools.table(), tools.changes())
    };
    if let Some(table) = known {
        return Ok(table);
    }
    let mut table = Table::new(session.core.gate.now());
    let mut cursor = None;
    for _ in 0..LIST_PAGES_MAX {
        let result = ask(exchange, meta, cursor.as_deref()).await?;
        let page = Page::read(&result)?;
        table.add(&page)?;
        match page.next {
            Some(next) => cursor = Some(next),
            None => {
                let table = Arc::new(table);
                session.tools().learn(&table, changes);
                return Ok(table);
            }
        }
    }
    Err(PageError::TooMuch)
}

async fn ask(
    exchange: &Exchange<'_>,
    meta: &Meta,
    cursor: Option<&str>,
) -> Result<Vec<u8>, PageError> {
    let session = exchange.session;
    let id = session.own_id();
    let permit = Permit::unjudged(request(&id, meta, cursor));
    let asked = exchange.server.ask(session, &id, permit);
    let in_time = tokio::time::timeout(Duration::from_millis(LIST_PAGE_MS), asked).await;
    in_time.ok().flatten().ok_or(PageError::Unanswered)
}

fn request(id: &Id, meta: &Meta, cursor: Option<&str>) -> Vec<u8> {
    let mut out = vec![
        ("jsonrpc", Json::from("2.0")),
        ("id", id.to_json()),
        ("method", "tools/list".into()),
    ];
    out.extend(params(meta, cursor).map(|params| ("params", params)));
    Json::object(out).to_bytes()
}

fn params(meta: &Meta, cursor: Option<&str>) -> Option<Json> {
    let mut params = meta.own_params.clone();
    if let Some(cursor) = cursor {
        params.insert("cursor", cursor);
    }
    (!params.is_empty()).then_some(Json::Object(params))
}

/// What an error response to the shim's own request means: a server without tools says that there
/// is no such method, which is an empty list.
#[must_use]
pub fn of_error(error: &[u8]) -> Option<Vec<u8>> {
    let parts = members(error, Limits::REQUEST).ok()?;
    let code = parts.iter().find(|(name, _)| name == "code")?.1;
    (code == b"-32601").then(|| br#"{"tools":[]}"#.to_vec())
}
