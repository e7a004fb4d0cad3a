//! What may be wrong with a token.

use crate::model::json::JsonError;

/// Why a token was refused. Names claims and members, never their values: fit for a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No `[jwt]` in the configuration.
    #[error("tokens are not configured")]
    NotConfigured,
    /// Longer than may be.
    #[error("the token is longer than {bytes_max} bytes")]
    TooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// Not `header.claims.signature`.
    #[error("the token does not have three parts")]
    NotCompact,
    /// A part that is not base64url without padding.
    #[error("the token's {part} is not base64url")]
    Encoding {
        /// `header`, `payload` or `signature`.
        part: &'static str,
    },
    /// A part that is not a strict JSON object.
    #[error("the token's {part} is not a strict JSON object: {error}")]
    Json {
        /// `header` or `payload`.
        part: &'static str,
        /// Why.
        error: JsonError,
    },
    /// A header member of the wrong type.
    #[error("the token's header member `{member}` has the wrong type")]
    HeaderShape {
        /// Which member.
        member: &'static str,
    },
    /// A token for another purpose.
    #[error("the token's `typ` is neither `JWT` nor `at+jwt`")]
    Type,
    /// An extension that must be understood.
    #[error("the token's header has `crit`")]
    Critical,
    /// `none`, HMAC, unknown, or not among the configured.
    #[error("the token's algorithm is not one of the configured ones")]
    Algorithm,
    /// No key set was fetched yet.
    #[error("no key set has been fetched yet")]
    KeysMissing,
    /// The key set was fetched too long ago.
    #[error("the key set was fetched too long ago")]
    KeysStale,
    /// The key set has several keys, and the token does not say which.
    #[error("the token has no `kid`, and the key set has several keys")]
    KidMissing,
    /// The key set does not have the token's key.
    #[error("the token's `kid` is not in the key set")]
    KeyUnknown,
    /// The token's key is for another algorithm.
    #[error("the token's key is not for the token's algorithm")]
    KeyAlgorithm,
    /// The signature is not the key's.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim that must be there.
    #[error("the token has no claim `{claim}`")]
    ClaimMissing {
        /// Which.
        claim: String,
    },
    /// A claim of the wrong type, length or range.
    #[error("the token's claim `{claim}` has the wrong shape")]
    ClaimShape {
        /// Which.
        claim: String,
    },
    /// Another issuer.
    #[error("the token is from another issuer")]
    Issuer,
    /// Another audience.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` has not come.
    #[error("the token was issued in the future")]
    IssuedInFuture,
}
