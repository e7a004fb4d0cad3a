//! What who appends gets: a value that resolves once the record is durable, or why it is not.

use crate::audit::verify::Head;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// Why a record is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is slower than the decisions: try later, or deny.
    #[error("audit queue of {queue_records_max} records is full")]
    QueueFull {
        /// The limit.
        queue_records_max: usize,
    },
    /// A write or sync failed. The record may or may not be on disk, and counts as not written.
    #[error(
        "audit log failed and takes no more records until it is opened again, since after a \
         failed write or sync nobody knows what is on disk: {cause}"
    )]
    Failed {
        /// What failed first.
        cause: String,
    },
    /// The log was closed.
    #[error("audit log is closed")]
    Closed,
}

/// A record that is durable.
pub type Appended = Head;

pub(super) type Done<T> = oneshot::Sender<Result<T, AppendError>>;

/// Resolves once the record is durable, or cannot be any more.
#[derive(Debug)]
pub struct Pending<T = Appended>(oneshot::Receiver<Result<T, AppendError>>);

impl<T> Pending<T> {
    pub(super) const fn of(receiver: oneshot::Receiver<Result<T, AppendError>>) -> Self {
        Self(receiver)
    }

    /// Blocks until then. Not for async code: `await` the value there.
    ///
    /// # Errors
    /// If the record is not durable.
    pub fn wait(self) -> Result<T, AppendError> {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = Pin::new(&mut self.0).poll(context);
        received.map(|result| result.unwrap_or(Err(AppendError::Closed)))
    }
}
