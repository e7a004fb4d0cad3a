//! Who may ask, about what, and for whom: `[[callers]]` of the configuration.

use super::pattern::{Pattern, PatternError, any_matches};
use super::peer::{Peer, SPIFFE_SCHEME, is_trust_domain, split_spiffe_id};
use crate::model::json::Object;

/// The tenant of callers and tokens where nobody configured tenants.
pub const DEFAULT_TENANT: &str = "default";
/// Context keys that any caller may set: they name things for a reader and carry no rights.
const FREE_CONTEXT_KEYS: [&str; 2] = ["client_session", "correlation_id"];
/// Most dropped parts that are named; the rest is counted.
const DROPPED_MAX: usize = 32;
/// Longest name of a dropped part, in characters.
const DROPPED_NAME_CHARS_MAX: usize = 64;

/// What a caller may ask of the PDP: which RPCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Decisions, and what they are made by: `DecisionService`, `GetStatus`, `Explain`.
    Decide,
    /// Reporting events: `Publish`.
    Publish,
    /// Changing what is in force: `Reload`, `Rollback`.
    Administer,
    /// Reading the audit log: `Query`, `Tail`.
    ReadAudit,
    /// Reading stored arguments and results: `GetContent`.
    ReadContent,
}

impl Permission {
    /// Every permission, by the name that the configuration has for it.
    pub const ALL: [(&'static str, Self); 5] = [
        ("decide", Self::Decide),
        ("publish", Self::Publish),
        ("administer", Self::Administer),
        ("audit.read", Self::ReadAudit),
        ("audit.content", Self::ReadContent),
    ];
    /// Those of a caller whose entry does not say.
    pub const DEFAULT: [Self; 2] = [Self::Decide, Self::Publish];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Publish => "publish",
            Self::Administer => "administer",
            Self::ReadAudit => "audit.read",
            Self::ReadContent => "audit.content",
        }
    }
}

/// One caller and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its name, in records and as the principal where the caller itself is the subject.
    pub name: String,
    /// How it is known.
    pub known_by: KnownBy,
    /// Servers it may ask about.
    pub servers: Vec<Pattern>,
    /// Names it may speak for: id, user, agent, client and each step of the delegation of an
    /// asserted subject, and the id of a token that it passes on.
    pub subjects: Vec<Pattern>,
    /// Context keys it may set, besides `client_session` and `correlation_id`.
    pub context: Vec<Pattern>,
    /// What it may ask of the PDP.
    pub may: Vec<Permission>,
    /// Whether its word on roles and attributes counts.
    pub assert_roles: bool,
    /// The tenants that it belongs to; of several, a token says which one asks. None: the token's,
    /// or `default`.
    pub tenants: Vec<String>,
}

/// What a connection must prove to be this caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// The SPIFFE id of its certificate.
    SpiffeId(Pattern),
    /// A DNS name of its certificate, which then has no SPIFFE id. Lower case.
    DnsName(String),
    /// The uid at the other end of the Unix socket.
    Uid(u32),
    /// The subject (as `claims.id` maps it) of a verified token of this issuer.
    Token {
        /// The token's `iss`.
        issuer: String,
        /// The token's subject.
        subject: Pattern,
    },
}

/// Why nobody can be known by this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownByError {
    /// Not a pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Not a SPIFFE id, or a pattern that leaves the trust domain open.
    #[error(
        "`{0}` is not a SPIFFE id such as `spiffe://acme.example/shim/crm`; a `*` may end its path only"
    )]
    SpiffeId(String),
    /// Not a DNS name.
    #[error("`{0}` is not a DNS name such as `shim.acme.example`; wildcards name nobody")]
    DnsName(String),
}

impl KnownBy {
    /// A SPIFFE id or a pattern of ids within one trust domain, `spiffe://acme.example/ns/*`.
    ///
    /// # Errors
    /// Not that.
    pub fn spiffe_id(text: &str) -> Result<Self, KnownByError> {
        let malformed = || KnownByError::SpiffeId(text.to_owned());
        let (domain, path) = split_spiffe_id(text).ok_or_else(malformed)?;
        let stem = path.strip_suffix('*').unwrap_or(path);
        let is_path = stem
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/.-_".contains(&b));
        if !text.starts_with(SPIFFE_SCHEME)
            || !is_trust_domain(domain)
            || path.is_empty()
            || !is_path
        {
            return Err(malformed());
        }
        Ok(Self::SpiffeId(Pattern::parse(text)?))
    }

