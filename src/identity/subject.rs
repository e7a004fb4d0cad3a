//! Whom a request is about, and what is known of it before its roles are.

use super::callers::{Caller, DEFAULT_TENANT};
use super::directory::Directory;
use super::jwt::VerifiedToken;
use super::peer::Peer;
use super::{DELEGATION_STEPS_MAX, Denied, Grant, Outcome, ROLES_MAX, denied, is_name};
use crate::model::principal::{AuthenticatedBy, Principal};
use crate::model::reason::Code;
use crate::model::subject::Asserted;
use crate::model::time::Timestamp;

/// What is known of the subject before its roles are.
pub(super) struct Claimed {
    pub(super) principal: Principal,
    /// The tenants that its tokens name: the subject's, and the connection's.
    pub(super) tenants: Vec<String>,
    pub(super) accepted_until: Option<Timestamp>,
    pub(super) of_token: Option<Grant>,
    pub(super) asserted: Option<Grant>,
}

impl Claimed {
    /// Nothing asked over a connection outlives the connection's token or leaves its tenant.
    pub(super) fn bind_to_connection(&mut self, token: VerifiedToken) {
        let until = token.accepted_until;
        self.accepted_until = Some(self.accepted_until.map_or(until, |own| own.min(until)));
        self.tenants.extend(token.subject.tenant);
    }

    /// Every name that a caller asserts must be one that it may speak for.
    pub(super) fn asserted(caller: &Caller, asserted: Asserted) -> Outcome<Self> {
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
        Ok(Self {
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

    pub(super) fn of_token(token: VerifiedToken) -> Self {
        let subject = token.subject;
        Self {
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
    pub(super) fn of_caller(caller: &Caller, peer: &Peer) -> Self {
        let authenticated_by = match peer {
            Peer::Certificate { .. } => AuthenticatedBy::Mtls,
            Peer::UnixUid(_) => AuthenticatedBy::PeerUid,
            Peer::Token(_) | Peer::Anonymous => AuthenticatedBy::Jwt,
        };
        Self {
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
}

pub(super) fn beyond(what: &str) -> String {
    format!("`{what}` is beyond the caller's `subjects`")
}

fn malformed(caller: &Caller, what: &str) -> Box<Denied> {
    let reason = Code::MalformedRequest.with_message("the subject is malformed");
    let detail =
        format!("`{what}` of the asserted subject is empty, too long or has control characters");
    denied(reason, detail, Some(&caller.name))
}

/// The one tenant that the caller's entry and its tokens name: they may not differ, so that nobody
/// carries one tenant's token into another.
pub(super) fn tenant<'a>(
    caller: &'a Caller,
    of_tokens: impl IntoIterator<Item = &'a String>,
) -> Outcome<String> {
    let mut of_tokens = of_tokens.into_iter();
    let deny = |code: Code, detail: &str| {
        Err(denied(code.reason(), detail.to_owned(), Some(&caller.name)))
    };
    let Some(first) = of_tokens.next() else {
        return match caller.tenants.as_slice() {
            [] => Ok(DEFAULT_TENANT.to_owned()),
            [only] => Ok(only.clone()),
            _ => deny(
                Code::TenantUnknown,
                "the caller is of several tenants, and no token says which",
            ),
        };
    };
    let is_granted = caller.tenants.is_empty() || caller.tenants.contains(first);
    if !is_granted || of_tokens.any(|other| other != first) {
        let detail = "the token is of another tenant than the caller";
        return deny(Code::SubjectNotAllowed, detail);
    }
    Ok(first.clone())
}

/// Whoever is disabled is denied, also as the user, agent or delegate behind another name.
pub(super) fn check_enabled(
    caller: &Caller,
    principal: &Principal,
    directory: &dyn Directory,
) -> Outcome<()> {
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
