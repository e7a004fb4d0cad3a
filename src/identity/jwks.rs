//! The keys of a JWKS document (RFC 7517) that tokens may be signed with.

use super::algorithm::Algorithm;
use crate::model::json::{self, Json, JsonError, Limits, Object};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;

/// Largest JWKS document, in bytes.
pub const JWKS_BYTES_MAX: usize = 1 << 20;
/// The same, and its deepest nesting.
const JWKS_LIMITS: Limits = Limits {
    bytes_max: JWKS_BYTES_MAX,
    depth_max: 8,
    values_max: Limits::REQUEST.values_max,
};
/// Most keys in a JWKS document.
const JWKS_KEYS_MAX: usize = 256;
/// Shortest and longest RSA modulus, in bits: what the library verifies with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longest RSA exponent, in bytes.
const RSA_EXPONENT_BYTES_MAX: usize = 8;
/// Members that only private or symmetric keys have.
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Why a JWKS file was refused. Keys are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not strict JSON.
    #[error("the key set is not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// No array `keys`.
    #[error("the key set has no array `keys`")]
    NoKeys,
    /// More keys than may be.
    #[error("the key set has {keys} keys, more than {keys_max}")]
    TooManyKeys {
        /// How many.
        keys: usize,
        /// The limit.
        keys_max: usize,
    },
    /// A key that is not well-formed.
    #[error("key {number} of the key set: {problem}")]
    Malformed {
        /// Which key, from 1.
        number: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A private key in a file of public ones.
    #[error("key {number} of the key set is a private key: remove `{member}` and replace the key")]
    Private {
        /// Which key, from 1.
        number: usize,
        /// The private member.
        member: &'static str,
    },
    /// Two keys with one `kid`.
    #[error("key {number} of the key set has the same `kid` as an earlier one")]
    DuplicateKid {
        /// Which key, from 1.
        number: usize,
    },
    /// Nothing is left to verify with.
    #[error("the key set has no key for the configured algorithms{}", list(.skipped))]
    NoUsableKey {
        /// Why each key was skipped.
        skipped: Vec<String>,
    },
}

fn list(skipped: &[String]) -> String {
    let lines = skipped.iter().map(|why| format!("; {why}"));
    lines.collect()
}

/// One public key and what it may verify.
#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys that can be used with the configured algorithms.
#[derive(Clone, Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    pub(super) skipped: Vec<String>,
}

/// Why no key was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    KidMissing,
    Unknown,
    WrongAlgorithm,
}