    /// A DNS name, any case.
    ///
    /// # Errors
    /// Not a DNS name.
    pub fn dns_name(text: &str) -> Result<Self, KnownByError> {
        let label = |label: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            (1..=63).contains(&label.len()) && label.bytes().all(allowed)
        };
        if text.len() > 253 || !text.split('.').all(label) {
            return Err(KnownByError::DnsName(text.to_owned()));
        }
        Ok(Self::DnsName(text.to_ascii_lowercase()))
    }

    /// Whether the transport has proved this. A token is matched once it is verified.
    fn is_proved_by(&self, peer: &Peer) -> bool {
        match (self, peer) {
            (Self::SpiffeId(pattern), Peer::Certificate { spiffe_ids, .. }) => {
                spiffe_ids.iter().any(|id| pattern.matches(id))
            }
            // A certificate with a SPIFFE id is known by that alone.
            (
                Self::DnsName(name),
                Peer::Certificate {
                    spiffe_ids,
                    dns_names,
                },
            ) => spiffe_ids.is_empty() && dns_names.contains(name),
            (Self::Uid(uid), Peer::UnixUid(of_peer)) => uid == of_peer,
            _ => false,
        }
    }
}

/// The first caller, in the order of the configuration, that the transport proves.
pub(super) fn by_peer<'a>(callers: &'a [Caller], peer: &Peer) -> Option<&'a Caller> {
    let mut callers = callers.iter();
    callers.find(|caller| caller.known_by.is_proved_by(peer))
}

/// The first caller, in the order of the configuration, that a verified token proves.
pub(super) fn by_token<'a>(callers: &'a [Caller], issuer: &str, id: &str) -> Option<&'a Caller> {
    let matches = |caller: &&Caller| match &caller.known_by {
        KnownBy::Token {
            issuer: of,
            subject,
        } => of == issuer && subject.matches(id),
        _ => false,
    };
    callers.iter().find(matches)
}

impl Caller {
    /// This caller and no other that the entry is for: the entry's name, and where it is a pattern,
    /// `@` and what the connection proved. `%` and `/` are escaped: a shim's name follows a `/`.
    pub(super) fn sender(&self, peer: &Peer, token_subject: Option<&str>) -> String {
        let proven = match (&self.known_by, peer) {
            (KnownBy::SpiffeId(pattern), Peer::Certificate { spiffe_ids, .. })
                if !pattern.is_exact() =>
            {
                spiffe_ids.first().map(String::as_str)
            }
            (KnownBy::Token { subject, .. }, _) if !subject.is_exact() => token_subject,
            _ => None,
        };
        match proven {
            Some(proven) => {
                let proven = proven.replace('%', "%25").replace('/', "%2F");
                format!("{}@{proven}", self.name)
            }
            None => self.name.clone(),
        }
    }

    pub(super) fn may_ask_about(&self, server: &str) -> bool {
        any_matches(&self.servers, server)
    }

    pub(super) fn may_speak_for(&self, name: &str) -> bool {
        any_matches(&self.subjects, name)
    }

    /// Keeps the context keys that the caller may set; the others are noted.
    pub(super) fn filter_context(&self, mut context: Object, dropped: &mut Dropped) -> Object {
        context.retain(|key, _| {
            let may = FREE_CONTEXT_KEYS.contains(&key) || any_matches(&self.context, key);
            if !may {
                dropped.note(format!("context.{key}"));
            }
            may
        });
        context
    }
}

/// What a caller said and may not say: noted for the record, in bounded space.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    names: Vec<String>,
    more: usize,
}

impl Dropped {
    pub(super) fn note(&mut self, name: impl Into<String>) {
        if self.names.len() >= DROPPED_MAX {
            self.more += 1;
            return;
        }
        let name: String = name.into();
        self.names
            .push(match name.char_indices().nth(DROPPED_NAME_CHARS_MAX) {
                None => name,
                Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
            });
    }

    pub(super) fn into_names(mut self) -> Vec<String> {
        if self.more > 0 {
            self.names.push(format!("and {} more", self.more));
        }
        self.names
    }
}
