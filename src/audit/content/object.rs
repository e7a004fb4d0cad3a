//! One object: its name, its file, reading it.

use super::erase::ERASED_FILE;
use super::keys::{Keys, KeysError, open};
use crate::audit::hash::{Hashed, sha256_hex};
use crate::files::Files;
use crate::model::time::Month;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Longest name of a tenant that is a directory's name as it is, in bytes.
const TENANT_NAME_BYTES_MAX: usize = 64;
/// Digits of a hash.
const HASH_DIGITS: usize = 64;
/// Digits of a hash that make a directory.
const SPREAD_DIGITS: usize = 2;
/// Longest file of an object, in bytes: as much as any configuration lets an object be, and more.
const OBJECT_FILE_BYTES_MAX: u64 = 128 << 20;
/// What an object is bound to, before its reference.
const OBJECT: &str = "toolgate content 1";

/// Where content is kept: `<tenant>/<month>/<hash>`, as `ref` in a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    pub(super) tenant: String,
    pub(super) month: String,
    pub(super) hash: String,
}

/// A text that refers to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a reference to content: one is `<tenant>/<month>/<64 hexadecimal digits>`, as `ref` in a record"
)]
pub struct NoReference;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Erased on purpose.
    #[error("the content was erased, with all of its tenant and month")]
    Erased,
    /// Not there: never kept, or lost in a crash.
    #[error("there is no such content")]
    Missing,
    /// Changed on the disk, or of another key.
    #[error("the content does not open: its file was changed, or it is of another key")]
    Damaged,
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The disk.
    #[error("the content cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Reference {
    /// Of content with this hash.
    pub(super) fn new(tenant: &str, month: Month, hashed: &Hashed) -> Option<Self> {
        let hash = hashed.hash.rsplit(':').next()?;
        is_hash(hash).then(|| Self {
            tenant: dir_name(tenant),
            month: month.to_string(),
            hash: hash.to_owned(),
        })
    }

    /// The object's file.
    pub(super) fn path(&self, dir: &Path) -> PathBuf {
        let spread = self.hash.get(..SPREAD_DIGITS).unwrap_or_default();
        month_dir(dir, &self.tenant, &self.month)
            .join(spread)
            .join(&self.hash)
    }

    pub(super) fn bound_to(&self) -> String {
        format!("{OBJECT}\n{self}\n")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.month, self.hash)
    }
}

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let mut parts = text.split('/');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(tenant), Some(month), Some(hash), None) = parts else {
            return Err(NoReference);
        };
        let is_tenant = tenant == dir_name(tenant) || is_hashed_tenant(tenant);
        if !is_tenant || !is_month(month) || !is_hash(hash) {
            return Err(NoReference);
        }
        Ok(Self {
            tenant: tenant.to_owned(),
            month: month.to_owned(),
            hash: hash.to_owned(),
        })
    }
}

/// The tenant's directory: its name where that is plain, else `~` and a hash of it.
pub(super) fn dir_name(tenant: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let is_plain = (1..=TENANT_NAME_BYTES_MAX).contains(&tenant.len())
        && tenant.bytes().all(plain)
        && !tenant.starts_with('.');
    match is_plain {
        true => tenant.to_owned(),
        false => format!("~{}", sha256_hex(tenant.as_bytes())),
    }
}

fn is_hashed_tenant(name: &str) -> bool {
    name.strip_prefix('~').is_some_and(is_hash)
}

fn is_hash(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == HASH_DIGITS && text.bytes().all(digit)
}

/// `2026-11`
pub(super) fn is_month(text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-') {
        Some((year, month)) if year.len() == 4 && month.len() == 2 => {
            digits(year) && digits(month) && ("01"..="12").contains(&month)
        }
        _ => false,
    }
}

pub(super) fn month_dir(dir: &Path, tenant: &str, month: &str) -> PathBuf {
    dir.join(tenant).join(month)
}

pub(super) fn read(
    dir: &Path,
    files: &dyn Files,
    keys: &Keys,
    reference: &Reference,
) -> Result<Vec<u8>, ReadError> {
    let sealed = files.read(&reference.path(dir), OBJECT_FILE_BYTES_MAX);
    let keys = keys.find(&reference.tenant, &reference.month)?;
    let month = month_dir(dir, &reference.tenant, &reference.month);
    let was_erased = || files.length(&month.join(ERASED_FILE));
    match (sealed, keys) {
        (Ok(sealed), Some(keys)) => {
            let opened = open(&keys.data, &reference.bound_to(), &sealed);
            let content = opened.ok_or(ReadError::Damaged)?;
            Ok(content.to_vec())
        }
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ if was_erased()?.is_some() => Err(ReadError::Erased),
        _ => Err(ReadError::Missing),
    }
}
