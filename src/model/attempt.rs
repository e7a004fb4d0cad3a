//! Who tried: what is known of somebody whom identity turned away. For the record alone; nothing
//! here counts for anything.

/// Longest text that is kept of what somebody says of itself, in characters.
pub const ATTEMPT_TEXT_CHARS_MAX: usize = 256;
/// Most names that are kept of one list.
pub const ATTEMPT_NAMES_MAX: usize = 16;

/// A question that identity denied, or that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// Which check failed: names fields and claims, never their values.
    pub failed: String,
    /// Whom the question named; `None` if it named nobody.
    pub claimed: Option<Claim>,
    /// Who stood at the other end of the connection.
    pub peer: SeenPeer,
}

/// How somebody was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimedBy {
    /// The caller's word.
    Assertion,
    /// A bearer token.
    Token,
}

impl ClaimedBy {
    /// The name in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Token => "token",
        }
    }
}

/// Somebody's name, as claimed. Texts are cut, lists too; a token itself is never here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How the name came.
    pub by: ClaimedBy,
    /// Whether a token's signature, dates and addressing were found in order. An assertion never
    /// is: it is the caller's word.
    pub verified: bool,
    /// The token's `iss`.
    pub issuer: Option<String>,
    /// The subject; `None` where a token has none that can be read.
    pub id: Option<String>,
    /// The human on whose behalf the agent acts.
    pub user: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The client program.
    pub client: Option<String>,
    /// Who delegated to whom, outermost first.
    pub delegation: Vec<String>,
}

impl Claim {
    /// Nobody yet.
    #[must_use]
    pub fn new(by: ClaimedBy) -> Self {
        Self {
            by,
            verified: false,
            issuer: None,
            id: None,
            user: None,
            agent: None,
            client: None,
            delegation: Vec::new(),
        }
    }
}

/// What the transport saw of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenPeer {
    /// The uid at the other end of the Unix socket.
    pub uid: Option<u32>,
    /// The address at the other end, `ip:port`.
    pub address: Option<String>,
    /// The SPIFFE id of its verified certificate.
    pub spiffe_id: Option<String>,
    /// The DNS names of its verified certificate.
    pub dns_names: Vec<String>,
    /// Whom the connection's own bearer token names.
    pub token: Option<Claim>,
}

/// A text that somebody says of itself, cut; `None` if it is empty.
#[must_use]
pub fn said(text: &str) -> Option<String> {
    let kept: String = text.chars().take(ATTEMPT_TEXT_CHARS_MAX).collect();
    (!kept.is_empty()).then_some(kept)
}
