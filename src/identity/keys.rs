//! Where the keys for tokens come from, and the ones that are in use.

use super::Identity;
use super::jwt::JwtVerifier;
use super::unfit::TokenError;
use crate::model::reason::{Code, Reason};
use crate::model::time::Timestamp;
use arc_swap::{ArcSwap, ArcSwapOption, Guard};
use hyper::Uri;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Longest address of a key server, in bytes.
const URL_BYTES_MAX: usize = 2048;

/// Where the issuer's public keys (JWKS) are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In a file.
    File(PathBuf),
    /// At an address that is asked time and again.
    Server(KeyServer),
}

/// An address of a key set, and how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyServer {
    /// The address.
    pub url: KeyUrl,
    /// PEM of the authorities that the server's certificate may be of; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// How often the keys are fetched, give or take a tenth.
    pub refresh: Duration,
    /// How long keys are used after they were fetched.
    pub stale_max: Duration,
}

/// The address of a key set: `https`, or `http` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUrl {
    /// As `Host` names it.
    pub authority: String,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Whether it is `https`.
    pub is_tls: bool,
}

/// Why an address is none of a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyUrlError {
    /// Not an absolute URL.
    #[error("it must be a URL such as `https://issuer.example/jwks.json`")]
    NotAbsolute,
    /// A name and password in it.
    #[error("it may not have a user or a password")]
    Credentials,
    /// Not `https` beyond loopback, where others can change what passes.
    #[error("it must be `https`; `http` is for `localhost` and loopback addresses alone")]
    NotSecure,
}

impl KeyUrl {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, KeyUrlError> {
        let uri: Uri = text.parse().map_err(|_| KeyUrlError::NotAbsolute)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(KeyUrlError::NotAbsolute);
        };
        if text.len() > URL_BYTES_MAX || text.contains('#') || authority.host().is_empty() {
            return Err(KeyUrlError::NotAbsolute);
        }
        if authority.as_str().contains('@') {
            return Err(KeyUrlError::Credentials);
        }
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_tls = match scheme {
            "https" => true,
            "http" if is_loopback(host) => false,
            "http" => return Err(KeyUrlError::NotSecure),
            _ => return Err(KeyUrlError::NotAbsolute),
        };
        let of_scheme = if is_tls { 443 } else { 80 };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            authority: authority.to_string(),
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(of_scheme),
            path: path.to_owned(),
            is_tls,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What is told that other keys are wanted; returns at once.
type Wanted = Box<dyn Fn() + Send + Sync>;

/// The keys in use: replaced as a whole, while tokens are verified with them.
pub(super) struct TokenKeys {
    current: ArcSwap<JwtVerifier>,
    /// Why they could not be fetched anew the last time, and when.
    failure: ArcSwapOption<(Timestamp, String)>,
    wanted: OnceLock<Wanted>,
}

impl TokenKeys {
    pub(super) fn new(tokens: JwtVerifier) -> Self {
        Self {
            current: ArcSwap::from_pointee(tokens),
            failure: ArcSwapOption::empty(),
            wanted: OnceLock::new(),
        }
    }

    pub(super) fn current(&self) -> Guard<Arc<JwtVerifier>> {
        self.current.load()
    }

    pub(super) fn replace(&self, tokens: JwtVerifier) {
        self.current.store(Arc::new(tokens));
        self.failure.store(None);
    }

    pub(super) fn failed(&self, why: String, at: Timestamp) {
        self.failure.store(Some(Arc::new((at, why))));
    }

    /// The first caller of this is the one who is told.
    pub(super) fn tell_wanted(&self, wanted: Wanted) {
        let _first = self.wanted.set(wanted);
    }

    /// Whether others may come of asking.
    pub(super) fn ask_for_others(&self) -> bool {
        if let Some(wanted) = self.wanted.get() {
            wanted();
            return true;
        }
        false
    }

    pub(super) fn status(&self) -> KeyStatus {
        let current = self.current();
        let failure = self.failure.load_full();
        KeyStatus {
            key_ids: current.key_ids().map(str::to_owned).collect(),
            fetched_at: current.fetched_at(),
            failure: failure.map(|failure| (*failure).clone()),
        }
    }
}

impl Identity {
    /// Verifies with other keys from now on, after the key set has changed or was fetched anew. Where
    /// tokens are not accepted they stay so.
    pub fn replace_tokens(&self, tokens: JwtVerifier) {
        if let Some(keys) = &self.tokens {
            keys.replace(tokens);
        }
    }

    /// Notes that the keys could not be fetched: those in use stay.
    pub fn keys_not_fetched(&self, why: String, at: Timestamp) {
        if let Some(keys) = &self.tokens {
            keys.failed(why, at);
        }
    }

    /// `wanted` is called, once for each such token, where a token's key is not in the key set or the
    /// keys are missing or too old. It must return at once; only the first that is given here counts.
    pub fn on_keys_wanted(&self, wanted: impl Fn() + Send + Sync + 'static) {
        if let Some(keys) = &self.tokens {
            keys.tell_wanted(Box::new(wanted));
        }
    }

    /// What is known of the keys for tokens; `None` where tokens are not accepted.
    #[must_use]
    pub fn key_status(&self) -> Option<KeyStatus> {
        self.tokens.as_ref().map(|keys| keys.status())
    }

    /// Where it is for lack of a key that a token is refused, keys are asked for; this token is not
    /// kept waiting for them, so that no number of invented `kid`s holds anything up.
    pub(super) fn refusal(&self, error: &TokenError) -> Reason {
        let lacks_keys = matches!(error, TokenError::KeysMissing | TokenError::KeysStale);
        let lacks_key = lacks_keys || *error == TokenError::KeyUnknown;
        let may_come = lacks_key && self.tokens.as_ref().is_some_and(|it| it.ask_for_others());
        match lacks_keys {
            true => Code::TokenKeysUnavailable.reason(),
            false => Reason {
                retryable: may_come,
                ..Code::Unauthenticated.with_message("the token is not valid")
            },
        }
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenKeys").field(&self.current).finish()
    }
}

/// What is known of the keys for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The `kid` of each key that has one.
    pub key_ids: Vec<String>,
    /// When they were fetched; `None` of a file's, and before the first fetch.
    pub fetched_at: Option<Timestamp>,
    /// When and why they could not be fetched since.
    pub failure: Option<(Timestamp, String)>,
}

#[cfg(test)]
mod tests;
