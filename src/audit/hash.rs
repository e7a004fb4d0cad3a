//! Keyed hashes of arguments and results: the record tells equal content apart from other content
//! and tells nothing else of it.
//!
//! A plain hash of a phone number is found by trying all phone numbers, so the hash is
//! HMAC-SHA-256 under a key per tenant and month, derived from one root key of 32 random bytes:
//! `key = HMAC(root, "toolgate audit key 1\n" ‖ month ‖ "\n" ‖ tenant)`, month as `2026-11` (UTC).
//! The input is `Json::canonical`: sorted keys, no spaces, numbers as they were written.

#[cfg(test)]
mod tests;

pub use crate::model::secret::is_secret_key;

use super::record::Fields;
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
}

impl Hashed {
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .put("hash", self.hash.as_str())
            .optional("ref", self.reference.as_deref())
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

/// Hashes content under keys derived from the root key.
pub struct Hasher {
    root: Zeroizing<[u8; KEY_BYTES]>,
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
        Self::with(Zeroizing::new(root))
    }

    fn with(root: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self {
            root,
            keys: ArcSwap::default(),
        }
    }

    /// With the root key in this file, which is made (mode 0600, random) if it is not there.
    ///
    /// # Errors
    /// As `KeyError` says. A key that is there and cannot be used is never replaced.
    pub fn open(path: &Path, files: &dyn Files) -> Result<Self, KeyError> {
        let text = match read(path, files) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let text = random_key().map_err(|source| io_error(path, source))?;
                files::replace(files, path, text.as_bytes())
                    .map_err(|source| io_error(path, source))?;
                text
            }
            other => other?,
        };
        let root = parse(&text).ok_or_else(|| KeyError::Malformed {
            path: path.display().to_string(),
        })?;
        Ok(Self::with(root))
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
        let of_root = keyed(&self.root);
        let label = format!("toolgate audit key 1\n{month}\n{tenant}");
        let key = Zeroizing::new(finish(of_root, label.as_bytes()));
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
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
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

fn parse(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
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
