//! Exports what becomes durable in a log over OTLP (gRPC), for systems that collect events. Lossy by
//! design: it starts with what is recorded from now on, waits for nobody, and drops what a receiver
//! does not take in time. What is dropped is counted; the log has it all.

use super::exchange::{self, HttpError};
use super::jitter::jittered;
use crate::audit::index::{Lines, record_of};
use crate::audit::otlp::{log_record, resource_logs};
use crate::audit::verify::Head;
use crate::config::OtlpConfig;
use crate::model::time::Clock;
use crate::server::Tenant;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Error};
use tonic::{Code, Status};

/// Records of one request.
const BATCH_RECORDS_MAX: usize = 512;
/// Bytes of the lines of one request, but for the last one. Receivers take 4 MiB as a rule.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How long a record waits for others to share its request, in milliseconds.
const BATCH_WAIT_MS: u64 = 200;
/// How long a request may take, in seconds.
const EXPORT_SECONDS_MAX: u64 = 10;
/// How long a receiver that failed is left alone at first, about, and at most; in milliseconds.
const BACKOFF_MS_FIRST: u64 = 500;
const BACKOFF_MS_MAX: u64 = 30_000;

/// Why records are not exported.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("{0}")]
    Authorities(#[from] HttpError),
    #[error("the receiver's address: {0}")]
    Endpoint(#[from] Error),
    #[error("the receiver answered {:?}: {}", .0.code(), .0.message())]
    Status(#[from] Status),
    #[error("the receiver did not answer within {EXPORT_SECONDS_MAX} s")]
    TimedOut,
    #[error("the log's lines cannot be read: {0}")]
    Lines(#[from] io::Error),
    #[error("the work came to nothing: {0}")]
    Task(#[from] JoinError),
}

impl ExportError {
    /// Whether the same records may be taken later, as the specification of OTLP has it.
    fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => matches!(
                status.code(),
                Code::Cancelled
                    | Code::DeadlineExceeded
                    | Code::Aborted
                    | Code::OutOfRange
                    | Code::Unavailable
                    | Code::DataLoss
                    | Code::ResourceExhausted
                    // A connection that broke.
                    | Code::Unknown
            ),
            _ => true,
        }
    }
}

/// Records that were read.
struct Batch {
    lines: Lines,
    log_records: Vec<LogRecord>,
    /// Those that are gone, or are no records.
    missing: u64,
}

/// The export of one log.
pub(super) struct Exporter {
    tenant: Arc<Tenant>,
    config: OtlpConfig,
    dir: PathBuf,
    clock: Clock,
    head: watch::Receiver<Option<Head>>,
    /// The first record that was neither exported nor dropped.
    next_seq: u64,
    lines: Option<Lines>,
    client: Option<LogsServiceClient<Channel>>,
    failures_in_a_row: u32,
}

impl Exporter {
    /// Of this tenant's log, in this directory, from the next record on.
    pub(super) fn new(tenant: Arc<Tenant>, config: OtlpConfig, dir: PathBuf, clock: Clock) -> Self {
        tenant.metrics.otlp(0, 0);
        let head = tenant.evidence.log().watch_head();
        let next_seq = records(&head);
        Self {
            tenant,
            config,
            dir,
            clock,
            head,
            next_seq,
            lines: None,
            client: None,
            failures_in_a_row: 0,
        }
    }

    /// Exports for as long as the log is open.
    pub(super) async fn run(mut self) {
        loop {
            let next_seq = self.next_seq;
            let is_more = |head: &Option<Head>| head.as_ref().is_some_and(|it| it.seq >= next_seq);
            if self.head.wait_for(is_more).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(BATCH_WAIT_MS)).await;
            self.drop_overdue();
            match self.export().await {
                Ok(()) => self.failures_in_a_row = 0,
                Err(error) => {
                    self.failed(&error);
                    sleep(self.backoff()).await;
                }
            }
        }
    }

    /// Gives up what waits beyond the limit, the oldest first.
    fn drop_overdue(&mut self) {
        let waiting = records(&self.head).saturating_sub(self.next_seq);
        let overdue = waiting.saturating_sub(self.config.queue_records_max);
        if overdue > 0 {
            self.lines = None;
            self.next_seq += overdue;
            self.tenant.metrics.otlp(0, overdue);
        }
    }

    async fn export(&mut self) -> Result<(), ExportError> {
        let batch = self.read().await?;
        let exported = batch.log_records.len() as u64;
        let rejected = match exported {
            0 => Ok(0),
            _ => self.send(batch.log_records).await,
        };
        let rejected = match rejected {
            Err(error) if error.may_pass() => return Err(error),
            Err(error) => {
                self.failed(&error);
                exported
            }
            Ok(rejected) => rejected.min(exported),
        };
        let dropped = batch.missing + rejected;
        self.tenant.metrics.otlp(exported - rejected, dropped);
        self.next_seq = batch.lines.next_seq();
        self.lines = Some(batch.lines);
        Ok(())
    }

    async fn read(&mut self) -> Result<Batch, ExportError> {
        let (dir, next_seq) = (self.dir.clone(), self.next_seq);
        let (lines, last_seq) = (self.lines.take(), records(&self.head).saturating_sub(1));
        let clock = Arc::clone(&self.clock);
        let read = move || read(lines, &dir, next_seq..=last_seq, &clock);
        Ok(spawn_blocking(read).await??)
    }

    /// How many of them the receiver rejected.
    async fn send(&mut self, log_records: Vec<LogRecord>) -> Result<u64, ExportError> {
        let origin = self.tenant.evidence.log().origin().to_owned();
        let request = ExportLogsServiceRequest {
            resource_logs: vec![resource_logs(&origin, log_records)],
        };
        let mut client = match self.client.take() {
            Some(client) => client,
            None => LogsServiceClient::new(connect(&self.config).await?),
        };
        let limit = Duration::from_secs(EXPORT_SECONDS_MAX);
        let answer = timeout(limit, client.export(request)).await;
        let answer = answer.map_err(|_late| ExportError::TimedOut)??;
        // One that failed is made anew, with the authorities as they are then.
        self.client = Some(client);
        let partial = answer.into_inner().partial_success.unwrap_or_default();
        Ok(u64::try_from(partial.rejected_log_records).unwrap_or(0))
    }

    fn failed(&mut self, error: &ExportError) {
        self.lines = None;
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let origin = self.tenant.evidence.log().origin();
        let failures_in_a_row = self.failures_in_a_row;
        tracing::warn!(origin, %error, failures_in_a_row, "records are not exported over OTLP");
    }

    fn backoff(&self) -> Duration {
        let doubled = 2_u64.saturating_pow(self.failures_in_a_row.saturating_sub(1).min(16));
        let longest = BACKOFF_MS_FIRST.saturating_mul(doubled).min(BACKOFF_MS_MAX);
        jittered(Duration::from_millis(longest), 0.5..1.0)
    }
}

fn records(head: &watch::Receiver<Option<Head>>) -> u64 {
    head.borrow().as_ref().map_or(0, |head| head.seq + 1)
}

fn read(
    lines: Option<Lines>,
    dir: &Path,
    seqs: std::ops::RangeInclusive<u64>,
    clock: &Clock,
) -> io::Result<Batch> {
    let mut lines = match lines {
        Some(lines) => lines,
        None => Lines::from_seq(dir, *seqs.start())?,
    };
    // Older ones may be gone from the disk.
    let mut missing = lines.next_seq().saturating_sub(*seqs.start());
    let batch = lines.batch(*seqs.end(), BATCH_RECORDS_MAX, BATCH_BYTES_MAX)?;
    if batch.is_empty() && missing == 0 {
        return Err(io::Error::other("a durable record is not there"));
    }
    let now = clock();
    let mut log_records = Vec::with_capacity(batch.len());
    for line in &batch {
        match record_of(line) {
            Ok(record) => log_records.push(log_record(&line.bytes, &record, now)),
            Err(_) => missing += 1,
        }
    }
    Ok(Batch {
        lines,
        log_records,
        missing,
    })
}

async fn connect(config: &OtlpConfig) -> Result<Channel, ExportError> {
    let url = &config.url;
    let scheme = if url.is_tls { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", url.authority))?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(EXPORT_SECONDS_MAX));
    if !url.is_tls {
        return Ok(endpoint.connect_lazy());
    }
    let ca_file = config.ca_file.clone();
    let roots = spawn_blocking(move || exchange::roots(ca_file.as_deref())).await??;
    let tls = ClientTlsConfig::new().trust_anchors(roots.roots);
    Ok(endpoint.tls_config(tls)?.connect_lazy())
}
