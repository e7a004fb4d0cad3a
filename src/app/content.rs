//! The content store of a log, as it is configured.

use super::AppError;
use crate::audit::content::{ContentStore, Limits, WrappingKey};
use crate::config::{AuditConfig, ContentConfig, ContentKey};
use crate::files::Files;
use crate::tlog::VerifierKey;
use std::path::Path;
use std::sync::Arc;

/// The key's file beside the log, where the configuration names none.
const KEY_FILE: &str = "content.key";

/// Opens the store of a log.
pub(super) fn store(
    log: &AuditConfig,
    config: &ContentConfig,
    files: &Arc<dyn Files>,
) -> Result<Arc<ContentStore>, AppError> {
    let limits = Limits {
        object_bytes_max: config.object_bytes_max,
        store_bytes_max: config.store_bytes_max,
    };
    let key = wrapping_key(&log.dir, config, files.as_ref())?;
    let store = ContentStore::open(&log.dir, key, limits, Arc::clone(files))?;
    Ok(Arc::new(store))
}

fn wrapping_key(
    log_dir: &Path,
    config: &ContentConfig,
    files: &dyn Files,
) -> Result<WrappingKey, AppError> {
    match &config.key {
        ContentKey::Own => Ok(WrappingKey::open(&log_dir.join(KEY_FILE), files, true)?),
        ContentKey::File(path) => Ok(WrappingKey::open(path, files, false)?),
        ContentKey::Variable(name) => {
            let text = std::env::var(name).ok();
            let key = text.as_deref().and_then(WrappingKey::parse);
            key.ok_or_else(|| AppError::ContentKeyVariable(name.clone()))
        }
    }
}

/// Who may let others read.
pub(super) fn approvers(config: &ContentConfig) -> Result<Vec<VerifierKey>, AppError> {
    let parse = |text: &String| {
        let parsed = text.parse::<VerifierKey>();
        parsed.map_err(|error| AppError::Approver(error.to_string()))
    };
    config.approvers.iter().map(parse).collect()
}
