//! Who asks. A caller is known by what its connection proved — a client certificate, the uid of a
//! Unix peer, a verified token — and by nothing else; what it may say beyond that stands in its
//! `[[callers]]` entry. Nothing here reads a clock or a file.

mod algorithm;
mod callers;
mod claims;
mod directory;
mod jwks;
mod jwt;
mod pattern;
mod peer;
mod session;
mod token;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use callers::{Caller, DEFAULT_TENANT, KnownBy, KnownByError};
pub use claims::{ClaimPath, ClaimPaths};
pub use directory::{Directory, DirectoryEntry, directory};
pub use jwks::JwksError;
pub use jwt::{JwtConfig, JwtVerifier, TOKEN_BYTES_MAX, TokenError};
pub use pattern::{Pattern, PatternError};
pub use peer::{CertificateError, Peer};
pub use session::session_id;
pub use token::Token;

use crate::model::json::Object;
use crate::model::principal::{AuthenticatedBy, Principal, RolesFrom};
use crate::model::reason::{Code, Reason};
use crate::model::time::Timestamp;
use callers::Dropped;
use jwt::VerifiedToken;

/// Longest name of a principal, user, agent, client, tenant or role, in bytes.
const NAME_BYTES_MAX: usize = 512;
/// Most roles of one principal.
const ROLES_MAX: usize = 256;
/// Most steps of a delegation.
const DELEGATION_STEPS_MAX: usize = 16;

/// A name that may stand in records and patterns: bounded, not empty, no control characters.
fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control)
}

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

/// Who asks, and what it may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The subject, for `input.principal`.
    pub principal: Principal,
    /// The tenant.
    pub tenant: String,
    /// The context keys that the caller may set.
    pub context: Object,
    /// What the caller said beyond what it may, by name (`roles`, `context.purpose`): for the
    /// record. At most 33 entries.
    pub dropped: Vec<String>,
    /// The name of the caller's entry.
    pub caller: String,
    /// From here on the token that proved this is no longer accepted; `None` without a token.
    /// No verdict should be valid for longer.
    pub accepted_until: Option<Timestamp>,
}

/// Why the request is denied before any policy was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .reason.code)]
pub struct Denied {
    /// The public reason; echoes nothing of the request.
    pub reason: Reason,
    /// More, for the log and the record. Names claims and fields, never a token's text.
    pub detail: String,
    /// The caller's entry, if it was known.
    pub caller: Option<String>,
}

/// The configured callers, the order of role sources, and the keys for tokens.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    callers: Vec<Caller>,
    roles_from: Vec<RolesFrom>,
    tokens: Option<JwtVerifier>,
}

/// What is known of the subject before its roles are.
struct Claimed {
    principal: Principal,
    /// The tenants that its tokens name: the subject's, and the connection's.
    tenants: Vec<String>,
    accepted_until: Option<Timestamp>,
    of_token: Option<(Vec<String>, Object)>,
    asserted: Option<(Vec<String>, Object)>,
}

impl Claimed {
    /// Nothing asked over a connection outlives the connection's token or leaves its tenant.
    fn bind_to_connection(&mut self, token: VerifiedToken) {
        let until = token.accepted_until;
        self.accepted_until = Some(self.accepted_until.map_or(until, |own| own.min(until)));
        self.tenants.extend(token.subject.tenant);
    }
}

type Outcome<T> = Result<T, Box<Denied>>;

impl Identity {
    /// Callers in the order in which they are matched; sources of roles in the order in which they
    /// are asked; `None` where tokens are not accepted.
    #[must_use]
    pub fn new(
        callers: Vec<Caller>,
        roles_from: Vec<RolesFrom>,
        tokens: Option<JwtVerifier>,
    ) -> Self {
        Self {
            callers,
            roles_from,
            tokens,
        }
    }

    /// The same with other keys, after the JWKS file has changed.
    #[must_use]
    pub fn with_tokens(&self, tokens: JwtVerifier) -> Self {
        Self {
            tokens: Some(tokens),
            ..self.clone()
        }
    }

