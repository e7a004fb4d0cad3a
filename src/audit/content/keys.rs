//! The keys of a tenant's month: one that objects are encrypted under, one that hashes are made
//! with. Both are random, and stand, wrapped, in one file: without it they are gone.

use crate::audit::hash::{KEY_BYTES, KeyError, key_file};
use crate::files::{self, Files};
use crate::model::hex::hex;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The file of a month's keys, within the month's directory.
pub(super) const KEYS_FILE: &str = "keys";
/// Bytes of a nonce of XChaCha20.
const NONCE_BYTES: usize = 24;
/// Longest file of keys, in bytes.
const KEYS_FILE_BYTES_MAX: u64 = 512;
/// Keys of so many months are kept in memory.
const MONTHS_MAX: usize = 1024;
/// What the wrapped keys are bound to, before tenant and month.
const WRAPPED: &str = "toolgate content keys 1";

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The file cannot be read or made.
    #[error("content keys `{path}`: {cause}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// Another key wrapped them, or the file was changed.
    #[error(
        "content keys `{path}` do not open: `audit.content.key_file` must have the key that they \
         were made with"
    )]
    Wrapped {
        /// The file.
        path: String,
    },
    /// The system has no random bytes.
    #[error("a content key cannot be made: the system gives no random bytes")]
    Random,
}

/// The configured key, that wraps all others.
#[derive(Clone)]
pub struct WrappingKey(Zeroizing<[u8; KEY_BYTES]>);

impl WrappingKey {
    /// This key.
    #[must_use]
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The key in a file, 64 hexadecimal digits; made, if it is not there and `may_make`.
    ///
    /// # Errors
    /// As `KeyError` says. A key that is there and cannot be used is never replaced.
    pub fn open(path: &Path, files: &dyn Files, may_make: bool) -> Result<Self, KeyError> {
        key_file(path, files, may_make).map(Self)
    }

    /// The key in a text, 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        crate::audit::hash::parse_key(text).map(Self)
    }
}

/// The keys of one tenant's month.
pub(super) struct MonthKeys {
    /// Encrypts objects.
    pub(super) data: Zeroizing<[u8; KEY_BYTES]>,
    /// Makes hashes.
    pub(super) hash: Zeroizing<[u8; KEY_BYTES]>,
}

/// The keys of every tenant's months.
pub(super) struct Keys {
    dir: PathBuf,
    wrapping: WrappingKey,
    files: Arc<dyn Files>,
    known: Mutex<HashMap<(String, String), Arc<MonthKeys>>>,
}

impl Keys {
    pub(super) fn new(dir: &Path, wrapping: WrappingKey, files: Arc<dyn Files>) -> Self {
        Self {
            dir: dir.to_owned(),
            wrapping,
            files,
            known: Mutex::default(),
        }
    }

    /// Whether the wrapping key opens all keys that are there.
    pub(super) fn check(&self) -> Result<(), KeysError> {
        for (tenant, month) in months(&self.dir, self.files.as_ref()).map_err(|error| {
            let path = &self.dir;
            failed(path, &error)
        })? {
            self.find(&tenant, &month)?;
        }
        Ok(())
    }

    /// The keys of this month, made if there are none.
    pub(super) fn of(&self, tenant: &str, month: &str) -> Result<Arc<MonthKeys>, KeysError> {
        let place = (tenant.to_owned(), month.to_owned());
        // Held while keys are made, so that they are made once.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = known.get(&place) {
            return Ok(Arc::clone(keys));
        }
        let keys = match self.find(tenant, month)? {
            Some(keys) => keys,
            None => self.make(tenant, month)?,
        };
        let keys = Arc::new(keys);
        if known.len() >= MONTHS_MAX {
            known.clear();
        }
        known.insert(place, Arc::clone(&keys));
        Ok(keys)
    }

    /// The keys of this month, if there are any.
    pub(super) fn find(&self, tenant: &str, month: &str) -> Result<Option<MonthKeys>, KeysError> {
        let path = self.path(tenant, month);
        let bytes = match self.files.read(&path, KEYS_FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| failed(&path, &error))?,
        };
        let opened = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| unhex(text.trim_end()))
            .and_then(|sealed| open(&self.wrapping.0, &bound_to(tenant, month), &sealed));
        let keys = opened
            .as_deref()
            .and_then(|keys| keys.as_chunks().0.first_chunk());
        let [data, hash] = keys.ok_or_else(|| KeysError::Wrapped {
            path: path.display().to_string(),
        })?;
        Ok(Some(MonthKeys {
            data: Zeroizing::new(*data),
            hash: Zeroizing::new(*hash),
        }))
    }

    fn make(&self, tenant: &str, month: &str) -> Result<MonthKeys, KeysError> {
        let keys = MonthKeys {
            data: Zeroizing::new(random()?),
            hash: Zeroizing::new(random()?),
        };
        let plain = Zeroizing::new([keys.data.as_slice(), keys.hash.as_slice()].concat());
        let sealed = seal(&self.wrapping.0, &bound_to(tenant, month), &plain)?;
        let path = self.path(tenant, month);
        let text = hex(&sealed) + "\n";
        let dir = self.dir.join(tenant).join(month);
        let files = self.files.as_ref();
        files::create_dir(files, &dir)
            .and_then(|()| files::replace(files, &path, text.as_bytes()))
            .map_err(|error| failed(&path, &error))?;
        Ok(keys)
    }

    fn path(&self, tenant: &str, month: &str) -> PathBuf {
        self.dir.join(tenant).join(month).join(KEYS_FILE)
    }
}

/// The months of which there is something, by tenant.
pub(super) fn months(dir: &Path, files: &dyn Files) -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for tenant in files.names(dir)? {
        let of_tenant = dir.join(&tenant);
        if !files.is_dir(&of_tenant) {
            continue;
        }
        for month in files.names(&of_tenant)? {
            if files.is_dir(&of_tenant.join(&month)) {
                found.push((tenant.clone(), month));
            }
        }
    }
    Ok(found)
}

fn bound_to(tenant: &str, month: &str) -> String {
    format!("{WRAPPED}\n{tenant}\n{month}\n")
}

/// Nonce, ciphertext and tag.
pub(super) fn seal(
    key: &[u8; KEY_BYTES],
    bound_to: &str,
    plain: &[u8],
) -> Result<Vec<u8>, KeysError> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let payload = Payload {
        msg: plain,
        aad: bound_to.as_bytes(),
    };
    let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload);
    // It fails for texts of 256 GiB alone.
    let sealed = sealed.map_err(|_| KeysError::Random)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// What was sealed; `None`: not with this key, for this place, or it was changed.
pub(super) fn open(
    key: &[u8; KEY_BYTES],
    bound_to: &str,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let payload = Payload {
        msg: sealed,
        aad: bound_to.as_bytes(),
    };
    let opened = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload);
    opened.ok().map(Zeroizing::new)
}

pub(super) fn random<const BYTES: usize>() -> Result<[u8; BYTES], KeysError> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeysError::Random)?;
    Ok(bytes)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let digits = std::str::from_utf8(pair).ok()?;
        let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
        u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(byte).collect()
}

fn failed(path: &Path, error: &io::Error) -> KeysError {
    KeysError::Io {
        path: path.display().to_string(),
        cause: error.to_string(),
    }
}
