//! A question on its way through the steps of a decision.

use super::owed::CallIdentity;
use super::tenants::Tenant;
use crate::identity::DEFAULT_TENANT;
use crate::model::attempt::{ATTEMPT_NAMES_MAX, Attempt, Claim, ClaimedBy, SeenPeer, said};
use crate::model::call::{Mcp, Request};
use crate::model::json::{Json, Object};
use crate::model::principal::Principal;
use crate::model::subject::Subject;
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;
use crate::wire::{self, Question, v1};

/// Longest part of an address that is recorded of a malformed request, in characters.
const RECORDED_CHARS_MAX: usize = 256;

/// Whom a question names by its caller's word, before anything of it is believed; `None` where it
/// names nobody, or by a token.
pub(super) fn claim(question: &v1::DecideRequest) -> Option<Claim> {
    let Some(v1::decide_request::Subject::Asserted(asserted)) = &question.subject else {
        return None;
    };
    let steps = asserted.delegation.iter().take(ATTEMPT_NAMES_MAX);
    Some(Claim {
        id: said(&asserted.id),
        user: said(&asserted.user),
        agent: said(&asserted.agent),
        client: said(&asserted.client),
        delegation: steps.filter_map(|step| said(step)).collect(),
        ..Claim::new(ClaimedBy::Assertion)
    })
}

/// What a question says and nobody has checked.
pub(super) struct Claims {
    pub(super) subject: Subject,
    pub(super) client_session: String,
    /// In phase `result`: the call.
    pub(super) call_id: String,
    pub(super) min_policy_version: u64,
}

/// What is known of a question so far: enough for a record at every step.
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) caller: Option<String>,
    /// Who tried, where nobody was identified.
    pub(super) attempt: Option<Box<Attempt>>,
    /// The granted call that a result was found to belong to.
    pub(super) call_id: String,
    pub(super) dropped: Vec<String>,
    pub(super) traceparent: String,
    pub(super) params_digest: String,
    pub(super) result_digest: Option<String>,
    pub(super) accepted_until: Option<Timestamp>,
    pub(super) dry_run: bool,
}

impl Asked {
    /// A question as it came, believed in nothing but its address.
    pub(super) fn unidentified(question: &v1::DecideRequest) -> Self {
        let address = question.mcp.clone().unwrap_or_default();
        let phase = wire::phase(question.phase()).unwrap_or_default();
        Self {
            request: Request {
                phase,
                tenant: DEFAULT_TENANT.to_owned(),
                principal: Principal::default(),
                mcp: Mcp {
                    server: bounded(address.server),
                    method: bounded(address.method),
                    name: bounded(address.name),
                    protocol: bounded(address.protocol_version),
                },
                definition_digest: None,
                untrusted_annotations: Object::new(),
                params: Object::new(),
                result: None,
                session_id: String::new(),
                context: Object::new(),
            },
            caller: None,
            attempt: None,
            call_id: String::new(),
            dropped: Vec::new(),
            traceparent: String::new(),
            params_digest: wire::digest(&question.params_json),
            result_digest: None,
            accepted_until: None,
            dry_run: question.dry_run,
        }
    }

    /// Takes over what a well-formed question says, but for what is still to be checked.
    pub(super) fn fill(&mut self, question: Question) -> Claims {
        let request = &mut self.request;
        request.phase = question.phase;
        request.mcp = question.mcp;
        request.definition_digest = question.definition_digest;
        request.untrusted_annotations = question.untrusted_annotations;
        request.params = question.params;
        request.context = question.context;
        if let Some((result, digest)) = question.result {
            request.result = Some(result);
            self.result_digest = Some(digest);
        }
        self.traceparent = question.traceparent;
        for (key, value) in [
            ("correlation_id", &question.correlation_id),
            ("client_session", &question.client_session),
        ] {
            if !value.is_empty() {
                request.context.insert(key, value.as_str());
            }
        }
        Claims {
            subject: question.subject,
            client_session: question.client_session,
            call_id: question.call_id,
            min_policy_version: question.min_policy_version,
        }
    }

    /// Names the tenant in whose log this is, where nobody was identified who has one.
    pub(super) fn is_of(&mut self, tenant: &Tenant) {
        if let Some(name) = &tenant.name {
            self.request.tenant = name.to_string();
        }
    }

    /// Notes who tried, where nobody could be identified.
    pub(super) fn tried(&mut self, failed: &str, claimed: Option<Claim>, peer: SeenPeer) {
        let failed = failed.to_owned();
        self.attempt = Some(Box::new(Attempt {
            failed,
            claimed,
            peer,
        }));
    }

    /// Whose call this is, for its result to agree with.
    pub(super) fn call_identity(&self) -> CallIdentity {
        CallIdentity::new(self.caller.as_deref().unwrap_or_default(), &self.request)
    }

    /// The digest of the bytes that may be forwarded.
    pub(super) fn judged_digest(&self, verdict: &Verdict) -> String {
        match (&verdict.params, &verdict.result, &self.result_digest) {
            (Some(params), _, _) => wire::digest(&Json::from(params.clone()).to_bytes()),
            (None, Some(result), _) => wire::digest(&result.to_bytes()),
            (None, None, Some(result_digest)) => result_digest.clone(),
            (None, None, None) => self.params_digest.clone(),
        }
    }
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(RECORDED_CHARS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}
