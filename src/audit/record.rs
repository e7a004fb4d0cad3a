//! Records: typed values, and the line that each becomes. `docs/audit-format.md` has the fields.
//!
//! Absent parts are absent, never null. Integers stay below 2^53 and times are texts, so that the
//! line is canonical by RFC 8785 too.

mod attempt;
mod cut;
mod decision;
mod events;
mod fields;
mod refused;
mod repaired;
#[cfg(test)]
pub(super) mod samples;
mod steered;
#[cfg(test)]
mod tests;

pub use decision::DecisionRecord;
pub use events::{Gap, Heartbeat, OutcomeRecord, PolicyLoaded, PolicyRefused, ShimConnected};
pub use events::{OutcomeStatus, ShimPosition};
pub(super) use fields::Fields;
use fields::Text;
pub use refused::{CallsRefused, RefusedPeer};
pub use repaired::LogRepaired;
pub use steered::{PolicyReload, PolicyRolledBack};

use crate::model::json::{Json, Object};
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use crate::model::verdict::Filtered;

/// Longest line without its newline, in bytes. What would be longer is cut.
pub const RECORD_BYTES_MAX: usize = 60 << 10;
/// Largest integer in a record: 2^53 - 1, the last one that every JSON reader keeps.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// What `seq` and `prev` take at most, with names and commas.
const LINK_BYTES_MAX: usize = 128;

/// One record, before it has its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What was asked, and what was answered.
    Decision(Box<DecisionRecord>),
    /// What became of a call, as the enforcement point says.
    Outcome(Box<OutcomeRecord>),
    /// A policy set became active.
    PolicyLoaded(PolicyLoaded),
    /// A policy set was refused; the last good one stays.
    PolicyRefused(PolicyRefused),
    /// Somebody had the sources of policy read again.
    PolicyReload(PolicyReload),
    /// Somebody made an earlier policy set active.
    PolicyRolledBack(PolicyRolledBack),
    /// Calls of nobody who is known, too many for a record each.
    CallsRefused(CallsRefused),
    /// A shim opened its stream of events.
    ShimConnected(ShimConnected),
    /// Events of a shim are missing.
    Gap(Gap),
    /// A shim, or the log itself, was alive and had nothing else to say.
    Heartbeat(Heartbeat),
    /// The log did not check, and was cut.
    LogRepaired(LogRepaired),
}

impl Record {
    /// The value of `type`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Decision(_) => "decision",
            Self::Outcome(_) => "outcome",
            Self::PolicyLoaded(_) => "policy_loaded",
            Self::PolicyRefused(_) => "policy_refused",
            Self::PolicyReload(_) => "policy_reload",
            Self::PolicyRolledBack(_) => "policy_rolled_back",
            Self::CallsRefused(_) => "calls_refused",
            Self::ShimConnected(_) => "shim_connected",
            Self::Gap(_) => "gap",
            Self::Heartbeat(_) => "heartbeat",
            Self::LogRepaired(_) => "log_repaired",
        }
    }

    /// The fields of its type, without `seq`, `prev`, `time`, `type` and `origin`.
    fn fields(&self) -> Fields {
        match self {
            Self::Decision(decision) => decision.fields(),
            Self::Outcome(outcome) => outcome.fields(),
            Self::PolicyLoaded(loaded) => loaded.fields(),
            Self::PolicyRefused(refused) => refused.fields(),
            Self::PolicyReload(reload) => reload.fields(),
            Self::PolicyRolledBack(rolled_back) => rolled_back.fields(),
            Self::CallsRefused(refused) => refused.fields(),
            Self::ShimConnected(connected) => connected.fields(),
            Self::Gap(gap) => gap.fields(),
            Self::Heartbeat(heartbeat) => heartbeat.fields(),
            Self::LogRepaired(repaired) => repaired.fields(),
        }
    }

    #[cfg(test)]
    pub(super) fn object(&self) -> Object {
        self.fields().object()
    }

    /// The record as text but for its place in the chain. Done by the caller of the log, so that
    /// the one writer has little to do.
    #[must_use]
    pub fn unlinked(&self, time: Timestamp, origin: &str) -> Unlinked {
        let mut fields = self.fields();
        fields
            .put("time", time.rfc3339_micros())
            .put("type", self.kind())
            .put("origin", origin);
        let whole = Unlinked::of(fields.split(["prev", "seq"]));
        if whole.fits() {
            return whole;
        }
        let mut fields = whole.into_object();
        cut::until(&mut fields, |fields| {
            Unlinked::render(fields.clone()).fits()
        });
        Unlinked::render(fields)
    }
}

/// A line in three parts: `prev` belongs after the first, `seq` after the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlinked {
    before_prev: String,
    before_seq: String,
    rest: String,
}

impl Unlinked {
    fn of([before_prev, before_seq, rest]: [String; 3]) -> Self {
        Self {
            before_prev,
            before_seq,
            rest,
        }
    }

    fn into_object(self) -> Object {
        let parts = [self.before_prev, self.before_seq, self.rest];
        let members = parts.into_iter().filter(|part| !part.is_empty());
        let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
        fields::object(&text)
    }

    fn render(fields: Object) -> Self {
        // Names of fields are ASCII, so this order is that of UTF-16 code units.
        let mut parts = [Object::new(), Object::new(), Object::new()];
        let [before_prev, before_seq, rest] = &mut parts;
        for (name, value) in fields {
            let part = match name.as_str() {
                name if name < "prev" => &mut *before_prev,
                name if name < "seq" => &mut *before_seq,
                _ => &mut *rest,
            };
            part.insert(name, value);
        }
        Self::of(parts.map(members_text))
    }

    fn fits(&self) -> bool {
        self.bytes() + LINK_BYTES_MAX <= RECORD_BYTES_MAX
    }

    fn bytes(&self) -> usize {
        self.before_prev.len() + self.before_seq.len() + self.rest.len()
    }

    /// Appends the line, without its newline.
    pub fn write_line(&self, seq: u64, prev: &str, out: &mut String) {
        let part = |out: &mut String, text: &str| {
            out.push_str(text);
            if !text.is_empty() {
                out.push(',');
            }
        };
        out.reserve(self.bytes() + LINK_BYTES_MAX);
        out.push('{');
        part(out, &self.before_prev);
        out.push_str("\"prev\":\"");
        out.push_str(prev);
        out.push_str("\",");
        part(out, &self.before_seq);
        out.push_str("\"seq\":");
        out.push_str(&seq.to_string());
        out.push(',');
        // Never empty: `time` and `type` are in it.
        out.push_str(&self.rest);
        out.push('}');
    }

    /// The line, without its newline.
    #[must_use]
    pub(super) fn line(&self, seq: u64, prev: &str) -> String {
        let mut line = String::new();
        self.write_line(seq, prev, &mut line);
        line
    }
}

/// The object's canonical text without its braces.
fn members_text(object: Object) -> String {
    let text = String::from_utf8(Json::Object(object).canonical()).unwrap_or_default();
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inner.unwrap_or_default().to_owned()
}

/// `{masked, dropped, rows_removed}`.
fn filtered_text(filtered: &Filtered) -> Text {
    let mut fields = Fields::default();
    fields
        .texts("masked", &filtered.masked)
        .texts("dropped", &filtered.dropped)
        .integer("rows_removed", filtered.rows_removed);
    fields.take()
}

fn revision_text(revision: &Revision) -> Text {
    let mut fields = Fields::default();
    fields
        .integer("version", revision.version)
        .put("revision", revision.revision.as_str())
        .put("digest", revision.digest.as_str());
    fields.take()
}
