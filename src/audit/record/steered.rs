//! What administrators do: `policy_reload` and `policy_rolled_back`.

use super::events::changes;
use super::fields::Fields;
use super::revision;
use crate::model::bundle::Change;
use crate::model::revision::Revision;
use crate::model::time::Timestamp;

/// Somebody had the sources read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReload {
    /// The caller's entry.
    pub by: String,
}

impl PolicyReload {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields.put("by", self.by.as_str());
    }
}

/// Somebody made an earlier set active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRolledBack {
    /// The set that is active now, under a new version.
    pub policy: Revision,
    /// The set that was active before.
    pub previous: Option<Revision>,
    /// Why, in the words of who asked.
    pub reason: String,
    /// The caller's entry.
    pub by: String,
    /// When the newest set is active again.
    pub until: Timestamp,
    /// Who changed its bundles last, and why, as their manifests say.
    pub changes: Vec<Change>,
}

impl PolicyRolledBack {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .put("by", self.by.as_str())
            .optional("changes", changes(&self.changes))
            .put("policy", revision(&self.policy))
            .optional("previous", self.previous.as_ref().map(revision))
            .put("reason", self.reason.as_str())
            .put("until", self.until.rfc3339_micros());
    }
}
