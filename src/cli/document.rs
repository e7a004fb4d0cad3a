//! Documents that a command is given: a file, or standard input.

use super::CliError;
use crate::bundle::data;
use crate::model::json::{Json, Limits, parse};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest document, in bytes.
pub(super) const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// The JSON or (by its name) YAML document in a file; `-` is standard input, JSON.
pub(super) fn read(path: &Path) -> Result<Json, CliError> {
    let shown = shown(path);
    let bytes = read_bytes(path)?;
    let is_yaml = [".yaml", ".yml"]
        .iter()
        .any(|ending| shown.ends_with(ending));
    let document = match is_yaml {
        true => data::parse(&shown, &bytes).map_err(|error| error.to_string()),
        false => {
            let limits = Limits {
                bytes_max: DOCUMENT_BYTES_MAX,
                ..Limits::BUNDLE_DATA
            };
            parse(&bytes, limits).map_err(|error| format!("no valid JSON: {error}"))
        }
    };
    document.map_err(|error| CliError::unusable(format!("`{shown}`: {error}")))
}

/// A file's name in messages.
pub(super) fn shown(path: &Path) -> String {
    match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// A file's bytes; `-` is standard input.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let read = open(path).and_then(|reader| {
        let mut bytes = Vec::new();
        let one_more = u64::try_from(DOCUMENT_BYTES_MAX).map_or(u64::MAX, |max| max + 1);
        reader.take(one_more).read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let shown = shown(path);
    match read {
        Ok(bytes) if bytes.len() > DOCUMENT_BYTES_MAX => Err(CliError::unusable(format!(
            "`{shown}` is larger than {DOCUMENT_BYTES_MAX} bytes"
        ))),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(CliError::unusable(format!(
            "cannot read `{shown}`: {error}"
        ))),
    }
}

/// What reads a file or standard input.
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    Ok(match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path)?),
    })
}
