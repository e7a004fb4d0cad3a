//! Keyed hashes of arguments and results: the record tells equal content apart from other content
//! and tells nothing else of it.
//!
//! A plain hash of a phone number is found by trying all phone numbers, so the hash is
//! HMAC-SHA-256 under a key per tenant and month, derived from one root key of 32 random bytes:
//! `key = HMAC(root, "toolgate audit key 1\n" ‖ month ‖ "\n" ‖ tenant)`, month as `2026-11` (UTC).
//! Where there is a content store, the keys are random instead, and kept with the content.
//! The input is `Json::canonical`: sorted keys, no spaces, numbers as they were written.

#[cfg(test)]
mod tests;

pub use crate::model::secret::is_secret_key;

use super::content::{ContentStore, Omitted};
use super::record::{Fields, Own};
use crate::files::{self, Files};
use crate::model::hex::hex;
use crate::model::json::Json;
use crate::model::secret;
use crate::model::time::{Month, Timestamp};
use arc_swap::ArcSwap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Length of the root key and of every derived key, in bytes.
pub const KEY_BYTES: usize = 32;
/// Block of SHA-256, in bytes.
const HMAC_BLOCK_BYTES: usize = 64;
/// Bytes of a key's own hash that name it.
const KEY_ID_BYTES: usize = 8;
/// Most derived keys that are kept.
const KEYS_MAX: usize = 1024;
/// Where random bytes come from.
const RANDOM_SOURCE: &str = "/dev/urandom";

/// Content, hashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    /// `hmac-sha256:<key id>:<hex>`.
    pub hash: String,
    /// Bytes of the canonical JSON.
    pub size: u64,
    /// Whether a value stands under a key that names a secret, or looks like one.
    pub secret_present: bool,
    /// Whether that secret was valid, where a shim or a tool reports it.
    pub secret_valid: Option<bool>,
    /// Where the content store keeps it, if it does.
    pub reference: Option<String>,
    /// Why the content store does not keep it, where it was to.
    pub omitted: Option<Omitted>,
}

impl Hashed {
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .put("hash", Own(&self.hash))
            .optional("ref", self.reference.as_deref())
            .optional("ref_absent", self.omitted.map(Omitted::as_str))
            .put("secret_present", self.secret_present)
            .optional("secret_valid", self.secret_valid)
            .integer("size", self.size);
    }
}

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("audit key `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may use the file.
    #[error("audit key `{path}` is open to the group or others: run `chmod 600` on it")]
    Shared {
        /// The file.
        path: String,
    },
    /// Not a key.
    #[error("audit key `{path}` must be 64 hexadecimal digits and a newline")]
    Malformed {
        /// The file.
        path: String,
    },
}

/// Where the keys of tenants and months come from.
enum KeySource {
    /// Derived from one root key.
    Derived(Zeroizing<[u8; KEY_BYTES]>),
    /// Random, and kept with the content of their month: erased, when that is.
    Kept(Arc<ContentStore>),
}

/// Hashes content under a key per tenant and month.
pub struct Hasher {
    source: KeySource,
    /// The keys of the month that was hashed in last.
    keys: ArcSwap<MonthKeys>,
}

/// Derived keys of one month by tenant.
#[derive(Default)]
struct MonthKeys {
    month: Month,
    of_tenant: HashMap<String, TenantKey>,
}

/// One derived key.
#[derive(Clone)]
struct TenantKey {
    mac: Hmac<Sha256>,
    /// `hmac-sha256:<month>.<key id>:`
    prefix: String,
}

impl Hasher {
    /// With this root key.
    #[must_use]
    pub fn new(root: [u8; KEY_BYTES]) -> Self {
        Self::with(KeySource::Derived(Zeroizing::new(root)))
    }

    /// With the keys of this store, which keeps what is hashed.
    #[must_use]
    pub fn keeping(store: Arc<ContentStore>) -> Self {
        Self::with(KeySource::Kept(store))
    }

    fn with(source: KeySource) -> Self {
        Self {
            source,
            keys: ArcSwap::default(),
        }
    }

    /// With the root key in this file, which is made (mode 0600, random) if it is not there.
    ///
    /// # Errors
    /// As `KeyError` says. A key that is there and cannot be used is never replaced.
    pub fn open(path: &Path, files: &dyn Files) -> Result<Self, KeyError> {
        key_file(path, files, true).map(|root| Self::with(KeySource::Derived(root)))
    }

