//! What several tests of bundles need.

use super::load::{LoadEvent, Loader};
use super::source::{Bundle, Limits, Source};
use super::swap::{Compiled, PolicyStore};
use super::verify::Verified;
use crate::model::bundle::Sources;
use crate::model::finding::{Finding, Severity};
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use tar::{Builder, EntryType, Header};

/// Limits that a test can reach.
pub(in crate::bundle) const SMALL: Limits = Limits {
    bundle_bytes_max: 64 << 10,
    file_bytes_max: 1024,
    files_max: 5,
    depth_max: 3,
};
/// A module that does nothing.
pub(in crate::bundle) const MODULE: &[u8] = b"package a\n";

/// A tar entry whose name is taken as it is: the tar crate would refuse the bad ones.
pub(in crate::bundle) fn entry(kind: EntryType, name: &[u8], content: &[u8]) -> (Header, Vec<u8>) {
    let mut header = Header::new_ustar();
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.set_cksum();
    (header, content.to_vec())
}

pub(in crate::bundle) fn file(name: &str, content: &[u8]) -> (Header, Vec<u8>) {
    entry(EntryType::Regular, name.as_bytes(), content)
}

pub(in crate::bundle) fn tar_of(entries: Vec<(Header, Vec<u8>)>) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, content) in entries {
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(in crate::bundle) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(in crate::bundle) fn archive(entries: Vec<(Header, Vec<u8>)>) -> Vec<u8> {
    gzip(&tar_of(entries))
}

/// A bundle of these files.
pub(in crate::bundle) fn bundle(name: &str, files: &[(&str, &str)]) -> Bundle {
    let file = |(path, content): &(&str, &str)| ((*path).to_owned(), content.as_bytes().to_vec());
    Bundle {
        name: name.to_owned(),
        servers: None,
        files: files.iter().map(file).collect(),
    }
}

/// A loader whose sets are the text of all modules, the events that it tells, and its store. What
/// contains `BROKEN` does not compile; `PANIC` panics.
pub(in crate::bundle) fn loader(
    sources: &[(&str, &Path)],
) -> (
    Loader<String>,
    Receiver<LoadEvent>,
    Arc<PolicyStore<String>>,
) {
    let source = |(name, path): &(&str, &Path)| Source {
        name: (*name).to_owned(),
        path: path.to_path_buf(),
        servers: None,
    };
    let store = Arc::new(PolicyStore::new().unwrap());
    let (tell, told) = channel();
    let loader = Loader {
        sources: sources.iter().map(source).collect(),
        compile: Box::new(text_of),
        store: Arc::clone(&store),
        record: Box::new(|_| Ok(())),
        on_event: Box::new(move |event| tell.send(event).unwrap()),
        now: || Timestamp::from_nanos(7),
        held_max: 3,
    };
    (loader, told, store)
}

fn text_of(verified: Verified<Sources>, version: u64) -> Result<Compiled<String>, Vec<Finding>> {
    let texts = verified.modules.iter().map(|module| module.source.as_str());
    let set: String = texts.collect();
    assert!(!set.contains("PANIC"), "this compiler panics when told to");
    if set.contains("BROKEN") {
        return Err(vec![broken()]);
    }
    Ok(Compiled {
        recompiled: true,
        revision: Revision {
            version,
            revision: verified.revision.clone(),
            digest: verified.digest.clone(),
        },
        packages: Vec::new(),
        warnings: verified.warnings().to_vec(),
        findings: Vec::new(),
        changes: verified.changes.clone(),
        set,
    })
}

/// What the loader's compiler finds in a broken module.
pub(in crate::bundle) fn broken() -> Finding {
    Finding {
        severity: Severity::Error,
        code: "test.broken",
        package: String::new(),
        path: "a.rego".to_owned(),
        line: 2,
        column: 1,
        message: "broken".to_owned(),
        hint: String::new(),
    }
}
