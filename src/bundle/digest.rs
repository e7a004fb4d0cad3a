//! The name of a content: equal digests are equal policy sets.
//!
//! The hash is SHA-256 over the line `toolgate-bundle-digest-v1\n`, followed by each file, sorted
//! by the bytes of its bundle's name and then of its path, as three fields: bundle, path, content.
//! A field is its length in bytes as eight bytes, most significant first, and then its bytes. The
//! files are those that decide: live modules, data files and manifests, and
//!
//! - the embedded library's modules, with the bundle `toolgate:library`;
//! - for a bundle that may speak for some servers only, a file `toolgate:servers` whose content is
//!   the sorted names as a JSON array without spaces.
//!
//! Neither a bundle's name nor a path in it can start with `toolgate:`, so nothing else can take
//! these places. The digest is written as `sha256:` and 64 lower-case hexadecimal digits.

use crate::model::hex::hex;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const DOMAIN: &[u8] = b"toolgate-bundle-digest-v1\n";

/// Contents by bundle and path.
pub type Contents<'a> = BTreeMap<(&'a str, &'a str), &'a [u8]>;

/// The digest of these contents, as `sha256:<hex>`.
pub fn of(contents: &Contents<'_>) -> String {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    for ((bundle, path), content) in contents {
        for field in [bundle.as_bytes(), path.as_bytes(), content] {
            let length = u64::try_from(field.len()).unwrap_or(u64::MAX);
            hash.update(length.to_be_bytes());
            hash.update(field);
        }
    }
    format!("sha256:{}", hex(&hash.finalize()))
}
