//! What somebody who appended waits for.

use super::{AppendError, Appended};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;

/// Resolves once the record is durable, or cannot be any more.
#[derive(Debug)]
pub struct Pending<T = Appended>(pub(super) oneshot::Receiver<Result<T, AppendError>>);

impl<T> Pending<T> {
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
