//! Notifications: what may pass is passed with the members that are needed and no others, because
//! the rest is text that no policy has judged.

use crate::model::json::{Json, Limits, Object, parse};
use crate::shim::message::{Id, Message, Notification};

/// The notification with only these members in its `params`: its own bytes if it has no others.
/// `None` if it cannot be read.
#[must_use]
pub fn reduced(
    message: &Message<'_>,
    notification: &Notification<'_>,
    keep: &[&str],
) -> Option<Vec<u8>> {
    let Some(raw) = notification.params else {
        return Some(message.bytes.to_vec());
    };
    let params = params(raw)?;
    if params.iter().all(|(name, _)| keep.contains(&name)) {
        return Some(message.bytes.to_vec());
    }
    let mut kept = params;
    kept.retain(|name, _| keep.contains(&name));
    message.with(raw, &Json::Object(kept).to_bytes())
}

/// A member of the notification's `params` that is an id or a token.
#[must_use]
pub fn id_in(notification: &Notification<'_>, name: &str) -> Option<Id> {
    Id::read(params(notification.params?)?.get(name)?)
}

/// Whether these members of `params` are numbers or absent.
#[must_use]
pub fn are_numbers(notification: &Notification<'_>, names: &[&str]) -> bool {
    let Some(params) = notification.params.and_then(params) else {
        return true;
    };
    let mut found = names.iter().filter_map(|name| params.get(name));
    found.all(|value| matches!(value, Json::Number(_)))
}

fn params(raw: &[u8]) -> Option<Object> {
    match parse(raw, Limits::REQUEST) {
        Ok(Json::Object(params)) => Some(params),
        _ => None,
    }
}
