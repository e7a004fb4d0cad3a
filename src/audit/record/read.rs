//! `audit_read`: somebody read the log, or content that it refers to.

use super::fields::Fields;
use crate::model::json::{Json, Object};

/// Somebody read evidence. Durable before what was read is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditRead {
    /// The caller's entry.
    pub by: String,
    /// Why, in the words of who asked.
    pub justification: String,
    /// Which RPC: `Query`, `Tail` or `GetContent`.
    pub rpc: &'static str,
    /// What was asked for, by the names in `docs/audit-format.md`; empty: everything. Absent from
    /// the record of an RPC that asks for one thing, which `reference` names.
    pub query: Option<Object>,
    /// How many records the answer has; `None` where that is not known beforehand.
    pub records: Option<u64>,
    /// The reference of the content that was read.
    pub reference: Option<String>,
    /// Who approved that content is read.
    pub approved_by: Option<String>,
    /// Why nothing was given.
    pub refused: Option<String>,
}

impl AuditRead {
    /// The fields of the record, in the order of their names.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .optional("approved_by", self.approved_by.as_deref())
            .put("by", self.by.as_str())
            .put("justification", self.justification.as_str())
            .optional("query", self.query.clone().map(Json::Object))
            .optional("records", self.records)
            .optional("ref", self.reference.as_deref())
            .optional("refused", self.refused.as_deref())
            .put("rpc", self.rpc);
    }
}
