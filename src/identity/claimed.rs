//! Whom a denied token names: for the record of the denial, and for nothing else.

use super::Denied;
use super::claims::{ClaimPaths, ClaimedSubject};
use super::jwt::{JwtVerifier, VerifiedToken, unverified_claims};
use crate::model::attempt::{ATTEMPT_NAMES_MAX, Claim, ClaimedBy, said};
use crate::model::json::{Json, Object};
use crate::model::subject::Token;

/// What a token says that was refused. Its signature may be anybody's.
pub(super) fn unverified(token: &Token, tokens: Option<&JwtVerifier>) -> Option<Claim> {
    let claims = unverified_claims(token)?;
    let issuer = claims.get("iss").and_then(Json::as_str).and_then(said);
    let claim = match tokens {
        Some(tokens) => of_claims(tokens.claim_paths(), &claims),
        None => of_claims(&ClaimPaths::default(), &claims),
    };
    Some(Claim { issuer, ..claim })
}

fn of_claims(paths: &ClaimPaths, claims: &Object) -> Claim {
    Claim {
        id: paths.id.text(claims),
        user: paths.user.as_ref().and_then(|path| path.text(claims)),
        agent: paths.agent.as_ref().and_then(|path| path.text(claims)),
        client: paths.client.as_ref().and_then(|path| path.text(claims)),
        ..Claim::new(ClaimedBy::Token)
    }
}

/// Whom a token names that was found in order, though what was asked with it was not.
pub(super) fn verified(token: &VerifiedToken, tokens: Option<&JwtVerifier>) -> Claim {
    let ClaimedSubject {
        id,
        user,
        agent,
        client,
        delegation,
        ..
    } = &token.subject;
    let optional = |name: &Option<String>| name.as_deref().and_then(said);
    let steps = delegation.iter().take(ATTEMPT_NAMES_MAX);
    Claim {
        verified: true,
        issuer: tokens.and_then(|tokens| said(tokens.issuer())),
        id: said(id),
        user: optional(user),
        agent: optional(agent),
        client: optional(client),
        delegation: steps.filter_map(|step| said(step)).collect(),
        ..Claim::new(ClaimedBy::Token)
    }
}

impl Denied {
    /// Notes whom the subject's token and the connection's name.
    pub(super) fn naming(
        mut self: Box<Self>,
        subject: Option<Claim>,
        peer: Option<Claim>,
    ) -> Box<Self> {
        self.subject_token = subject;
        self.peer_token = peer;
        self
    }
}
