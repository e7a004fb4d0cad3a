//! Every type of record but `decision`.

use super::fields::{Canonical, Fields, Items, Own, members};
use super::{INTEGER_MAX, filtered, revision};
use crate::audit::content::Omitted;
use crate::audit::hash::Hashed;
use crate::model::bundle::Change;
use crate::model::finding::Finding;
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use crate::model::verdict::Filtered;

/// Where an event stands among those of its shim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShimPosition {
    /// The shim's id.
    pub id: String,
    /// How often the shim has started: 1 the first time.
    pub epoch: u64,
    /// The event's number within shim, epoch and origin: 1 for the first. `None` where the shim
    /// is named and no event is meant.
    pub seq: Option<u64>,
    /// Whether another event had that number already, or may have had: the two contradict each
    /// other, and both are recorded.
    pub seq_reused: bool,
}

impl ShimPosition {
    /// `{id, epoch, seq}`, and `seq_reused` where it is so.
    pub(super) fn member(&self) -> impl Canonical {
        members(|fields| {
            fields
                .integer("epoch", self.epoch)
                .put("id", self.id.as_str())
                .optional("seq", self.seq.map(|seq| seq.min(INTEGER_MAX)))
                .optional("seq_reused", self.seq_reused.then_some(true));
        })
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeStatus {
    /// The tool answered.
    Ok,
    /// The tool answered with an error of its own.
    ToolError,
    /// The server answered with a JSON-RPC error, or with something that is not MCP.
    ProtocolError,
    /// No answer in time.
    Timeout,
    /// The client took its call back.
    Cancelled,
    /// There was an answer, and the client did not get it.
    Withheld,
}

impl OutcomeStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::ToolError,
        Self::ProtocolError,
        Self::Timeout,
        Self::Cancelled,
        Self::Withheld,
    ];

    /// The name in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::ProtocolError => "protocol_error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Withheld => "withheld",
        }
    }
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct OutcomeRecord {
    /// The decision that this is the outcome of, as the shim says.
    pub decision_id: String,
    /// Whether that decision was made for this caller, granted this call, and is remembered.
    pub decision_known: bool,
    /// The tenant of that decision, if it is known: content is hashed under its key.
    pub tenant: Option<String>,
    /// The log in which that decision stands; `None`: this one.
    pub decision_origin: Option<String>,
    /// The call that it belongs to.
    pub call_id: String,
    /// How it ended.
    pub status: OutcomeStatus,
    /// The result as it was released, hashed, if there was one; its size is the shim's word.
    pub response: Option<Hashed>,
    /// Whether the released result is the one that the PDP judged: then `response` hashes its
    /// content, as the decision does, and else the digest that the shim gave.
    pub judged: bool,
    /// Names of the fields that went to the client, where they are recorded.
    pub fields_returned: Vec<String>,
    /// Names of the fields that were masked or dropped, as the shim saw it.
    pub masked: Vec<String>,
    /// What the PDP took out of the result.
    pub filtered: Option<Filtered>,
    /// Whether the tool's answer held a secret, where it is reported.
    pub secret_present: Option<bool>,
    /// Whether a credential was valid, where it is reported.
    pub secret_valid: Option<bool>,
    /// What the detectors found in the result.
    pub dlp_result: Option<String>,
    /// The session's labels after the call.
    pub labels: Vec<String>,
    /// From the client's call to its answer, in milliseconds.
    pub latency_ms: u64,
    /// The shim's event; `None` where the PDP saw the outcome itself.
    pub shim: Option<ShimPosition>,
    /// UUID of the event.
    pub event_id: Option<String>,
    /// When it happened, by the shim's clock.
    pub event_time: Option<Timestamp>,
}

impl OutcomeRecord {
    /// The fields of the record, in the order of their names.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .text("call_id", &self.call_id)
            .put("decision_id", self.decision_id.as_str())
            .put("decision_known", self.decision_known)
            .optional("decision_origin", self.decision_origin.as_deref())
            .optional("dlp_result", self.dlp_result.as_deref());
        put_event(fields, self.event_id.as_deref(), self.event_time);
        let response = self.response.as_ref();
        let response = response.map(|it| members(|fields| self.put_response(it, fields)));
        fields
            .optional("filtered", self.filtered.as_ref().map(filtered))
            .texts("labels", &self.labels)
            .integer("latency_ms", self.latency_ms)
            .optional("response", response)
            .optional("secret_present", self.secret_present)
            .optional("secret_valid", self.secret_valid)
            .optional("shim", self.shim.as_ref().map(ShimPosition::member))
            .put("status", self.status.as_str())
            .optional("tenant", self.tenant.as_deref());
    }

    fn put_response(&self, response: &Hashed, fields: &mut Fields<'_>) {
        fields
            .texts("fields_returned", &self.fields_returned)
            .put("hash", Own(&response.hash))
            .put("judged", self.judged)
            .texts("masked", &self.masked)
            .optional("ref", response.reference.as_deref())
            .optional("ref_absent", response.omitted.map(Omitted::as_str))
            // Of the shim's digest nothing can be told.
            .optional(
                "secret_present",
                self.judged.then_some(response.secret_present),
            )
            .optional("secret_valid", response.secret_valid)
            .integer("size", response.size);
    }
}

