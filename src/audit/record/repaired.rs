//! `log_repaired`: the log did not check, and was cut.

use super::fields::Fields;
use crate::model::json::Object;

/// What was cut off the log, and where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRepaired {
    /// The seq of the first record that did not check; this record has it now.
    pub first_seq: u64,
    /// How many lines were cut, the last one with or without its end.
    pub lines: u64,
    /// How many bytes were cut.
    pub bytes: u64,
    /// `sha256:<hex>` of the cut bytes.
    pub digest: String,
    /// The file, beside the log, that has the cut bytes.
    pub file: String,
    /// Every file beside the log of what was cut: those of repairs that did not end, too.
    pub files: Vec<String>,
    /// Of the files, the one with the longest checkpoint that was signed over more than what is
    /// kept; `None` if there was none.
    pub checkpoint: Option<String>,
    /// What was wrong, and where.
    pub fault: String,
}

impl LogRepaired {
    /// The fields of the record, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Object {
        super::object_of(|fields| self.put_into(fields))
    }

    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .integer("bytes", self.bytes)
            .optional("checkpoint", self.checkpoint.as_deref())
            .put("digest", self.digest.as_str())
            .put("fault", self.fault.as_str())
            .put("file", self.file.as_str())
            .texts("files", &self.files)
            .integer("first_seq", self.first_seq)
            .integer("lines", self.lines);
    }
}
