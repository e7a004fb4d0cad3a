//! Who asks. A caller is known by what its connection proved — a client certificate, the uid of a
//! Unix peer, a verified token — and by nothing else; what it may say beyond that stands in its
//! `[[callers]]` entry. Nothing here reads a clock or a file.

mod algorithm;
mod callers;
mod claimed;
mod claims;
mod directory;
mod jwks;
mod jwt;
mod keys;
mod pattern;
mod peer;
mod session;
mod subject;
mod tenants;
mod unfit;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use callers::{Caller, DEFAULT_TENANT, KnownBy, KnownByError, Permission};
pub use claims::{ClaimPath, ClaimPaths};
pub use directory::{Directory, DirectoryEntry, directory};
pub use jwks::{JWKS_BYTES_MAX, JwksError};
pub use jwt::{JwtConfig, JwtVerifier, TOKEN_BYTES_MAX};
pub use keys::{KeyServer, KeySource, KeyStatus, KeyUrl, KeyUrlError};
pub use pattern::{Pattern, PatternError};
pub use peer::{CertificateError, Peer};
pub use session::session_id;
pub use unfit::TokenError;

use crate::model::attempt::Claim;
use crate::model::json::Object;
use crate::model::principal::{Principal, RolesFrom};
use crate::model::reason::{Code, Reason};
use crate::model::subject::{Subject, Token};
use crate::model::time::Timestamp;
use arc_swap::Guard;
use callers::Dropped;
use jwt::VerifiedToken;
use keys::TokenKeys;
use std::sync::Arc;
use subject::{Claimed, check_enabled, tenant};

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
    /// The name of the caller's entry and, where that is for several callers, `@` and which.
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
    /// Whom the subject's bearer token names, where there was one.
    pub subject_token: Option<Claim>,
    /// Whom the connection's bearer token names, where there was one.
    pub peer_token: Option<Claim>,
}

/// The configured callers, the order of role sources, and the keys for tokens.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    callers: Vec<Caller>,
    roles_from: Vec<RolesFrom>,
    tokens: Option<Arc<TokenKeys>>,
}

/// What was asked with, once its tokens are verified.
struct Asked<'a> {
    peer: &'a Peer,
    of_peer: Option<VerifiedToken>,
    subject: Subject,
    of_subject: Option<VerifiedToken>,
}