/// A policy set became active.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyLoaded {
    /// The set that is active now.
    pub policy: Revision,
    /// The set that was active before.
    pub previous: Option<Revision>,
    /// The packages of the set.
    pub packages: Vec<String>,
    /// Where it was read from, as the operator named it.
    pub source: String,
    /// Warnings that did not keep it out.
    pub findings: Vec<Finding>,
    /// Who changed its bundles last, and why, as their manifests say.
    pub changes: Vec<Change>,
}

impl PolicyLoaded {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .optional("changes", changes(&self.changes))
            .put("findings", findings(&self.findings))
            .texts("packages", &self.packages)
            .put("policy", revision(&self.policy))
            .optional("previous", self.previous.as_ref().map(revision))
            .text("source", &self.source);
    }
}

/// A policy set was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyRefused {
    /// `sha256:<hex>` of what was refused, if it could be read.
    pub digest: Option<String>,
    /// The manifest's revision of what was refused, if it has one.
    pub revision: Option<String>,
    /// The set that stays active; `None` if there is none.
    pub active: Option<Revision>,
    /// Where it was read from, as the operator named it.
    pub source: String,
    /// Why, in one sentence.
    pub error: String,
    /// Why, in detail.
    pub findings: Vec<Finding>,
    /// Who changed the bundles last, and why, as their manifests say.
    pub changes: Vec<Change>,
}

impl PolicyRefused {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .optional("active", self.active.as_ref().map(revision))
            .optional("changes", changes(&self.changes))
            .optional("digest", self.digest.as_deref())
            .put("error", self.error.as_str())
            .put("findings", findings(&self.findings))
            .optional("revision", self.revision.as_deref())
            .text("source", &self.source);
    }
}

/// What manifests say of changes; `None`: nothing.
pub(super) fn changes(changes: &[Change]) -> Option<impl Canonical> {
    (!changes.is_empty()).then(|| Items(changes.iter().map(change)))
}

fn change(change: &Change) -> impl Canonical {
    members(|fields| {
        fields
            .text("author", &change.author)
            .put("bundle", change.bundle.as_str())
            .text("commit", &change.commit)
            .text("reason", &change.reason)
            .text("reviewer", &change.reviewer)
            .text("ticket", &change.ticket);
    })
}

fn findings(findings: &[Finding]) -> impl Canonical {
    Items(findings.iter().map(finding))
}

fn finding(finding: &Finding) -> impl Canonical {
    members(|fields| {
        fields
            .put("code", finding.code)
            .integer("column", u64::from(finding.column))
            .integer("line", u64::from(finding.line))
            .put("message", finding.message.as_str())
            .text("package", &finding.package)
            .text("path", &finding.path)
            .put("severity", finding.severity.as_str());
    })
}

/// A shim opened its stream of events.
#[derive(Clone, Debug, PartialEq)]
pub struct ShimConnected {
    /// The shim's event.
    pub shim: ShimPosition,
    /// UUID of the event.
    pub event_id: String,
    /// When it happened, by the shim's clock.
    pub event_time: Option<Timestamp>,
    /// Who the shim proved to be.
    pub caller: String,
    /// The MCP server that it stands before.
    pub tool_server: String,
    /// The shim's version.
    pub version: String,
}

impl ShimConnected {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields.text("caller", &self.caller);
        put_event(fields, Some(&self.event_id), self.event_time);
        fields
            .put("shim", self.shim.member())
            .text("tool_server", &self.tool_server)
            .text("version", &self.version);
    }
}

/// Events of a shim that did not arrive before a later one did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The shim's id.
    pub shim_id: String,
    /// The shim's epoch.
    pub epoch: u64,
    /// The first number that is missing.
    pub first_seq: u64,
    /// The last number that is missing.
    pub last_seq: u64,
}

impl Gap {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        let shim = ShimPosition {
            id: self.shim_id.clone(),
            epoch: self.epoch,
            ..ShimPosition::default()
        };
        fields
            .integer("first_seq", self.first_seq)
            .integer("last_seq", self.last_seq)
            .put("shim", shim.member());
    }
}

/// A sign of life: silence is not the same as nothing to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The shim's event; `None` for the log's own.
    pub shim: Option<ShimPosition>,
    /// UUID of the event.
    pub event_id: Option<String>,
    /// When it happened, by the shim's clock.
    pub event_time: Option<Timestamp>,
    /// Events that wait in the shim's spool.
    pub spooled: Option<u64>,
}

impl Heartbeat {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        put_event(fields, self.event_id.as_deref(), self.event_time);
        fields
            .optional("shim", self.shim.as_ref().map(ShimPosition::member))
            .optional(
                "spooled",
                self.spooled.map(|spooled| spooled.min(INTEGER_MAX)),
            );
    }
}

/// The fields that a record has because a shim sent it, but for the shim.
pub(super) fn put_event(fields: &mut Fields<'_>, id: Option<&str>, time: Option<Timestamp>) {
    fields
        .optional("event_id", id)
        .optional("event_time", time.map(Timestamp::rfc3339_micros));
}
