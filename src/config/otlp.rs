//! `[audit.otlp]`: who is sent a copy of what is recorded.

use super::read::Section;
use crate::identity::{KeyUrl, KeyUrlError};
use std::path::{Path, PathBuf};

/// A receiver of OTLP over gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Where it is; the path is not used.
    pub url: KeyUrl,
    /// PEM of the authorities that its certificate may be of; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// Records that may wait for it; older ones are dropped.
    pub queue_records_max: u64,
}

pub(super) fn read(section: Section<'_>, base: &Path) -> Option<OtlpConfig> {
    let endpoint = section.text("endpoint");
    let ca_file = section.text("ca_file");
    let queue_records_max = section.count("queue_records_max");
    let url = endpoint.and_then(|text| {
        let why = match KeyUrl::parse(&text.value) {
            Ok(url) if url.path == "/" => return Some(url),
            Ok(_) => "it may not have a path: OTLP over gRPC has none".to_owned(),
            Err(KeyUrlError::NotAbsolute) => {
                "it must be a URL such as `https://collector.example:4317`".to_owned()
            }
            Err(error) => error.to_string(),
        };
        let message = format!("`audit.otlp.endpoint` is of no use: {why}");
        section.problem(&text.place, message);
        None
    });
    section.end();
    Some(OtlpConfig {
        url: url?,
        ca_file: ca_file.map(|file| base.join(file.value)),
        queue_records_max,
    })
}
