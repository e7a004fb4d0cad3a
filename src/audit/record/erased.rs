//! `content_erased`: a tenant's month of content is gone, and its keys.

use super::fields::Fields;

/// Content was erased on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContentErased {
    /// The tenant.
    pub tenant: String,
    /// The month, as `2026-11`.
    pub month: String,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// How many objects were removed. A removal that was cut short and done again counts the rest.
    pub objects: u64,
}

impl ContentErased {
    /// The fields of the record, in the order of their names.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .put("by", self.by.as_str())
            .put("month", self.month.as_str())
            .integer("objects", self.objects)
            .put("reason", self.reason.as_str())
            .put("tenant", self.tenant.as_str());
    }
}
