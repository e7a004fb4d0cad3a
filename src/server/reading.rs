//! `Query` and `Tail`: who may read the log finds records, and that it did is recorded first.

mod question;
mod tail;

use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::index::{FindError, Index, PageToken};
use crate::audit::record::{AuditRead, Record};
use crate::identity::Permission;
use crate::model::json::{Json, Object};
use crate::model::secret;
use crate::wire::v1;
use question::{Question, justification};
use std::sync::Arc;
use tail::{STALLED_MAX, Tailing};
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

/// Records of a page where nobody says how many.
const PAGE_RECORDS: usize = 100;

/// A page of records. Everything that was durable when it was asked for is looked at.
pub(super) async fn query(
    decider: &Decider,
    request: Request<v1::QueryRequest>,
) -> Result<v1::QueryResponse, RpcError> {
    let may = Permission::ReadAudit;
    let (by, tenant) = decider
        .reader(&request, &peer(&request), may, "Query")
        .await?;
    let asked = request.into_inner();
    let justification = justification(&asked.justification)?;
    let question = Question::read(&asked)?;
    let mut read = AuditRead {
        by,
        justification,
        rpc: "Query",
        ..AuditRead::default()
    };
    let records_max = match asked.page_size {
        0 => PAGE_RECORDS,
        size => usize::try_from(size).unwrap_or(usize::MAX),
    };
    let Question { filter, order } = question;
    let mut query = filter.to_json();
    query.insert("order", order.as_str());
    let token = match asked.page_token.as_str() {
        "" => None,
        text => {
            let token = PageToken::decode(text, &filter, order);
            Some(token.map_err(|error| RpcError::Invalid(error.to_string()))?)
        }
    };
    if let Some(token) = token {
        query.insert("at_seq", token.at_seq);
    }
    let page = index(&tenant)?.page(filter, order, token, records_max);
    let page = page.await.map_err(not_found)?;
    read.query = Some(recorded(query));
    read.records = Some(page.records.len() as u64);
    decider
        .record_durably(&tenant, Record::AuditRead(read))
        .await?;
    Ok(v1::QueryResponse {
        records_json: page.records.into_iter().map(|(_, line)| line).collect(),
        next_page_token: page.next.map(|next| next.encode()).unwrap_or_default(),
        before_seq: page.through_seq.map_or(0, |seq| seq + 1),
    })
}

/// Records as they become durable, until the reader goes away, is too slow, or `stopped` holds.
pub(super) async fn tail(
    decider: &Decider,
    request: Request<v1::TailRequest>,
    stopped: watch::Receiver<bool>,
) -> Result<ReceiverStream<Result<v1::TailResponse, Status>>, RpcError> {
    let may = Permission::ReadAudit;
    let (by, tenant) = decider
        .reader(&request, &peer(&request), may, "Tail")
        .await?;
    let asked = request.into_inner();
    let justification = justification(&asked.justification)?;
    let question = Question::to_tail(&asked.matching.unwrap_or_default())?;
    let dir = index(&tenant)?.dir().to_owned();
    let log = tenant.evidence.log();
    let durable = log.head().map_or(0, |head| head.seq + 1);
    if asked.from_index > durable {
        return Err(RpcError::Invalid(format!(
            "`from_index` {} is beyond the log, whose next record is {durable}",
            asked.from_index
        )));
    }
    let mut query = question.filter.to_json();
    if asked.from_index > 0 {
        query.insert("at_seq", asked.from_index);
    }
    let read = tailed(by, justification, query);
    let appended = log.append((decider.clock)(), &Record::AuditRead(read))?;
    let from_seq = match asked.from_index {
        0 => appended.await?.seq + 1,
        from => appended.await.map(|_| from)?,
    };
    Ok(Tailing {
        dir,
        head: log.watch_head(),
        filter: question.filter,
        from_seq,
        stopped,
        stalled_max: STALLED_MAX,
    }
    .start())
}

fn tailed(by: String, justification: String, query: Object) -> AuditRead {
    AuditRead {
        by,
        justification,
        rpc: "Tail",
        query: Some(recorded(query)),
        ..AuditRead::default()
    }
}

/// What was asked for, as it may be recorded: somebody may look for a secret by its value.
fn recorded(query: Object) -> Object {
    match secret::scrubbed_in(&Json::Object(query)) {
        Json::Object(query) => query,
        _ => Object::new(),
    }
}

fn index(tenant: &Arc<Tenant>) -> Result<&Index, RpcError> {
    tenant.index.as_ref().ok_or_else(|| {
        let problem = "this PDP keeps no index of its log: set `audit.index`, or read the files";
        RpcError::NotReadable(problem.to_owned())
    })
}

fn not_found(error: FindError) -> RpcError {
    match error {
        FindError::Token(error) => RpcError::Invalid(error.to_string()),
        FindError::Gone { .. } => RpcError::NotReadable(error.to_string()),
        FindError::Index(_) | FindError::Interrupted | FindError::NotReady(_) => {
            RpcError::IndexNotReady(error.to_string())
        }
    }
}