    /// Who asks: the caller that `peer` (or the subject's token) proves, and the subject it speaks
    /// for. `context` is what the caller sent; what it may not set is dropped and noted.
    ///
    /// # Errors
    /// Nobody is known, the token is not valid, the caller may not ask about this server or speak
    /// for this subject, or the subject is disabled. Always a deny.
    pub fn authenticate(
        &self,
        peer: &Peer,
        subject: Subject,
        server: &str,
        context: Object,
        directory: &dyn Directory,
        now: Timestamp,
    ) -> Outcome<Identified> {
        let of_peer = match peer {
            Peer::Token(token) => Some(self.verify(token, now)?),
            _ => None,
        };
        let of_subject = match &subject {
            Subject::BearerToken(token) => Some(self.verify(token, now)?),
            Subject::Asserted(_) | Subject::None => None,
        };
        let (caller, by_subject_token) =
            self.caller(peer, of_peer.as_ref(), of_subject.as_ref())?;
        let deny = |code: Code, detail: String| denied(code.reason(), detail, Some(&caller.name));
        if !caller.may_ask_about(server) {
            return Err(deny(
                Code::ServerNotAllowed,
                "the server is beyond the caller's".into(),
            ));
        }
        let mut claimed = match (subject, of_subject) {
            (Subject::Asserted(asserted), _) => claim_asserted(caller, asserted)?,
            (Subject::BearerToken(_), Some(token)) => {
                if !by_subject_token && !caller.may_speak_for(&token.subject.id) {
                    return Err(deny(Code::SubjectNotAllowed, beyond("token")));
                }
                claim_token(token)
            }
            _ => match &of_peer {
                Some(token) => claim_token(token.clone()),
                None => claim_self(caller, peer),
            },
        };
        if let Some(token) = of_peer {
            claimed.bind_to_connection(token);
        }
        self.identify(caller, claimed, context, directory)
    }

    fn verify(&self, token: &Token, now: Timestamp) -> Outcome<VerifiedToken> {
        let verified = match &self.tokens {
            Some(tokens) => tokens.verify(token, now),
            None => Err(TokenError::NotConfigured),
        };
        verified.map_err(|error| {
            let reason = Code::Unauthenticated.with_message("the token is not valid");
            denied(reason, error.to_string(), None)
        })
    }

    /// The caller's entry, and whether it is known by the subject's own token.
    fn caller(
        &self,
        peer: &Peer,
        of_peer: Option<&VerifiedToken>,
        of_subject: Option<&VerifiedToken>,
    ) -> Outcome<(&Caller, bool)> {
        let by_token = |token: &VerifiedToken| {
            let issuer = self.tokens.as_ref()?.issuer();
            callers::by_token(&self.callers, issuer, &token.subject.id)
        };
        let known = callers::by_peer(&self.callers, peer).or_else(|| of_peer.and_then(by_token));
        if let Some(caller) = known {
            return Ok((caller, false));
        }
        let own = of_subject.and_then(by_token);
        own.map(|caller| (caller, true)).ok_or_else(|| {
            let detail = "no caller's entry matches what the connection proved";
            denied(Code::Unauthenticated.reason(), detail.into(), None)
        })
    }

    fn identify(
        &self,
        caller: &Caller,
        claimed: Claimed,
        context: Object,
        directory: &dyn Directory,
    ) -> Outcome<Identified> {
        let mut dropped = Dropped::default();
        let tenant = tenant(caller, claimed.tenants)?;
        let mut principal = claimed.principal;
        check_enabled(caller, &principal, directory)?;
        let of_directory = directory.principal(&principal.id);
        let mut of_directory = of_directory.map(|entry| (entry.roles, entry.attributes));
        let mut of_token = claimed.of_token;
        let may_assert = caller.assert_roles;
        let mut asserted = claimed.asserted;
        for source in &self.roles_from {
            let found = match source {
                RolesFrom::Token => of_token.take(),
                RolesFrom::Directory => of_directory.take(),
                RolesFrom::Shim if may_assert => asserted.take(),
                RolesFrom::Shim => None,
            };
            if let Some((roles, attributes)) = found {
                principal.roles = roles;
                principal.attributes = attributes;
                principal.roles_from = Some(*source);
                break;
            }
        }
        // What is still there of the caller's word was not used.
        if let Some((roles, attributes)) = asserted {
            if !roles.is_empty() {
                dropped.note("roles");
            }
            if !attributes.is_empty() {
                dropped.note("attributes");
            }
        }
        let context = caller.filter_context(context, &mut dropped);
        Ok(Identified {
            principal,
            tenant,
            context,
            dropped: dropped.into_names(),
            caller: caller.name.clone(),
            accepted_until: claimed.accepted_until,
        })
    }
}

fn denied(reason: Reason, detail: String, caller: Option<&str>) -> Box<Denied> {
    Box::new(Denied {
        reason,
        detail,
        caller: caller.map(str::to_owned),
    })
}

fn beyond(what: &str) -> String {
    format!("`{what}` is beyond the caller's `subjects`")
}

