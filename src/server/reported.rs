//! What enforcement points report, from the wire to records. Whatever a shim says of a decision is
//! held against what this PDP decided.

use super::audit::bounded;
use super::owed::Pairing;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::hash::Hashed;
use crate::audit::record::{DecisionRecord, OutcomeRecord, OutcomeStatus};
use crate::identity::DEFAULT_TENANT;
use crate::model::call::{Mcp, Phase, Request as Call};
use crate::model::json::{Json, Object};
use crate::model::principal::{AuthenticatedBy, Principal};
use crate::model::reason::{Code, Origin, Reason};
use crate::model::time::Timestamp;
use crate::model::verdict::{Filtered, Verdict};
use crate::wire::v1;
use uuid::Uuid;

/// Most names of fields in a list of an outcome.
const FIELD_NAMES_MAX: usize = 256;
/// The reason in the record of a local denial that gave no code of toolgate's own; what it gave is
/// in `reported_code`.
const LOCAL_CODE_UNKNOWN: &str = "local_denial_unknown";

/// The outcome of a call, paired with its decision if this PDP knows it.
pub(super) fn outcome(
    of: &Tenant,
    caller: &str,
    outcome: v1::Outcome,
    now: Timestamp,
) -> Result<OutcomeRecord, RpcError> {
    let status = status(outcome.status())?;
    let decision_id = bounded("outcome.decision_id", outcome.decision_id)?;
    if decision_id.is_empty() {
        return Err(invalid("`outcome.decision_id` is required"));
    }
    let origin = bounded("outcome.decision_origin", outcome.decision_origin)?;
    let call_id = bounded("outcome.call_id", outcome.call_id)?;
    let is_here = origin.is_empty() || origin == of.evidence.log().origin();
    let pairing = match is_here {
        true => of.owed.pair(caller, &decision_id, &call_id, now),
        false => Pairing::Unknown,
    };
    let (tenant, released) = match pairing {
        Pairing::Known { tenant, released } => (Some(tenant), released),
        Pairing::Unknown | Pairing::Foreign => (None, None),
    };
    let released = released.filter(|it| it.digest == outcome.response_digest);
    let own = Filtered {
        masked: Vec::new(),
        dropped: names("outcome.dropped", outcome.dropped)?,
        rows_removed: outcome.rows_removed,
    };
    let judged = released.is_some();
    let (hashed, filtered) = match released {
        Some(released) => (Some(released.hashed), released.filtered),
        None => {
            let tenant = tenant.as_deref().unwrap_or(name(of));
            let digest = outcome.response_digest.as_str();
            let hashed = of_digest(of, tenant, digest, now);
            (hashed, (own != Filtered::default()).then_some(own))
        }
    };
    Ok(OutcomeRecord {
        decision_id,
        decision_known: tenant.is_some(),
        tenant,
        decision_origin: (!origin.is_empty()).then_some(origin),
        call_id,
        status,
        response: hashed.map(|hashed| Hashed {
            size: outcome.response_bytes,
            ..hashed
        }),
        judged,
        fields_returned: names("outcome.fields_returned", outcome.fields_returned)?,
        masked: names("outcome.masked", outcome.masked)?,
        filtered,
        secret_present: outcome.secret_present,
        secret_valid: outcome.secret_valid,
        dlp_result: None,
        labels: Vec::new(),
        latency_ms: outcome.latency_us.div_ceil(1000),
        shim: None,
        event_id: None,
        event_time: None,
    })
}

/// The tenant's name in records.
fn name(tenant: &Tenant) -> &str {
    tenant.name.as_deref().unwrap_or(DEFAULT_TENANT)
}

fn invalid(problem: &str) -> RpcError {
    RpcError::Invalid(problem.to_owned())
}

fn status(status: v1::OutcomeStatus) -> Result<OutcomeStatus, RpcError> {
    Ok(match status {
        v1::OutcomeStatus::Unspecified => {
            return Err(invalid("`outcome.status` is not known"));
        }
        v1::OutcomeStatus::Ok => OutcomeStatus::Ok,
        v1::OutcomeStatus::ToolError => OutcomeStatus::ToolError,
        v1::OutcomeStatus::ProtocolError => OutcomeStatus::ProtocolError,
        v1::OutcomeStatus::Timeout => OutcomeStatus::Timeout,
        v1::OutcomeStatus::Cancelled => OutcomeStatus::Cancelled,
        v1::OutcomeStatus::Withheld => OutcomeStatus::Withheld,
    })
}

/// The shim's digest of a result is hashed again: a plain one of a short result is guessed.
fn of_digest(of: &Tenant, tenant: &str, digest: &str, now: Timestamp) -> Option<Hashed> {
    let content = Json::from(digest);
    (!digest.is_empty()).then(|| of.evidence.hash(tenant, now, &content))
}

fn names(field: &str, names: Vec<String>) -> Result<Vec<String>, RpcError> {
    if names.len() > FIELD_NAMES_MAX {
        return Err(RpcError::Invalid(format!(
            "`{field}` has more than {FIELD_NAMES_MAX} names"
        )));
    }
    names.into_iter().map(|name| bounded(field, name)).collect()
}

/// A denial that the shim gave on its own. The subject is not known, only who reports it.
pub(super) fn local_denial(
    of: &Tenant,
    caller: &str,
    denial: v1::LocalDenial,
) -> Result<DecisionRecord, RpcError> {
    let address = denial.mcp.unwrap_or_default();
    let call = Call {
        phase: Phase::Call,
        tenant: name(of).to_owned(),
        principal: Principal {
            id: caller.to_owned(),
            authenticated_by: AuthenticatedBy::Shim,
            ..Principal::default()
        },
        mcp: Mcp {
            server: bounded("mcp.server", address.server)?,
            method: bounded("mcp.method", address.method)?,
            name: bounded("mcp.name", address.name)?,
            protocol: bounded("mcp.protocol_version", address.protocol_version)?,
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: Object::new(),
        result: None,
        session_id: String::new(),
        context: Object::new(),
    };
    let code = bounded("local_denial.code", denial.code)?;
    let known = Code::ALL.into_iter().find(|known| known.as_str() == code);
    let reason = match known {
        Some(known) => known.reason(),
        None => Reason {
            code: LOCAL_CODE_UNKNOWN.to_owned(),
            origin: Origin::Availability,
            ..Code::PdpUnavailable.reason()
        },
    };
    let mut record = DecisionRecord::new(&call, &Verdict::deny(reason), None);
    record.decision_id = Uuid::now_v7().to_string();
    record.caller = Some(caller.to_owned());
    record.reported_code = (known.is_none() && !code.is_empty()).then_some(code);
    Ok(record)
}
