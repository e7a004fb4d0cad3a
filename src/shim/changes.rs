//! Tells the client that its list of tools has changed when the policies in force have: the PDP
//! tells that in a stream, or is asked where it has none.

use crate::shim::pdp::{BoxFuture, Revisions};
use crate::shim::session::Core;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::StreamExt;

/// How often a PDP that has no stream of revisions is asked which policies are in force, in
/// milliseconds.
pub const REVISION_POLL_MS: u64 = 2_000;
/// A stream of revisions that is silent for so long is lost, in milliseconds: three heartbeats of
/// the PDP's.
pub const REVISION_SILENCE_MS: u64 = 15_000;
/// First and longest pause before a lost stream is asked for again, in milliseconds. Each is
/// shortened at random by up to half, so that the shims of a PDP that was away do not return at
/// once.
const RECONNECT_MS: (u64, u64) = (200, 10_000);
/// The notification.
pub const LIST_CHANGED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// How patient a watch is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two questions to a PDP that has no stream.
    pub poll: Duration,
    /// How long a stream may be silent.
    pub silence: Duration,
    /// The first and the longest pause before the stream is asked for again.
    pub reconnect: (Duration, Duration),
}

impl Default for Pace {
    fn default() -> Self {
        let (first_ms, last_ms) = RECONNECT_MS;
        Self {
            poll: Duration::from_millis(REVISION_POLL_MS),
            silence: Duration::from_millis(REVISION_SILENCE_MS),
            reconnect: (
                Duration::from_millis(first_ms),
                Duration::from_millis(last_ms),
            ),
        }
    }
}

/// Who is told of changes.
pub trait Listener: Send + Sync {
    /// Other policies are in force.
    fn changed(&self) -> BoxFuture<'_, io::Result<()>>;
}

/// Watches which policies are in force, for as long as it is polled. What changed while a stream
/// was lost shows in the first message of the next.
///
/// # Errors
/// The listener's.
pub async fn watch(core: &Core, listener: &dyn Listener, pace: Pace) -> io::Result<()> {
    let watch = Watch { core, listener };
    let mut known = Known::default();
    let (first, longest) = pace.reconnect;
    let mut pause = first;
    loop {
        match watch.core.gate.revisions().await {
            Ok(Some(revisions)) => {
                if known.follow(&watch, revisions, pace.silence).await? {
                    pause = first;
                }
            }
            Ok(None) => return known.poll(&watch, pace.poll).await,
            Err(error) => {
                tracing::debug!(%error, "which policies are in force is not known");
            }
        }
        tokio::time::sleep(shortened(pause)).await;
        pause = pause.saturating_mul(2).min(longest);
    }
}

/// A pause of at least half the length.
pub(super) fn shortened(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8);
    let share = f64::from((random >> 32) as u32) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + share / 2.0)
}

/// Who asks for whom.
struct Watch<'a> {
    core: &'a Core,
    listener: &'a dyn Listener,
}

/// What was in force when the PDP said so last.
#[derive(Default)]
struct Known(Option<String>);

impl Known {
    /// Follows a stream to its end; whether it said anything.
    async fn follow(
        &mut self,
        watch: &Watch<'_>,
        mut revisions: Revisions,
        silence: Duration,
    ) -> io::Result<bool> {
        let mut said = false;
        loop {
            match timeout(silence, revisions.next()).await {
                Ok(Some(Ok(revision))) => {
                    said = true;
                    self.note(watch, revision).await?;
                }
                Ok(Some(Err(error))) => {
                    tracing::debug!(%error, "which policies are in force is not told any more");
                    return Ok(said);
                }
                Ok(None) => return Ok(said),
                Err(_) => {
                    tracing::debug!("which policies are in force has not been told for too long");
                    return Ok(said);
                }
            }
        }
    }

    async fn poll(&mut self, watch: &Watch<'_>, every: Duration) -> io::Result<()> {
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            match watch.core.gate.revision().await {
                Ok(revision) => self.note(watch, revision).await?,
                Err(error) => {
                    tracing::debug!(%error, "which policies are in force is not known");
                }
            }
        }
    }

    /// Tells the client if something else is in force than was before.
    async fn note(&mut self, watch: &Watch<'_>, revision: String) -> io::Result<()> {
        let changed = self.0.as_ref().is_some_and(|known| *known != revision);
        self.0 = Some(revision);
        match changed {
            true => watch.listener.changed().await,
            false => Ok(()),
        }
    }
}
