//! The only clock. Whatever decides gets the time as an argument.

use crate::model::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time now. Before 1970 and after 2262 the process has other worries: it saturates.
#[must_use]
pub fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
}
