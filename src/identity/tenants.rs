//! For which tenant somebody asks, before anything else of a request is looked at.

use super::callers::{self, Caller};
use super::jwt::VerifiedToken;
use super::peer::Peer;
use super::subject::tenant;
use super::{Identity, Outcome, denied};
use crate::model::reason::Code;
use crate::model::subject::Token;
use crate::model::time::Timestamp;

impl Identity {
    /// The tenant of what `peer` asks, with the subject's own token if it passes one on: as far as
    /// entry and tokens tell, whoever the subject is. `authenticate` says the same, or denies.
    ///
    /// # Errors
    /// Nobody is known, a token is not valid, or no one tenant is told.
    pub fn tenant(&self, peer: &Peer, subject: Option<&Token>, now: Timestamp) -> Outcome<String> {
        if let Some([only]) = callers::by_peer(&self.callers, peer).map(|it| &*it.tenants) {
            return Ok(only.clone());
        }
        let verify = |token: &Token| self.verify(token, now);
        let of_subject = subject.map(verify).transpose()?;
        let of_peer = match peer {
            Peer::Token(token) => Some(verify(token)?),
            _ => None,
        };
        let (caller, _) = self.caller(peer, of_peer.as_ref(), of_subject.as_ref())?;
        let tokens = [&of_subject, &of_peer].into_iter().flatten();
        tenant(caller, tokens.filter_map(|it| it.subject.tenant.as_ref()))
    }

    /// The tenant that `peer` speaks for where that is no decision: the one that it names, if its
    /// entry has that, else the only one that entry and token tell.
    ///
    /// # Errors
    /// Nobody is known, the token is not valid, or no one tenant is told.
    pub fn tenant_named(
        &self,
        peer: &Peer,
        named: Option<&str>,
        now: Timestamp,
    ) -> Outcome<String> {
        let Some(named) = named else {
            return self.tenant(peer, None, now);
        };
        let (caller, token) = self.caller_of(peer, now)?;
        let of_token = token.as_ref().and_then(tenant_of);
        if has(caller, named) && of_token.is_none_or(|it| it == named) {
            return Ok(named.to_owned());
        }
        let detail = "the named tenant is another one than the caller's".to_owned();
        let reason = Code::SubjectNotAllowed.reason();
        Err(denied(reason, detail, Some(&caller.name)))
    }

    /// The names of the entries of a tenant's callers.
    pub fn caller_names_of(&self, tenant: &str) -> impl Iterator<Item = &str> {
        let callers = self.callers.iter().filter(move |it| has(it, tenant));
        callers.map(|caller| caller.name.as_str())
    }
}

fn has(caller: &Caller, tenant: &str) -> bool {
    caller.tenants.iter().any(|it| it == tenant)
}

fn tenant_of(token: &VerifiedToken) -> Option<&str> {
    token.subject.tenant.as_deref()
}
