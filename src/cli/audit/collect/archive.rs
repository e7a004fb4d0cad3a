//! The archive's file: a `tar.gz` with the digests of all that is in it.

use crate::model::hex::hex;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tar::{Builder, Header};

/// Most directories below each other in a tree that is put in.
const DEPTH_MAX: usize = 32;

/// An archive that is being written.
pub(super) struct Archive {
    tar: Builder<GzEncoder<File>>,
    sums: String,
}

impl Archive {
    /// A new one, for its owner alone: it names people.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            tar: Builder::new(GzEncoder::new(file, Compression::default())),
            sums: String::new(),
        })
    }

    pub(super) fn put(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let digest = hex(&Sha256::digest(content));
        self.sums.push_str(&format!("{digest}  {name}\n"));
        self.append(name, content)
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        self.tar.append_data(&mut header, name, content)
    }

    /// A file, or each file of a directory; links are left out.
    pub(super) fn put_tree(&mut self, name: &str, path: &Path) -> io::Result<()> {
        self.put_below(name, path, DEPTH_MAX)
    }

    fn put_below(&mut self, name: &str, path: &Path, depth: usize) -> io::Result<()> {
        let own = path.file_name().unwrap_or_default().to_string_lossy();
        let name = match own.is_empty() {
            true => name.to_owned(),
            false => format!("{name}/{own}"),
        };
        let kind = fs::symlink_metadata(path)?.file_type();
        if kind.is_file() {
            return self.put(&name, &fs::read(path)?);
        }
        if kind.is_dir() && depth > 0 {
            let entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path()));
            let mut entries: Vec<_> = entries.collect::<io::Result<_>>()?;
            entries.sort();
            for entry in entries {
                self.put_below(&name, &entry, depth - 1)?;
            }
        }
        Ok(())
    }

    /// Ends it, durably.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let sums = std::mem::take(&mut self.sums);
        self.append("SHA256SUMS", sums.as_bytes())?;
        self.tar.into_inner()?.finish()?.sync_all()
    }
}
