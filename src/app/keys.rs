//! The keys of `jwt.jwks_url`: fetched at the start and time and again. What cannot be fetched or
//! used changes nothing: the keys in use stay until they are too old.
//!
//! A token whose key is not known is denied at once, and asks for a fetch in the background. It does
//! not wait, for decisions are made on the runtime's own threads, and whoever invents a `kid` would
//! otherwise choose how long.

mod fetch;

use super::jitter::jittered;
use crate::identity::{Identity, JwksError, JwtConfig, JwtVerifier, KeyServer};
use crate::model::time::Clock;
use crate::server::{Fetched, Metrics};
use fetch::{FetchError, fetch};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

pub(super) use fetch::check;

/// Most ids of keys in a line of the log.
const KEY_IDS_SAID_MAX: usize = 16;

/// How a server of keys is asked.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How long a fetch may take.
    fetch_max: Duration,
    /// How long the process waits for the first one before it listens.
    first_max: Duration,
    /// Between two fetches at least, however many tokens ask for keys.
    wanted_min: Duration,
    /// After the first failure, about; then twice as long each time.
    backoff_first: Duration,
    backoff_max: Duration,
}

const PACE: Pace = Pace {
    fetch_max: Duration::from_secs(10),
    first_max: Duration::from_secs(2),
    wanted_min: Duration::from_secs(10),
    backoff_first: Duration::from_secs(1),
    backoff_max: Duration::from_secs(30),
};

/// Why there are no new keys.
#[derive(Debug, thiserror::Error)]
enum NoNewKeys {
    #[error("{0}")]
    Fetch(#[from] FetchError),
    #[error("{0}")]
    Unusable(#[from] JwksError),
}

/// Fetches keys for as long as it is run.
pub(super) struct KeyFetcher {
    server: KeyServer,
    jwt: JwtConfig,
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    clock: Clock,
    pace: Pace,
    wanted: Arc<Notify>,
    /// Of the document in use.
    digest: Option<[u8; 32]>,
    failures_in_a_row: u32,
}

impl KeyFetcher {
    pub(super) fn new(
        server: KeyServer,
        jwt: JwtConfig,
        identity: Arc<Identity>,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        let wanted = Arc::new(Notify::new());
        let asked = Arc::clone(&wanted);
        identity.on_keys_wanted(move || asked.notify_one());
        Self {
            server,
            jwt,
            identity,
            metrics,
            clock,
            pace: PACE,
            wanted,
            digest: None,
            failures_in_a_row: 0,
        }
    }

    /// The first fetch, which the start of the process waits for a little: a restart denies no token
    /// where the server answers.
    pub(super) async fn first(&mut self) {
        if timeout(self.pace.first_max, self.fetch()).await.is_err() {
            let error = FetchError::TimedOut(self.pace.first_max);
            self.failed(&error.into());
        }
    }

    /// Fetches whenever it is time, without an end.
    pub(super) async fn run(mut self) {
        loop {
            let fetched = Instant::now();
            self.wait(fetched).await;
            self.fetch().await;
        }
    }

    /// Until it is time, or sooner where keys are wanted. A server that fails is left alone for as
    /// long as it failed often, whatever is wanted.
    async fn wait(&self, fetched: Instant) {
        if self.failures_in_a_row > 0 {
            return sleep_until(fetched + self.backoff()).await;
        }
        let due = fetched + jittered(self.server.refresh, 0.9..1.1);
        tokio::select! {
            () = sleep_until(due) => {}
            () = self.wanted.notified() => sleep_until(due.min(fetched + self.pace.wanted_min)).await,
        }
    }

    fn backoff(&self) -> Duration {
        let doubled = 2_u32.saturating_pow(self.failures_in_a_row.saturating_sub(1).min(16));
        let longest = self.pace.backoff_first.saturating_mul(doubled);
        jittered(longest.min(self.pace.backoff_max), 0.5..1.0)
    }

    async fn fetch(&mut self) {
        match self.take().await {
            Ok(outcome) => {
                self.failures_in_a_row = 0;
                self.metrics.keys_fetched(outcome, (self.clock)());
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Fetches keys and takes them into use.
    async fn take(&mut self) -> Result<Fetched, NoNewKeys> {
        let bytes = match timeout(self.pace.fetch_max, fetch(&self.server)).await {
            Ok(fetched) => fetched?,
            Err(_late) => return Err(FetchError::TimedOut(self.pace.fetch_max).into()),
        };
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let verifier = JwtVerifier::fetched(&bytes, &self.jwt, (self.clock)())?;
        let is_other = self.digest.replace(digest) != Some(digest);
        if is_other {
            for why in verifier.skipped() {
                tracing::warn!("jwks: {why}");
            }
            let key_ids: Vec<&str> = verifier.key_ids().take(KEY_IDS_SAID_MAX).collect();
            tracing::info!(key_ids = key_ids.join(", "), "jwks: new keys are in use");
        }
        self.identity.replace_tokens(verifier);
        Ok(match is_other {
            true => Fetched::Changed,
            false => Fetched::Unchanged,
        })
    }

    fn failed(&mut self, error: &NoNewKeys) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let now = (self.clock)();
        let outcome = match error {
            NoNewKeys::Fetch(_) => Fetched::Failed,
            NoNewKeys::Unusable(_) => Fetched::Refused,
        };
        self.metrics.keys_fetched(outcome, now);
        self.identity.keys_not_fetched(error.to_string(), now);
        let failures_in_a_row = self.failures_in_a_row;
        match self.digest {
            Some(_) => {
                tracing::warn!(%error, failures_in_a_row, "jwks: no new keys, those in use stay until they are too old");
            }
            None => {
                tracing::warn!(%error, failures_in_a_row, "jwks: no keys yet, tokens are denied until there are some");
            }
        }
    }
}

#[cfg(test)]
mod tests;
