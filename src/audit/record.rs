//! Records: typed values, and the line that each becomes. `docs/audit-format.md` has the fields.
//!
//! Absent parts are absent, never null. Integers stay below 2^53 and times are texts, so that the
//! line is canonical by RFC 8785 too.

mod attempt;
mod cut;
mod decision;
mod erased;
mod events;
mod fields;
mod read;
mod refused;
mod repaired;
mod rotated;
#[cfg(test)]
pub(super) mod samples;
mod steered;
#[cfg(test)]
mod tests;

pub use decision::DecisionRecord;
pub use erased::ContentErased;
pub use events::{Gap, Heartbeat, OutcomeRecord, PolicyLoaded, PolicyRefused, ShimConnected};
pub use events::{OutcomeStatus, ShimPosition};
use fields::{Canonical, Header, members};
pub(super) use fields::{Fields, Own};
pub use read::AuditRead;
pub use refused::{CallsRefused, RefusedPeer};
pub use repaired::LogRepaired;
pub use rotated::KeyRotated;
pub use steered::{PolicyReload, PolicyRolledBack};

use crate::model::json::{Json, Object};
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use crate::model::verdict::Filtered;
use std::fmt::Write as _;
use std::ops::Range;

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
    /// Somebody read the log, or content that it refers to.
    AuditRead(AuditRead),
    /// Content was erased on purpose.
    ContentErased(ContentErased),
    /// The log did not check, and was cut.
    LogRepaired(LogRepaired),
    /// Another key signs from here on.
    KeyRotated(Box<KeyRotated>),
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
            Self::AuditRead(_) => "audit_read",
            Self::ContentErased(_) => "content_erased",
            Self::LogRepaired(_) => "log_repaired",
            Self::KeyRotated(_) => "key_rotated",
        }
    }

    /// Puts the fields of its type: all but `seq`, `prev`, `time`, `type` and `origin`.
    fn put_into(&self, fields: &mut Fields<'_>) {
        match self {
            Self::Decision(decision) => decision.put_into(fields),
            Self::Outcome(outcome) => outcome.put_into(fields),
            Self::PolicyLoaded(loaded) => loaded.put_into(fields),
            Self::PolicyRefused(refused) => refused.put_into(fields),
            Self::PolicyReload(reload) => reload.put_into(fields),
            Self::PolicyRolledBack(rolled_back) => rolled_back.put_into(fields),
            Self::CallsRefused(refused) => refused.put_into(fields),
            Self::ShimConnected(connected) => connected.put_into(fields),
            Self::Gap(gap) => gap.put_into(fields),
            Self::Heartbeat(heartbeat) => heartbeat.put_into(fields),
            Self::AuditRead(read) => read.put_into(fields),
            Self::ContentErased(erased) => erased.put_into(fields),
            Self::LogRepaired(repaired) => repaired.put_into(fields),
            Self::KeyRotated(rotated) => rotated.put_into(fields),
        }
    }

    #[cfg(test)]
    pub(super) fn object(&self) -> Object {
        object_of(|fields| self.put_into(fields))
    }

    /// The record as text but for its place in the chain. Done by the caller of the log, so that
    /// the one writer has little to do.
    #[must_use]
    pub fn unlinked(&self, time: Timestamp, origin: &str) -> Unlinked {
        let mut fields = Fields::of_record(Header {
            origin,
            time: time.rfc3339_micros(),
            kind: self.kind(),
        });
        self.put_into(&mut fields);
        let whole = fields.unlinked();
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

/// A line without its end, and without `prev` and `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlinked {
    text: String,
    /// Where in it `prev` belongs.
    prev_at: usize,
    /// Where in it `seq` belongs.
    seq_at: usize,
}

impl Unlinked {
    fn into_object(self) -> Object {
        fields::object(&(self.text + "}"))
    }

    /// Members before `prev`, between, and after `seq`, of which there always are some.
    fn of(parts: [String; 3]) -> Self {
        let [before_prev, before_seq, rest] = parts;
        let mut text = String::from("{");
        let mut put = |part: &str| {
            text.push_str(part);
            if !part.is_empty() {
                text.push(',');
            }
            text.len()
        };
        let prev_at = put(&before_prev);
        let seq_at = put(&before_seq);
        text.push_str(&rest);
        Self {
            text,
            prev_at,
            seq_at,
        }
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
        self.text.len() + LINK_BYTES_MAX <= RECORD_BYTES_MAX
    }

    /// Appends the line, without its newline.
    pub fn write_line(&self, seq: u64, prev: &str, out: &mut String) {
        let part = |range| self.text.get::<Range<usize>>(range).unwrap_or_default();
        out.reserve(self.text.len() + LINK_BYTES_MAX);
        out.push_str(part(0..self.prev_at));
        out.push_str("\"prev\":\"");
        out.push_str(prev);
        out.push_str("\",");
        out.push_str(part(self.prev_at..self.seq_at));
        // Writing to a text does not fail.
        let _ = write!(out, "\"seq\":{seq},");
        out.push_str(part(self.seq_at..self.text.len()));
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

/// What `put` puts, as a tree.
fn object_of(put: impl FnOnce(&mut Fields<'_>)) -> Object {
    let mut fields = Fields::default();
    put(&mut fields);
    fields.object()
}

/// `{masked, dropped, rows_removed}`.
fn filtered(filtered: &Filtered) -> impl Canonical {
    members(|fields| {
        fields
            .texts("dropped", &filtered.dropped)
            .texts("masked", &filtered.masked)
            .integer("rows_removed", filtered.rows_removed);
    })
}

fn revision(revision: &Revision) -> impl Canonical {
    members(|fields| {
        fields
            .put("digest", Own(&revision.digest))
            .put("revision", revision.revision.as_str())
            .integer("version", revision.version);
    })
}