/// Roles and attributes, from one source.
type Grant = (Vec<String>, Object);
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
            tokens: tokens.map(|tokens| Arc::new(TokenKeys::new(tokens))),
        }
    }

    fn verifier(&self) -> Option<Guard<Arc<JwtVerifier>>> {
        self.tokens.as_ref().map(|keys| keys.current())
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
    ) -> Result<Identified, Box<Denied>> {
        let unverified =
            |token: &Token| claimed::unverified(token, self.verifier().as_deref().map(Arc::as_ref));
        let of_peer = match peer {
            Peer::Token(token) => Some(self.verify(token, now).map_err(|denied| {
                let by_subject = match &subject {
                    Subject::BearerToken(token) => unverified(token),
                    Subject::Asserted(_) | Subject::None => None,
                };
                denied.naming(by_subject, unverified(token))
            })?),
            _ => None,
        };
        let verified = |token: &VerifiedToken| {
            claimed::verified(token, self.verifier().as_deref().map(Arc::as_ref))
        };
        let by_peer = of_peer.as_ref().map(verified);
        let of_subject = match &subject {
            Subject::BearerToken(token) => Some(
                self.verify(token, now)
                    .map_err(|denied| denied.naming(unverified(token), by_peer.clone()))?,
            ),
            Subject::Asserted(_) | Subject::None => None,
        };
        let by_subject = of_subject.as_ref().map(verified);
        let asked = Asked {
            peer,
            of_peer,
            subject,
            of_subject,
        };
        let identified = self.authorize(asked, server, context, directory);
        identified.map_err(|denied| denied.naming(by_subject, by_peer))
    }

    /// Whether this caller may ask about this server and speak for this subject, all tokens being
    /// verified.
    fn authorize(
        &self,
        asked: Asked<'_>,
        server: &str,
        context: Object,
        directory: &dyn Directory,
    ) -> Outcome<Identified> {
        let Asked {
            peer,
            of_peer,
            subject,
            of_subject,
        } = asked;
        let (caller, by_subject_token) =
            self.caller(peer, of_peer.as_ref(), of_subject.as_ref())?;
        let deny = |code: Code, detail: String| denied(code.reason(), detail, Some(&caller.name));
        if !caller.may.contains(&Permission::Decide) {
            let detail = "the caller may not `decide`".to_owned();
            return Err(deny(Code::DecideNotAllowed, detail));
        }
        if !caller.may_ask_about(server) {
            return Err(deny(
                Code::ServerNotAllowed,
                "the server is beyond the caller's".into(),
            ));
        }
        let by_token = of_peer.as_ref().or(of_subject.as_ref());
        let proven_by_token = by_token.map(|token| token.subject.id.clone());
        let mut claimed = match (subject, of_subject) {
            (Subject::Asserted(asserted), _) => Claimed::asserted(caller, asserted)?,
            (Subject::BearerToken(_), Some(token)) => {
                if !by_subject_token && !caller.may_speak_for(&token.subject.id) {
                    return Err(deny(Code::SubjectNotAllowed, subject::beyond("token")));
                }
                Claimed::of_token(token)
            }
            _ => match &of_peer {
                Some(token) => Claimed::of_token(token.clone()),
                None => Claimed::of_caller(caller, peer),
            },
        };
        let sender = caller.sender(peer, proven_by_token.as_deref());
        if let Some(token) = of_peer {
            claimed.bind_to_connection(token);
        }
        self.identify((caller, sender), claimed, context, directory)
    }

    /// The names of all entries.
    pub fn caller_names(&self) -> impl Iterator<Item = &str> {
        self.callers.iter().map(|caller| caller.name.as_str())
    }

    /// The caller that `peer` proves, one and no other: the name of its entry and, where that is for
    /// several, `@` and the identity. As `Identified::caller`.
    ///
    /// # Errors
    /// Nobody is known, or the connection's token is not valid.
    pub fn sender(&self, peer: &Peer, now: Timestamp) -> Outcome<String> {
        let (caller, token) = self.caller_of(peer, now)?;
        let subject = token.as_ref().map(|token| token.subject.id.as_str());
        Ok(caller.sender(peer, subject))
    }

    /// The name of the caller's entry that `peer` proves, for what is no decision.
    ///
    /// # Errors
    /// Nobody is known, or the connection's token is not valid.
    pub fn known_caller(&self, peer: &Peer, now: Timestamp) -> Outcome<String> {
        let (caller, _) = self.caller_of(peer, now)?;
        Ok(caller.name.clone())
    }

    /// The name of the caller's entry that `peer` proves, if it has this permission.
    ///
    /// # Errors
    /// As for a known caller, or that caller may not; then the denial names it.
    pub fn permitted(&self, peer: &Peer, to: Permission, now: Timestamp) -> Outcome<String> {
        let (caller, _) = self.caller_of(peer, now)?;
        if caller.may.contains(&to) {
            return Ok(caller.name.clone());
        }
        let detail = format!("the caller may not `{}`", to.as_str());
        let reason = Code::DecideNotAllowed.reason();
        Err(denied(reason, detail, Some(&caller.name)))
    }

    /// The name of the caller that a peer is, whatever it may.
    ///
    /// # Errors
    /// As for a known caller.
    pub fn named(&self, peer: &Peer, now: Timestamp) -> Outcome<String> {
        let (caller, _) = self.caller_of(peer, now)?;
        Ok(caller.name.clone())
    }

    /// The entry that `peer` proves, and its token if it is one.
    fn caller_of(&self, peer: &Peer, now: Timestamp) -> Outcome<(&Caller, Option<VerifiedToken>)> {
        let of_peer = match peer {
            Peer::Token(token) => Some(self.verify(token, now)?),
            _ => None,
        };
        let (caller, _) = self.caller(peer, of_peer.as_ref(), None)?;
        Ok((caller, of_peer))
    }

    fn verify(&self, token: &Token, now: Timestamp) -> Outcome<VerifiedToken> {
        let verified = match self.verifier() {
            Some(tokens) => tokens.verify(token, now),
            None => Err(TokenError::NotConfigured),
        };
        verified.map_err(|error| denied(self.refusal(&error), error.to_string(), None))
    }

    /// The caller's entry, and whether it is known by the subject's own token.
    fn caller(
        &self,
        peer: &Peer,
        of_peer: Option<&VerifiedToken>,
        of_subject: Option<&VerifiedToken>,
    ) -> Outcome<(&Caller, bool)> {
        let by_token = |token: &VerifiedToken| {
            let tokens = self.verifier()?;
            callers::by_token(&self.callers, tokens.issuer(), &token.subject.id)
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
        (caller, sender): (&Caller, String),
        claimed: Claimed,
        context: Object,
        directory: &dyn Directory,
    ) -> Outcome<Identified> {
        let mut dropped = Dropped::default();
        let tenant = tenant(caller, &claimed.tenants)?;
        let mut principal = claimed.principal;
        check_enabled(caller, &principal, directory)?;
        let of_directory = directory.principal(&principal.id);
        let of_directory = of_directory.map(|entry| (entry.roles, entry.attributes));
        let asserted = claimed.asserted;
        let found = self.roles_from.iter().find_map(|source| {
            let found = match source {
                RolesFrom::Token => claimed.of_token.as_ref(),
                RolesFrom::Directory => of_directory.as_ref(),
                RolesFrom::Shim => asserted.as_ref().filter(|_| caller.assert_roles),
            };
            Some((*source, found?.clone()))
        });
        if let Some((source, (roles, attributes))) = found {
            principal.roles = roles;
            principal.attributes = attributes;
            principal.roles_from = Some(source);
        }
        if principal.roles_from != Some(RolesFrom::Shim) {
            note_unused(asserted, &mut dropped);
        }
        let context = caller.filter_context(context, &mut dropped);
        Ok(Identified {
            principal,
            tenant,
            context,
            dropped: dropped.into_names(),
            caller: sender,
            accepted_until: claimed.accepted_until,
        })
    }
}

fn note_unused(asserted: Option<Grant>, dropped: &mut Dropped) {
    let (roles, attributes) = asserted.unwrap_or_default();
    if !roles.is_empty() {
        dropped.note("roles");
    }
    if !attributes.is_empty() {
        dropped.note("attributes");
    }
}

fn denied(reason: Reason, detail: String, caller: Option<&str>) -> Box<Denied> {
    Box::new(Denied {
        reason,
        detail,
        caller: caller.map(str::to_owned),
        subject_token: None,
        peer_token: None,
    })
}