/// Every name that a caller asserts must be one that it may speak for.
fn claim_asserted(caller: &Caller, asserted: Asserted) -> Outcome<Claimed> {
    let names = [
        ("id", Some(&asserted.id)),
        ("user", asserted.user.as_ref()),
        ("agent", asserted.agent.as_ref()),
        ("client", asserted.client.as_ref()),
    ];
    let present = names
        .into_iter()
        .filter_map(|(what, name)| Some((what, name?)));
    let steps = asserted.delegation.iter().map(|step| ("delegation", step));
    let too_many =
        asserted.roles.len() > ROLES_MAX || asserted.delegation.len() > DELEGATION_STEPS_MAX;
    if too_many || !asserted.roles.iter().all(|role| is_name(role)) {
        return Err(malformed(caller, "roles or delegation"));
    }
    for (what, name) in present.chain(steps) {
        if !is_name(name) {
            return Err(malformed(caller, what));
        }
        if !caller.may_speak_for(name) {
            let reason = Code::SubjectNotAllowed.reason();
            return Err(denied(reason, beyond(what), Some(&caller.name)));
        }
    }
    let says_something = !asserted.roles.is_empty() || !asserted.attributes.is_empty();
    Ok(Claimed {
        asserted: says_something.then_some((asserted.roles, asserted.attributes)),
        tenants: Vec::new(),
        accepted_until: None,
        of_token: None,
        principal: Principal {
            id: asserted.id,
            user: asserted.user,
            agent: asserted.agent,
            client: asserted.client,
            delegation: asserted.delegation,
            authenticated_by: AuthenticatedBy::Shim,
            ..Principal::default()
        },
    })
}

fn malformed(caller: &Caller, what: &str) -> Box<Denied> {
    let reason = Code::MalformedRequest.with_message("the subject is malformed");
    let detail =
        format!("`{what}` of the asserted subject is empty, too long or has control characters");
    denied(reason, detail, Some(&caller.name))
}

fn claim_token(token: VerifiedToken) -> Claimed {
    let subject = token.subject;
    Claimed {
        tenants: subject.tenant.into_iter().collect(),
        accepted_until: Some(token.accepted_until),
        of_token: subject.grant,
        asserted: None,
        principal: Principal {
            id: subject.id,
            user: subject.user,
            agent: subject.agent,
            client: subject.client,
            delegation: subject.delegation,
            authenticated_by: AuthenticatedBy::Jwt,
            ..Principal::default()
        },
    }
}

/// The caller speaks for itself, under the name of its entry.
fn claim_self(caller: &Caller, peer: &Peer) -> Claimed {
    let authenticated_by = match peer {
        Peer::Certificate { .. } => AuthenticatedBy::Mtls,
        Peer::UnixUid(_) => AuthenticatedBy::PeerUid,
        Peer::Token(_) | Peer::Anonymous => AuthenticatedBy::Jwt,
    };
    Claimed {
        tenants: Vec::new(),
        accepted_until: None,
        of_token: None,
        asserted: None,
        principal: Principal {
            id: caller.name.clone(),
            authenticated_by,
            ..Principal::default()
        },
    }
}

/// The one tenant that the caller's entry and its tokens name: they may not differ, so that nobody
/// carries one tenant's token into another.
fn tenant(caller: &Caller, of_tokens: Vec<String>) -> Outcome<String> {
    let mut named = caller.tenant.iter().chain(&of_tokens);
    let Some(first) = named.next() else {
        return Ok(DEFAULT_TENANT.to_owned());
    };
    if named.any(|other| other != first) {
        let reason = Code::SubjectNotAllowed.reason();
        let detail = "the token is of another tenant than the caller".to_owned();
        return Err(denied(reason, detail, Some(&caller.name)));
    }
    Ok(first.clone())
}

/// Whoever is disabled is denied, also as the user, agent or delegate behind another name.
fn check_enabled(caller: &Caller, principal: &Principal, directory: &dyn Directory) -> Outcome<()> {
    let names = [
        Some(&principal.id),
        principal.user.as_ref(),
        principal.agent.as_ref(),
        principal.client.as_ref(),
        Some(&caller.name),
    ];
    let mut names = names.into_iter().flatten().chain(&principal.delegation);
    if names.any(|name| {
        directory
            .principal(name)
            .is_some_and(|entry| entry.disabled)
    }) {
        let reason = Code::SubjectNotAllowed.with_message("the principal is disabled");
        let detail = "the directory has the principal, or one that it acts for, as disabled";
        return Err(denied(reason, detail.to_owned(), Some(&caller.name)));
    }
    Ok(())
}
