//! The audit log of a process or a tenant: opened, signed, indexed.

use super::{AppError, content};
use crate::audit::hash::Hasher;
use crate::audit::index::{Index, IndexEvent};
use crate::audit::layout::{CHECKPOINT_NAME, SIGNING_KEY_NAME};
use crate::audit::log::{self, Cadence, Log, Signing};
use crate::audit::sign::SigningKey;
use crate::config::{AuditConfig, AuditMode, OnFailure, SigningKeyPlace};
use crate::files::{Files, create_dir};
use crate::server::{self, Evidence, Metrics, OwedCalls, WriteMode};
use crate::telemetry::now;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The index of the log, which it follows.
pub(super) fn index(
    config: &AuditConfig,
    evidence: &Evidence,
    metrics: &Arc<Metrics>,
) -> Result<Index, AppError> {
    let metrics = Arc::clone(metrics);
    let origin = config.origin.clone();
    let tell = move |event| match event {
        IndexEvent::Renewed { why } => {
            tracing::warn!(origin, why, "the index of the audit log is made anew");
        }
        IndexEvent::Failed { why } => {
            metrics.audit_index_failed();
            tracing::error!(
                origin,
                why,
                "the index of the audit log cannot be written; records and decisions are not concerned"
            );
        }
        IndexEvent::Recovered => {
            tracing::info!(origin, "the index of the audit log is written again")
        }
    };
    Index::start(&config.dir, evidence.log().watch_head(), tell).map_err(AppError::Thread)
}

/// The key's file beside the log, where the configuration names none.
const KEY_FILE: &str = "hash.key";

fn is_there(path: &Path, files: &dyn Files) -> Result<bool, AppError> {
    let length = files.length(path).map_err(AppError::AuditDir)?;
    Ok(length.is_some())
}

/// Who signs the log.
fn signing(config: &AuditConfig, files: &dyn Files) -> Result<Signing, AppError> {
    let key = match &config.signing.key {
        Some(SigningKeyPlace::File(path)) => SigningKey::read(path, files)?,
        Some(SigningKeyPlace::Variable(name)) => {
            let pem = Zeroizing::new(std::env::var(name).unwrap_or_default());
            SigningKey::from_pem(&pem, &format!("in the environment variable `{name}`"))?
        }
        None => {
            let path = config.dir.join(SIGNING_KEY_NAME);
            let is_signed = is_there(&config.dir.join(CHECKPOINT_NAME), files)?;
            if is_signed && !is_there(&path, files)? {
                return Err(AppError::SigningKeyLost(path));
            }
            create_dir(files, &config.dir).map_err(AppError::AuditDir)?;
            SigningKey::open(&path, files)?
        }
    };
    if let Some(key) = key.verifier(&config.origin) {
        tracing::info!(%key, "the audit log is signed");
    }
    let previous = config.signing.previous_key_file.as_ref();
    let previous = previous.map(|path| SigningKey::read(path, files));
    Ok(Signing {
        key: Arc::new(key),
        previous: previous.transpose()?.map(Arc::new),
        time: now(),
    })
}

/// The log, and what it tells of the calls before.
pub(super) fn evidence(
    config: &AuditConfig,
    metrics: &Metrics,
    files: &Arc<dyn Files>,
) -> Result<(Evidence, OwedCalls), AppError> {
    let options = log::Options {
        batch_records_max: config.batch_records_max,
        batch_ms_max: config.batch_ms_max,
        signing: Some(signing(config, files.as_ref())?),
        cadence: Cadence {
            leaves_max: config.signing.checkpoint_records_max,
            ms_max: config.signing.checkpoint_ms_max,
        },
        on_sync: Some(metrics.on_sync()),
        ..log::Options::new(&config.origin)
    };
    let (log, recovered) = Log::open(&config.dir, options, Arc::clone(files))?;
    if let Some(torn) = &recovered.report.torn {
        tracing::warn!(
            bytes = torn.bytes,
            "dropped a torn last line of the audit log"
        );
    }
    if recovered.unsigned > config.signing.checkpoint_records_max {
        tracing::warn!(
            unsigned = recovered.unsigned,
            records = recovered.report.records,
            "no checkpoint covered the last records of the audit log when it was opened: a crash \
             under load leaves some; if there was none, find out who wrote its directory or put an \
             older checkpoint back"
        );
    }
    let own_key = config.dir.join(KEY_FILE);
    let key: &Path = config.key_file.as_deref().unwrap_or(&own_key);
    if recovered.report.records > 0 && !is_there(key, files.as_ref())? {
        return Err(AppError::AuditKeyLost(key.to_owned()));
    }
    // Made also where keys are kept with content: for the day when nothing more is to be kept.
    let derived = Hasher::open(key, files.as_ref())?;
    let hasher = match &config.content {
        Some(content) => Hasher::keeping(content::store(config, content, files)?),
        None => derived,
    };
    let approvers = config.content.as_ref().map(content::approvers);
    let approvers = approvers.transpose()?.unwrap_or_default();
    let mode = match config.mode {
        AuditMode::Async => WriteMode::Async,
        AuditMode::Durable => WriteMode::Durable,
    };
    let on_failure = match config.on_failure {
        OnFailure::Deny => server::OnFailure::Deny,
        OnFailure::AllowAndAlert => server::OnFailure::AllowAndAlert,
    };
    let owed = OwedCalls::resumed(recovered.granted);
    let tracker = recovered.tracker;
    let evidence = Evidence::new(log, hasher, tracker, mode, on_failure);
    Ok((evidence.with_approvers(approvers), owed))
}
