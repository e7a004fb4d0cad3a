//! Whom a request is about, as the caller says: not believed yet.

use super::json::Object;
use std::fmt;
use zeroize::Zeroizing;

/// Whom a request is about, as the caller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The caller's word.
    Asserted(Asserted),
    /// Whom the token names, once it is verified.
    BearerToken(Token),
    /// The caller itself.
    None,
}

/// A subject that a caller asserts. Roles and attributes count only where its entry says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asserted {
    /// The subject that policy and directory know.
    pub id: String,
    /// The human on whose behalf the agent acts.
    pub user: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The client program.
    pub client: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// Attributes.
    pub attributes: Object,
    /// Who delegated to whom, outermost first.
    pub delegation: Vec<String>,
}

/// A bearer token. Its text is never shown, and wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Takes the token's text, without `Bearer `.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The token's text: for verifying it, for nothing else.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
