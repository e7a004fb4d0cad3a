//! Bearer tokens: a JWS in compact form, signed by a key of a JWKS (RFC 7515, 7519, 8725, 9068). The library checks the signature alone; everything else is checked here, with
//! strict JSON and a clock that is passed in.

use super::algorithm::Algorithm;
use super::claims::{ClaimPaths, ClaimedSubject};
use super::jwks::{JwksError, KeySet, NoKey};
use super::keys::KeySource;
use super::unfit::TokenError;
use crate::model::json::{self, Json, JsonError, Limits, Object};
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Bounds of a token's header and of its claims.
const TOKEN_LIMITS: Limits = Limits {
    bytes_max: TOKEN_BYTES_MAX,
    depth_max: 24,
    values_max: Limits::REQUEST.values_max,
};
/// Largest date that a claim may give, in seconds since 1970: exact as a float, far beyond use.
const DATE_SECONDS_MAX: f64 = 253_402_300_800.0;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Which tokens are believed: `[jwt]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtConfig {
    /// Where the issuer's public keys are.
    pub keys: KeySource,
    /// The only `iss` that is accepted.
    pub issuer: String,
    /// Who `aud` must name.
    pub audience: String,
    /// The algorithms that are accepted; at least one.
    pub algorithms: Vec<Algorithm>,
    /// How far the issuer's clock may be off, in seconds.
    pub leeway_seconds: u32,
    /// Which claims mean what.
    pub claims: ClaimPaths,
}

/// A token whose signature and claims have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerifiedToken {
    pub(super) subject: ClaimedSubject,
    /// From here on it is not accepted: `exp` and the leeway.
    pub(super) accepted_until: Timestamp,
}

/// Verifies tokens against one key set. To take up new keys, make a new one and swap it.
#[derive(Clone, Debug)]
pub struct JwtVerifier {
    config: JwtConfig,
    /// `None`: none was fetched yet.
    keys: Option<KeySet>,
    fetched_at: Option<Timestamp>,
}

impl JwtVerifier {
    /// Takes up the keys of a JWKS document (at most 1 MiB). Keys that cannot be used (symmetric,
    /// for encryption, of another algorithm) are left out: see [`Self::skipped`].
    ///
    /// # Errors
    /// Not strict JSON, a malformed or private key, two keys with one `kid`, no usable key.
    pub fn from_jwks(bytes: &[u8], config: &JwtConfig) -> Result<Self, JwksError> {
        Ok(Self {
            config: config.clone(),
            keys: Some(KeySet::parse(bytes, &config.algorithms)?),
            fetched_at: None,
        })
    }

    /// The same of a document that was fetched: its keys are used for as long as the configuration
    /// says.
    ///
    /// # Errors
    /// As `from_jwks`.
    pub fn fetched(bytes: &[u8], config: &JwtConfig, at: Timestamp) -> Result<Self, JwksError> {
        Ok(Self {
            fetched_at: Some(at),
            ..Self::from_jwks(bytes, config)?
        })
    }

    /// Refuses every token until keys are fetched.
    #[must_use]
    pub fn awaiting(config: &JwtConfig) -> Self {
        Self {
            config: config.clone(),
            keys: None,
            fetched_at: None,
        }
    }

    /// Why keys of the set were left out, one line a key: for the log.
    #[must_use]
    pub fn skipped(&self) -> &[String] {
        self.keys.as_ref().map_or(&[], |keys| &keys.skipped)
    }

    /// The `kid` of each key that has one.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().flat_map(KeySet::ids)
    }

    /// When the keys were fetched; `None` of a file's.
    #[must_use]
    pub fn fetched_at(&self) -> Option<Timestamp> {
        self.fetched_at
    }

    /// The keys, unless they are too old.
    fn keys_at(&self, now: Timestamp) -> Result<&KeySet, TokenError> {
        let keys = self.keys.as_ref().ok_or(TokenError::KeysMissing)?;
        if let (KeySource::Server(server), Some(fetched_at)) = (&self.config.keys, self.fetched_at)
            && now >= fetched_at.plus(server.stale_max)
        {
            return Err(TokenError::KeysStale);
        }
        Ok(keys)
    }

    /// The issuer whose tokens this verifies.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// Which claims mean what.
    pub(super) fn claim_paths(&self) -> &ClaimPaths {
        &self.config.claims
    }

    pub(super) fn verify(
        &self,
        token: &Token,
        now: Timestamp,
    ) -> Result<VerifiedToken, TokenError> {
        let parts = Parts::split(token.text())?;
        let header = object("header", parts.header)?;
        self.check_signature(&parts, &header, now)?;
        let claims = object("payload", parts.payload)?;
        self.check_addressing(&claims)?;
        let accepted_until = self.check_dates(&claims, now)?;
        Ok(VerifiedToken {
            subject: self.config.claims.read(&claims)?,
            accepted_until,
        })
    }

    fn check_signature(
        &self,
        parts: &Parts<'_>,
        header: &Object,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        check_type(header)?;
        if header.get("crit").is_some() {
            return Err(TokenError::Critical);
        }
        let algorithm = header_text(header, "alg")?.and_then(Algorithm::parse);
        let algorithm = algorithm.filter(|it| self.config.algorithms.contains(it));
        let algorithm = algorithm.ok_or(TokenError::Algorithm)?;
        let kid = header_text(header, "kid")?;
        let key = self.keys_at(now)?.choose(kid, algorithm);
        let key = key.map_err(|why| match why {
            NoKey::KidMissing => TokenError::KidMissing,
            NoKey::Unknown => TokenError::KeyUnknown,
            NoKey::WrongAlgorithm => TokenError::KeyAlgorithm,
        })?;
        decode("signature", parts.signature)?;
        let signed = parts.signed.as_bytes();
        let verified =
            jsonwebtoken::crypto::verify(parts.signature, signed, key, algorithm.of_library());
        match verified {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(TokenError::Signature),
        }
    }

    fn check_addressing(&self, claims: &Object) -> Result<(), TokenError> {
        let issuer = claims.get("iss").ok_or_else(|| missing("iss"))?;
        if issuer.as_str().ok_or_else(|| shape("iss"))? != self.config.issuer {
            return Err(TokenError::Issuer);
        }
        let audience = claims.get("aud").ok_or_else(|| missing("aud"))?;
        let named = match audience {
            Json::String(one) => *one == self.config.audience,
            Json::Array(several) if several.iter().all(|one| one.as_str().is_some()) => several
                .iter()
                .any(|one| one.as_str() == Some(self.config.audience.as_str())),
            _ => return Err(shape("aud")),
        };
        if named {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }

    fn check_dates(&self, claims: &Object, now: Timestamp) -> Result<Timestamp, TokenError> {
        // Whole seconds of an i64 of nanoseconds are below 2^53: exact as a float.
        let now = now.as_nanos().div_euclid(NANOS_PER_SECOND) as f64;
        let leeway = f64::from(self.config.leeway_seconds);
        let expiry = date(claims, "exp")?.ok_or_else(|| missing("exp"))?;
        if now >= expiry + leeway {
            return Err(TokenError::Expired);
        }
        if date(claims, "nbf")?.is_some_and(|start| start > now + leeway) {
            return Err(TokenError::NotYetValid);
        }
        if date(claims, "iat")?.is_some_and(|issued| issued > now + leeway) {
            return Err(TokenError::IssuedInFuture);
        }
        let until = (expiry + leeway).floor() as i64;
        Ok(Timestamp::from_nanos(
            until.saturating_mul(NANOS_PER_SECOND),
        ))
    }
}

/// What a token says, whoever wrote it: for the record of its refusal. `None` if it cannot be read.
pub(super) fn unverified_claims(token: &Token) -> Option<Object> {
    let parts = Parts::split(token.text()).ok()?;
    object("payload", parts.payload).ok()
}

struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// What the signature covers: `header.payload`.
    signed: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLarge {
                bytes_max: TOKEN_BYTES_MAX,
            });
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::NotCompact)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::NotCompact)?;
        if payload.contains('.') {
            return Err(TokenError::NotCompact);
        }
        Ok(Self {
            header,
            payload,
            signature,
            signed,
        })
    }
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| TokenError::Encoding { part })
}

fn object(part: &'static str, text: &str) -> Result<Object, TokenError> {
    let bytes = decode(part, text)?;
    match json::parse(&bytes, TOKEN_LIMITS) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(TokenError::Json {
            part,
            error: JsonError::Syntax {
                expected: "an object",
                at: 0,
            },
        }),
        Err(error) => Err(TokenError::Json { part, error }),
    }
}

fn header_text<'a>(
    header: &'a Object,
    member: &'static str,
) -> Result<Option<&'a str>, TokenError> {
    let Some(value) = header.get(member) else {
        return Ok(None);
    };
    let text = value.as_str().ok_or(TokenError::HeaderShape { member })?;
    Ok(Some(text))
}

/// RFC 8725, section 3.11: a token made for another purpose says so in `typ`. Absent is accepted,
/// for Kubernetes service account tokens have none.
fn check_type(header: &Object) -> Result<(), TokenError> {
    let Some(typ) = header_text(header, "typ")? else {
        return Ok(());
    };
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    if matches!(typ, "jwt" | "at+jwt") {
        Ok(())
    } else {
        Err(TokenError::Type)
    }
}

/// A `NumericDate`: seconds since 1970, perhaps with decimals.
fn date(claims: &Object, claim: &'static str) -> Result<Option<f64>, TokenError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let Json::Number(number) = value else {
        return Err(shape(claim));
    };
    let seconds = number.as_str().parse::<f64>().map_err(|_| shape(claim))?;
    if (0.0..=DATE_SECONDS_MAX).contains(&seconds) {
        Ok(Some(seconds))
    } else {
        Err(shape(claim))
    }
}

fn missing(claim: &str) -> TokenError {
    TokenError::ClaimMissing {
        claim: claim.to_owned(),
    }
}

fn shape(claim: &str) -> TokenError {
    TokenError::ClaimShape {
        claim: claim.to_owned(),
    }
}

#[cfg(test)]
mod tests;
