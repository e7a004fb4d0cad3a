//! What administrators ask of the loader, and how they hear what came of it.

#[cfg(test)]
mod tests;

use super::signal::Signal;
use crate::bundle::held::{Rollback, SteerError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// What is asked.
pub(super) enum Order {
    Reload,
    Rollback(Rollback),
}

/// What is asked, and who waits for it.
pub(super) struct Ordered {
    pub(super) order: Order,
    pub(super) done: oneshot::Sender<Result<(), SteerError>>,
}

/// Asks the loader of a watch to do something; what is asked is done in its order, also if nobody
/// waits for it any more.
#[derive(Clone)]
pub struct Steering {
    pub(super) signal: Arc<Signal>,
}

impl Steering {
    /// Takes all steps again, whether anything changed or not; a set with the same content is not
    /// swapped. The store's status says what came of it.
    ///
    /// # Errors
    /// Where nobody could be asked.
    pub async fn reload(&self) -> Result<(), SteerError> {
        self.order(Order::Reload).await
    }

    /// Puts a set that is held in force, for some time.
    ///
    /// # Errors
    /// Where it is not in force now.
    pub async fn rollback(&self, rollback: Rollback) -> Result<(), SteerError> {
        self.order(Order::Rollback(rollback)).await
    }

    async fn order(&self, order: Order) -> Result<(), SteerError> {
        let (done, answer) = oneshot::channel();
        self.signal.order(Ordered { order, done })?;
        answer.await.unwrap_or(Err(SteerError::Stopped))
    }
}
