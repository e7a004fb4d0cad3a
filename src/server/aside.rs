//! Work that waits for the disk, aside from the threads that decide.

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// How many readers of log and content wait for the disk at once, in this process: the threads that
/// are left are for questions that are large.
const READS_MAX: usize = 16;
static TURNS: Semaphore = Semaphore::const_new(READS_MAX);

/// Does it when it is its turn, and to its end even if nobody waits for it any more.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    // It is never closed, and without a turn nothing would be lost but the bound.
    let turn = TURNS.acquire().await.ok();
    spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    })
    .await
}
