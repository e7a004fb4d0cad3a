//! Shows the checkpoints of a log to a witness, and keeps its signatures. Nothing waits for it: a
//! witness that is away costs no record and no decision.

use super::exchange::{self, HttpError};
use super::jitter::jittered;
use crate::audit::log::Sealed;
use crate::audit::prove::{LogProofs, ProofError};
use crate::audit::witness::{
    ADD_CHECKPOINT, ANSWER_BYTES_MAX, Answer, WitnessError, add_checkpoint, read_answer,
};
use crate::config::WitnessConfig;
use crate::server::{Tenant, Witnessed};
use crate::tlog::Hash;
use hyper::{Request, header};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{sleep, timeout};

/// How often a witness may name another size to begin a proof at, in one go.
const SIZES_MAX: u32 = 3;

/// How a witness is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Between two checkpoints.
    pub(super) interval: Duration,
    /// How long the answer may take.
    pub(super) answer_max: Duration,
    /// After the first failure, about; then twice as long each time.
    pub(super) backoff_first: Duration,
    pub(super) backoff_max: Duration,
}

impl Pace {
    /// As often as configured.
    pub(super) const fn every(interval: Duration) -> Self {
        Self {
            interval,
            answer_max: Duration::from_secs(10),
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
        }
    }
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error("{0}")]
    Http(#[from] HttpError),
    #[error("its address is none: {0}")]
    Request(#[from] http::Error),
    #[error("{0}")]
    Answer(#[from] WitnessError),
    #[error("it names one size after the other to begin at")]
    Sizes,
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("there is no proof for it: {0}")]
    Proof(#[from] ProofError),
    #[error("its signature cannot be kept: {0}")]
    Keep(#[from] io::Error),
    #[error("the work came to nothing: {0}")]
    Task(#[from] JoinError),
}

impl NotCosigned {
    const fn outcome(&self) -> Witnessed {
        match self {
            Self::Answer(error) if error.is_of_the_log() => Witnessed::Disputed,
            _ => Witnessed::Failed,
        }
    }
}

/// One witness of one log.
pub(super) struct Witness {
    tenant: Arc<Tenant>,
    config: WitnessConfig,
    name: Arc<str>,
    pace: Pace,
    proofs: LogProofs,
    latest: watch::Receiver<Option<Arc<Sealed>>>,
    /// The size of the last checkpoint that it signed, as far as is known; 0: none.
    since: u64,
    failures_in_a_row: u32,
}

impl Witness {
    /// Of this tenant's log; `None`: the log is not signed.
    pub(super) fn new(tenant: Arc<Tenant>, config: WitnessConfig, pace: Pace) -> Option<Self> {
        let log = tenant.evidence.log();
        let (latest, proofs) = (log.watch_checkpoint()?, log.proofs()?);
        let held = log.checkpoint();
        let held = held.filter(|sealed| sealed.note.check(&config.key).is_ok());
        let name: Arc<str> = config.key.name().into();
        tenant.metrics.show_witness(&name);
        Some(Self {
            name,
            pace,
            proofs,
            latest,
            since: held.map_or(0, |sealed| sealed.checkpoint.size),
            failures_in_a_row: 0,
            config,
            tenant,
        })
    }

    /// Shows one checkpoint after the other for as long as there is a log.
    pub(super) async fn run(mut self) {
        loop {
            let Some(sealed) = self.next().await else {
                return;
            };
            let shown = timeout(self.pace.answer_max, self.show(&sealed)).await;
            match shown.unwrap_or(Err(NotCosigned::TimedOut(self.pace.answer_max))) {
                Ok(()) => self.cosigned(sealed.checkpoint.size),
                Err(error) => self.failed(&error),
            }
            sleep(self.pause()).await;
        }
    }

    /// A checkpoint that it has not signed; `None`: there will be none.
    async fn next(&mut self) -> Option<Arc<Sealed>> {
        let since = self.since;
        let is_more = |latest: &Option<Arc<Sealed>>| {
            (latest.as_ref()).is_some_and(|sealed| sealed.checkpoint.size > since)
        };
        self.latest.wait_for(is_more).await.ok()?.clone()
    }

    fn pause(&self) -> Duration {
        if self.failures_in_a_row == 0 {
            return jittered(self.pace.interval, 0.9..1.1);
        }
        let doubled = 2_u32.saturating_pow(self.failures_in_a_row.saturating_sub(1).min(16));
        let longest = self.pace.backoff_first.saturating_mul(doubled);
        jittered(longest.min(self.pace.backoff_max), 0.5..1.0)
    }

    fn cosigned(&mut self, size: u64) {
        self.failures_in_a_row = 0;
        self.tenant
            .metrics
            .witnessed(&self.name, Witnessed::Cosigned);
        self.tenant.metrics.cosigned(&self.name, size);
    }

    fn failed(&mut self, error: &NotCosigned) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let outcome = error.outcome();
        self.tenant.metrics.witnessed(&self.name, outcome);
        let origin = self.tenant.evidence.log().origin();
        let (witness, failures_in_a_row) = (&*self.name, self.failures_in_a_row);
        match outcome {
            Witnessed::Disputed => {
                tracing::error!(origin, witness, %error, "a witness says that the audit log is not what it was");
            }
            _ => {
                tracing::warn!(origin, witness, %error, failures_in_a_row, "a checkpoint of the audit log is not cosigned");
            }
        }
    }

    async fn show(&mut self, sealed: &Arc<Sealed>) -> Result<(), NotCosigned> {
        let size = sealed.checkpoint.size;
        for _ in 0..SIZES_MAX {
            let proof = self.proof(self.since, size).await?;
            let body = add_checkpoint(self.since, &proof, &sealed.note);
            let path = format!(
                "{}{ADD_CHECKPOINT}",
                self.config.url.path.trim_end_matches('/')
            );
            let request = Request::post(path)
                .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
                .body(body)?;
            let ca_file = self.config.ca_file.as_deref();
            let answer = exchange::send(&self.config.url, ca_file, request, ANSWER_BYTES_MAX);
            let (status, body) = answer.await?;
            let answer = (status.as_u16(), body.as_slice());
            match read_answer(answer, (&sealed.note, size), &self.config.key)? {
                Answer::Since(since) => self.since = since,
                Answer::Cosigned(cosignatures) => {
                    self.since = size;
                    let (tenant, sealed) = (Arc::clone(&self.tenant), Arc::clone(sealed));
                    let keep = move || tenant.evidence.log().cosign(&sealed, &cosignatures);
                    return Ok(spawn_blocking(keep).await??);
                }
            }
        }
        Err(NotCosigned::Sizes)
    }

    async fn proof(&self, since: u64, size: u64) -> Result<Vec<Hash>, NotCosigned> {
        if since == 0 || since == size {
            return Ok(Vec::new());
        }
        let proofs = self.proofs.clone();
        Ok(spawn_blocking(move || proofs.consistency(since, size)).await??)
    }
}
