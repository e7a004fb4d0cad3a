//! Every type of record but `decision`.

use super::fields::{Fields, Text};
use super::{filtered_text, revision_text};
use crate::audit::hash::Hashed;
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
    pub(super) fn text(&self) -> Text {
        let mut fields = Fields::default();
        fields
            .put("id", self.id.as_str())
            .integer("epoch", self.epoch);
        if let Some(seq) = self.seq {
            fields.integer("seq", seq);
        }
        if self.seq_reused {
            fields.put("seq_reused", true);
        }
        fields.take()
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
    /// The fields of the record.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields
            .put("decision_id", self.decision_id.as_str())
            .put("decision_known", self.decision_known)
            .optional("decision_origin", self.decision_origin.as_deref())
            .optional("tenant", self.tenant.as_deref())
            .text("call_id", &self.call_id)
            .put("status", self.status.as_str())
            .optional("dlp_result", self.dlp_result.as_deref())
            .optional("secret_present", self.secret_present)
            .optional("secret_valid", self.secret_valid)
            .optional("filtered", self.filtered.as_ref().map(filtered_text))
            .texts("labels", &self.labels)
            .integer("latency_ms", self.latency_ms);
        if let Some(response) = &self.response {
            fields.put("response", self.response(response));
        }
        put_event(
            &mut fields,
            self.shim.as_ref(),
            self.event_id.as_deref(),
            self.event_time,
        );
        fields
    }

    fn response(&self, response: &Hashed) -> Text {
        let mut fields = Fields::default();
        match self.judged {
            true => response.put_into(&mut fields),
            // Of the shim's digest nothing can be told.
            false => response.put_digest_into(&mut fields),
        }
        fields
            .put("judged", self.judged)
            .texts("fields_returned", &self.fields_returned)
            .texts("masked", &self.masked);
        fields.take()
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
}

impl PolicyLoaded {
    /// The fields of the record.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields
            .put("policy", revision_text(&self.policy))
            .optional("previous", self.previous.as_ref().map(revision_text))
            .texts("packages", &self.packages)
            .text("source", &self.source)
            .put("findings", findings(&self.findings));
        fields
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
}

impl PolicyRefused {
    /// The fields of the record.
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields
            .optional("digest", self.digest.as_deref())
            .optional("revision", self.revision.as_deref())
            .optional("active", self.active.as_ref().map(revision_text))
            .text("source", &self.source)
            .put("error", self.error.as_str())
            .put("findings", findings(&self.findings));
        fields
    }
}

fn findings(findings: &[Finding]) -> Text {
    let finding = |finding: &Finding| {
        let mut fields = Fields::default();
        fields
            .put("severity", finding.severity.as_str())
            .put("code", finding.code)
            .text("package", &finding.package)
            .text("path", &finding.path)
            .integer("line", u64::from(finding.line))
            .integer("column", u64::from(finding.column))
            .put("message", finding.message.as_str());
        fields.take()
    };
    Text::array(findings.iter().map(finding))
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
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        fields
            .text("caller", &self.caller)
            .text("tool_server", &self.tool_server)
            .text("version", &self.version);
        put_event(
            &mut fields,
            Some(&self.shim),
            Some(&self.event_id),
            self.event_time,
        );
        fields
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
    pub(super) fn fields(&self) -> Fields {
        let shim = ShimPosition {
            id: self.shim_id.clone(),
            epoch: self.epoch,
            ..ShimPosition::default()
        };
        let mut fields = Fields::default();
        fields
            .put("shim", shim.text())
            .integer("first_seq", self.first_seq)
            .integer("last_seq", self.last_seq);
        fields
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
    pub(super) fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        if let Some(spooled) = self.spooled {
            fields.integer("spooled", spooled);
        }
        put_event(
            &mut fields,
            self.shim.as_ref(),
            self.event_id.as_deref(),
            self.event_time,
        );
        fields
    }
}

/// The fields that a record has because a shim sent it.
pub(super) fn put_event(
    fields: &mut Fields,
    shim: Option<&ShimPosition>,
    id: Option<&str>,
    time: Option<Timestamp>,
) {
    fields
        .optional("shim", shim.map(ShimPosition::text))
        .optional("event_id", id)
        .optional("event_time", time.map(Timestamp::rfc3339_micros));
}
