//! `[[audit.witnesses]]`: who else signs the checkpoints of the logs.

use super::read::Section;
use crate::identity::{KeyUrl, KeyUrlError};
use crate::tlog::{KeyKind, VerifierKey};
use std::path::{Path, PathBuf};

/// Most witnesses: each signature is a line of the checkpoint.
pub const WITNESSES_MAX: usize = 16;

/// One witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessConfig {
    /// Its submission prefix, without a slash at the end.
    pub url: KeyUrl,
    /// What its signatures are checked with.
    pub key: VerifierKey,
    /// PEM of the authorities that its certificate may be of; `None`: the system's.
    pub ca_file: Option<PathBuf>,
}

pub(super) fn read_all(section: &Section<'_>, base: &Path) -> Vec<WitnessConfig> {
    let entries = section.sections("witnesses");
    if entries.len() > WITNESSES_MAX {
        let message = format!("more than {WITNESSES_MAX} of `audit.witnesses`");
        section.problem(section.place(), message);
    }
    let mut all: Vec<WitnessConfig> = Vec::new();
    for entry in entries {
        let place = entry.place().clone();
        let Some(witness) = read(entry, base) else {
            continue;
        };
        if all.iter().any(|it| it.key == witness.key) {
            let message = format!(
                "an earlier entry of `audit.witnesses` has the key `{}`",
                witness.key
            );
            section.problem(&place, message);
        }
        all.push(witness);
    }
    all
}

fn read(section: Section<'_>, base: &Path) -> Option<WitnessConfig> {
    let url = section.required_text("url");
    let key = section.required_text("key");
    let ca_file = section.text("ca_file");
    let url = url.and_then(|text| {
        let of_no_use = |why: String| {
            let message = format!("`audit.witnesses[].url` is of no use: {why}");
            section.problem(&text.place, message);
        };
        match KeyUrl::parse(text.value.trim_end_matches('/')) {
            Ok(url) if url.path.contains('?') => {
                of_no_use("it may not have a query".to_owned());
                None
            }
            Ok(url) => Some(url),
            Err(KeyUrlError::NotAbsolute) => {
                of_no_use("it must be a URL such as `https://witness.example/submit`".to_owned());
                None
            }
            Err(error) => {
                of_no_use(error.to_string());
                None
            }
        }
    });
    let key = key.and_then(|text| match text.value.parse::<VerifierKey>() {
        Ok(key) if key.kind() == KeyKind::Witness => Some(key),
        Ok(_) => {
            let message = "`audit.witnesses[].key` is a log's key: a witness's is of kind 0x04";
            section.problem(&text.place, message);
            None
        }
        Err(error) => {
            section.problem(&text.place, format!("`audit.witnesses[].key`: {error}"));
            None
        }
    });
    section.end();
    Some(WitnessConfig {
        url: url?,
        key: key?,
        ca_file: ca_file.map(|file| base.join(file.value)),
    })
}
