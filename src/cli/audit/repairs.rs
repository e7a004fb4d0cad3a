//! What `audit repair` cut off a log: whoever reads the log has to know, and has to have it.

use super::printable;
use crate::audit::verify::Head;
use crate::model::hex::hex;
use crate::model::json::{Json, Object};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::path::Path;

/// Repairs that are told of one by one; of a log with more, the first.
const REPAIRS_MAX: usize = 256;

/// The repairs that a log's records tell of.
#[derive(Debug, Default)]
pub(super) struct Repairs(Vec<Repair>);

#[derive(Debug)]
struct Repair {
    first_seq: u64,
    lines: u64,
    digest: String,
    file: String,
    /// Those of repairs that did not end, too.
    files: Vec<String>,
    checkpoint: Option<String>,
}

impl Repairs {
    /// Looks at a record that checks.
    pub(super) fn see(&mut self, record: &Object) {
        let is_repair = record.get("type").and_then(Json::as_str) == Some("log_repaired");
        if is_repair && self.0.len() < REPAIRS_MAX {
            self.0.push(Repair::read(record));
        }
    }

    /// What to look at, in words: each repair, what is missing of what it cut, and whether the held
    /// head is among what was cut.
    pub(super) fn warnings(&self, dir: &Path, head: Option<&Head>) -> Vec<String> {
        let mut warnings = Vec::new();
        for repair in &self.0 {
            warnings.push(repair.tell());
            warnings.extend(repair.missing(dir));
            if head.is_some_and(|head| repair.has(head.seq)) {
                warnings.push(format!(
                    "the held head is of a record that this repair cut off, or of one that took \
                     its place: look for it in `{}`",
                    repair.file
                ));
            }
        }
        warnings.iter().map(|warning| printable(warning)).collect()
    }
}

impl Repair {
    fn read(record: &Object) -> Self {
        let number = |name| record.get(name).and_then(Json::as_u64).unwrap_or(0);
        let text = |name| record.get(name).and_then(Json::as_str).unwrap_or_default();
        let files = record.get("files").and_then(Json::as_array);
        let files = files.unwrap_or_default().iter().filter_map(Json::as_str);
        Self {
            first_seq: number("first_seq"),
            lines: number("lines"),
            digest: text("digest").to_owned(),
            file: text("file").to_owned(),
            files: files.map(str::to_owned).collect(),
            checkpoint: record
                .get("checkpoint")
                .and_then(Json::as_str)
                .map(str::to_owned),
        }
    }

    fn has(&self, seq: u64) -> bool {
        let end = self.first_seq.saturating_add(self.lines);
        (self.first_seq..end).contains(&seq)
    }

    fn tell(&self) -> String {
        let (seq, lines, file) = (self.first_seq, self.lines, &self.file);
        let cut = format!(
            "the log was repaired at seq {seq}: {lines} lines were cut, and are in `{file}`"
        );
        match &self.checkpoint {
            Some(checkpoint) => format!(
                "{cut}; it had been signed beyond that, and that checkpoint is in `{checkpoint}`: \
                 whoever holds one as long sees another log"
            ),
            None => cut,
        }
    }

    fn missing(&self, dir: &Path) -> Vec<String> {
        let others = self.files.iter().filter(|file| **file != self.file);
        let others = others.filter_map(|file| missing(dir, file, None));
        let own = missing(dir, &self.file, Some(&self.digest));
        own.into_iter().chain(others).collect()
    }
}

/// What is wrong with a file of cut records. Names come from the log: none leads out of its
/// directory.
fn missing(dir: &Path, name: &str, digest: Option<&str>) -> Option<String> {
    if !name.starts_with("cut-") || name.contains('/') {
        return Some(format!("`{name}` is no name of cut records"));
    }
    let path = dir.join(name);
    let found = match digest {
        Some(_) => digest_of(&path).map(Some),
        None => std::fs::metadata(&path).map(|_| None),
    };
    match (found, digest) {
        (Err(error), _) => Some(format!(
            "`{name}` cannot be read ({error}): put it back, it is evidence"
        )),
        (Ok(Some(found)), Some(expected)) if found != expected => Some(format!(
            "`{name}` is not what was cut: it is {found}, and was {expected}"
        )),
        (Ok(_), _) => None,
    }
}

/// Of what may be larger than the memory.
fn digest_of(path: &Path) -> io::Result<String> {
    let mut hasher = Hashing(Sha256::new());
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(format!("sha256:{}", hex(&hasher.0.finalize())))
}

struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