    /// Hashes content under the key of this tenant and of the month of `time`.
    #[must_use]
    pub fn hash(&self, tenant: &str, time: Timestamp, content: &Json) -> Hashed {
        let bytes = Zeroizing::new(content.canonical());
        let key = self.key(tenant, time.month());
        let mut mac = key.mac;
        mac.update(&bytes);
        Hashed {
            hash: key.prefix + &hex(&mac.finalize().into_bytes()),
            size: bytes.len() as u64,
            secret_present: secret::is_present_in(content, &bytes),
            secret_valid: None,
            reference: None,
            omitted: None,
        }
    }

    /// As `hash`, and keeps the content where there is a store for it.
    #[must_use]
    pub fn hash_and_keep(&self, tenant: &str, time: Timestamp, content: &Json) -> Hashed {
        let mut hashed = self.hash(tenant, time, content);
        if let KeySource::Kept(store) = &self.source {
            store.keep(tenant, time.month(), &mut hashed, content);
        }
        hashed
    }

    /// The content store, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<ContentStore>> {
        match &self.source {
            KeySource::Kept(store) => Some(store),
            KeySource::Derived(_) => None,
        }
    }

    /// The tenant's key of a month. Deriving it takes longer than using it, so those of the last
    /// month that was asked for are kept.
    fn key(&self, tenant: &str, month: Month) -> TenantKey {
        let keys = self.keys.load();
        let kept = keys.of_tenant.get(tenant).filter(|_| keys.month == month);
        if let Some(key) = kept {
            return key.clone();
        }
        let key = self.derive(tenant, month);
        let kept = match keys.month == month && keys.of_tenant.len() < KEYS_MAX {
            true => keys.of_tenant.clone(),
            false => HashMap::new(),
        };
        let added = (tenant.to_owned(), key.clone());
        let of_tenant = kept.into_iter().chain([added]).collect();
        self.keys.store(Arc::new(MonthKeys { month, of_tenant }));
        key
    }

    fn derive(&self, tenant: &str, month: Month) -> TenantKey {
        let key = match &self.source {
            KeySource::Derived(root) => {
                let label = format!("toolgate audit key 1\n{month}\n{tenant}");
                finish(keyed(root), label.as_bytes())
            }
            KeySource::Kept(store) => store.hash_key(tenant, month),
        };
        let key = Zeroizing::new(key);
        let mac = keyed(&key);
        let id = finish(mac.clone(), b"toolgate audit key id 1");
        let id = hex(id.get(..KEY_ID_BYTES).unwrap_or_default());
        TenantKey {
            mac,
            prefix: format!("hmac-sha256:{month}.{id}:"),
        }
    }
}

/// Lower-case hexadecimal SHA-256.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn keyed(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    // HMAC fills a short key up with zeros to the block, so this is the HMAC of the 32 bytes.
    let mut block = Zeroizing::new([0; HMAC_BLOCK_BYTES]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new((&*block).into())
}

fn finish(mut mac: Hmac<Sha256>, bytes: &[u8]) -> [u8; KEY_BYTES] {
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

fn io_error(path: &Path, source: io::Error) -> KeyError {
    let path = path.display().to_string();
    KeyError::Io { path, source }
}

/// The key in a file, made (mode 0600, random) if it is not there and `may_make`.
pub(super) fn key_file(
    path: &Path,
    files: &dyn Files,
    may_make: bool,
) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let text = match read(path, files) {
        Err(KeyError::Io { source, .. })
            if may_make && source.kind() == io::ErrorKind::NotFound =>
        {
            let text = random_key().map_err(|source| io_error(path, source))?;
            files::replace(files, path, text.as_bytes())
                .map_err(|source| io_error(path, source))?;
            text
        }
        other => other?,
    };
    parse_key(&text).ok_or_else(|| KeyError::Malformed {
        path: path.display().to_string(),
    })
}

fn read(path: &Path, files: &dyn Files) -> Result<Zeroizing<String>, KeyError> {
    let bytes_max = (2 * KEY_BYTES + 1) as u64;
    let bytes = files
        .read(path, bytes_max)
        .map_err(|source| io_error(path, source))?;
    let is_shared = files.is_shared(path);
    if is_shared.map_err(|source| io_error(path, source))? {
        let path = path.display().to_string();
        return Err(KeyError::Shared { path });
    }
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed {
            path: path.display().to_string(),
        })
}

fn random_key() -> io::Result<Zeroizing<String>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    std::fs::File::open(RANDOM_SOURCE)?.read_exact(&mut *key)?;
    let mut text = Zeroizing::new(hex(&*key));
    text.push('\n');
    Ok(text)
}

/// 64 hexadecimal digits, and a newline or none.
pub(super) fn parse_key(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let digits = text.strip_suffix('\n').unwrap_or(text);
    if digits.len() != 2 * KEY_BYTES || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    for (index, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(key)
}
