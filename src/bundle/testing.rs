//! What several tests of bundles need.

use super::source::Limits;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
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