/// Why a key is not in the set: it is of no use here, or it is broken.
enum Unusable {
    Skip(&'static str),
    Malformed(&'static str),
}

impl KeySet {
    pub(super) fn parse(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, JwksError> {
        let document = json::parse(bytes, JWKS_LIMITS)?;
        let entries = document.get("keys").and_then(Json::as_array);
        let entries = entries.ok_or(JwksError::NoKeys)?;
        if entries.len() > JWKS_KEYS_MAX {
            return Err(JwksError::TooManyKeys {
                keys: entries.len(),
                keys_max: JWKS_KEYS_MAX,
            });
        }
        let (mut keys, mut skipped) = (Vec::<Key>::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            let number = index + 1;
            match read_key(entry, number, algorithms)? {
                Ok(key) if is_duplicate(&keys, &key) => {
                    return Err(JwksError::DuplicateKid { number });
                }
                Ok(key) => keys.push(key),
                Err(why) => skipped.push(format!("key {number} was skipped: {why}")),
            }
        }
        if keys.is_empty() {
            return Err(JwksError::NoUsableKey { skipped });
        }
        Ok(Self { keys, skipped })
    }

    /// The `kid` of each key that has one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|key| key.kid.as_deref())
    }

    /// The one key that a token with this header must be signed with.
    pub(super) fn choose(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&DecodingKey, NoKey> {
        let key = match (kid, self.keys.as_slice()) {
            (_, []) => return Err(NoKey::Unknown),
            // A set of one nameless key: whatever name the token gives cannot be compared.
            (_, [only]) if only.kid.is_none() => only,
            (None, [only]) => only,
            (None, _) => return Err(NoKey::KidMissing),
            (Some(kid), keys) => {
                let found = keys.iter().find(|key| key.kid.as_deref() == Some(kid));
                found.ok_or(NoKey::Unknown)?
            }
        };
        if key.algorithms.contains(&algorithm) {
            Ok(&key.key)
        } else {
            Err(NoKey::WrongAlgorithm)
        }
    }
}

fn is_duplicate(keys: &[Key], key: &Key) -> bool {
    key.kid.is_some() && keys.iter().any(|earlier| earlier.kid == key.kid)
}

/// The key, or why it is of no use here.
fn read_key(
    entry: &Json,
    number: usize,
    configured: &[Algorithm],
) -> Result<Result<Key, &'static str>, JwksError> {
    let malformed = |problem| JwksError::Malformed { number, problem };
    let entry = entry
        .as_object()
        .ok_or_else(|| malformed("it is not an object"))?;
    let private = |member: &&&str| entry.get(member).is_some();
    if let Some(member) = PRIVATE_MEMBERS.iter().find(private) {
        return Err(JwksError::Private { number, member });
    }
    match usable_key(entry, configured) {
        Ok(key) => Ok(Ok(key)),
        Err(Unusable::Skip(why)) => Ok(Err(why)),
        Err(Unusable::Malformed(problem)) => Err(malformed(problem)),
    }
}

fn usable_key(entry: &Object, configured: &[Algorithm]) -> Result<Key, Unusable> {
    let kty = text(entry, "kty", "`kty` is missing or not text")?;
    let kid = match entry.get("kid") {
        None => None,
        Some(kid) => Some(
            kid.as_str()
                .ok_or(Unusable::Malformed("`kid` is not text"))?,
        ),
    };
    check_use(entry)?;
    let (key, of_key) = match kty {
        "RSA" => (rsa_key(entry)?, Algorithm::OF_RSA.to_vec()),
        "EC" => ec_key(entry)?,
        "OKP" => (ed_key(entry)?, vec![Algorithm::EdDsa]),
        "oct" => {
            return Err(Unusable::Skip(
                "it is symmetric: tokens must be signed asymmetrically",
            ));
        }
        _ => return Err(Unusable::Skip("its `kty` is not supported")),
    };
    let pinned = entry.get("alg").map(|alg| alg.as_str().unwrap_or_default());
    let may = |algorithm: &Algorithm| {
        configured.contains(algorithm)
            && pinned.is_none_or(|name| Algorithm::parse(name) == Some(*algorithm))
    };
    let algorithms: Vec<Algorithm> = of_key.into_iter().filter(may).collect();
    if algorithms.is_empty() {
        return Err(Unusable::Skip("no configured algorithm uses it"));
    }
    Ok(Key {
        kid: kid.map(str::to_owned),
        algorithms,
        key,
    })
}

/// A key for another use than verifying signatures is of no use here.
fn check_use(entry: &Object) -> Result<(), Unusable> {
    let other_use = entry
        .get("use")
        .is_some_and(|used| used.as_str() != Some("sig"));
    let other_operations = entry.get("key_ops").is_some_and(|operations| {
        let operations = operations.as_array().unwrap_or_default();
        !operations.iter().any(|op| op.as_str() == Some("verify"))
    });
    if other_use || other_operations {
        return Err(Unusable::Skip("it is not for verifying signatures"));
    }
    Ok(())
}

fn rsa_key(entry: &Object) -> Result<DecodingKey, Unusable> {
    let modulus = binary(entry, "n", "`n` is missing or not base64url")?;
    let exponent = binary(entry, "e", "`e` is missing or not base64url")?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = modulus.get(zeros..).unwrap_or_default();
    let bits = modulus.first().map_or(0, |first| {
        modulus.len() * 8 - first.leading_zeros() as usize
    });
    if !RSA_BITS.contains(&bits) {
        return Err(Unusable::Skip("its modulus is not of 2048 to 8192 bits"));
    }
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent.len() > RSA_EXPONENT_BYTES_MAX || exponent == [1] {
        return Err(Unusable::Malformed("`e` is not a public exponent"));
    }
    Ok(DecodingKey::from_rsa_raw_components(modulus, &exponent))
}

fn ec_key(entry: &Object) -> Result<(DecodingKey, Vec<Algorithm>), Unusable> {
    let (bytes, algorithm) = match text(entry, "crv", "`crv` is missing or not text")? {
        "P-256" => (32, Algorithm::Es256),
        "P-384" => (48, Algorithm::Es384),
        _ => return Err(Unusable::Skip("its curve is not supported")),
    };
    let mut point = vec![4];
    for (member, problem) in [
        ("x", "`x` is missing or not base64url"),
        ("y", "`y` is missing or not base64url"),
    ] {
        let coordinate = binary(entry, member, problem)?;
        if coordinate.len() != bytes {
            return Err(Unusable::Malformed(
                "a coordinate is not as long as its curve's",
            ));
        }
        point.extend(coordinate);
    }
    Ok((DecodingKey::from_ec_der(&point), vec![algorithm]))
}

fn ed_key(entry: &Object) -> Result<DecodingKey, Unusable> {
    if text(entry, "crv", "`crv` is missing or not text")? != "Ed25519" {
        return Err(Unusable::Skip("its curve is not supported"));
    }
    let point = binary(entry, "x", "`x` is missing or not base64url")?;
    if point.len() != 32 {
        return Err(Unusable::Malformed(
            "a coordinate is not as long as its curve's",
        ));
    }
    Ok(DecodingKey::from_ed_der(&point))
}

fn text<'a>(entry: &'a Object, member: &str, problem: &'static str) -> Result<&'a str, Unusable> {
    let text = entry.get(member).and_then(Json::as_str);
    text.ok_or(Unusable::Malformed(problem))
}

fn binary(entry: &Object, member: &str, problem: &'static str) -> Result<Vec<u8>, Unusable> {
    let text = text(entry, member, problem)?;
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Unusable::Malformed(problem))
}

#[cfg(test)]
mod tests;
