//! What a constrained verdict owes.

use super::json::{Json, Object};

/// A well-formed obligation. Parsing and merging are in `obligation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// Applies a JSON Patch (RFC 6902) to `params.arguments` before the call is forwarded.
    RewriteArguments {
        /// The operations: an array of objects.
        patch: Vec<Json>,
    },
    /// Replaces the values of these fields in the result.
    MaskFields {
        /// Names (matched at any depth) or JSON Pointers (starting with `/`, matched exactly).
        fields: Vec<String>,
    },
    /// Removes these fields from the result.
    DropFields {
        /// As in `MaskFields`.
        fields: Vec<String>,
    },
    /// Keeps at most so many rows of each array of rows in the result.
    LimitRows {
        /// Rows.
        rows: u64,
    },
    /// Withholds a result larger than this.
    LimitBytes {
        /// Bytes of the result's JSON.
        bytes: u64,
    },
    /// How the call is recorded.
    Audit {
        /// How much.
        level: AuditLevel,
        /// Whether the reply waits until the record is durable.
        durable: bool,
    },
}

/// How much of a call is recorded, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditLevel {
    /// The record without obligations' details.
    Basic,
    /// The whole record.
    Full,
}

impl AuditLevel {
    /// The name in Rego, in the reply and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Full => "full",
        }
    }
}

/// Who fulfils an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FulfilledBy {
    /// The PDP, before it answers.
    Pdp,
    /// The enforcement point.
    Shim,
}

impl Obligation {
    /// Every type, as [`kind`](Self::kind) names it.
    pub const KINDS: [&str; 6] = [
        "rewrite_arguments",
        "mask_fields",
        "drop_fields",
        "limit_rows",
        "limit_bytes",
        "audit",
    ];

    /// The name in Rego, in the reply and in the record.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RewriteArguments { .. } => "rewrite_arguments",
            Self::MaskFields { .. } => "mask_fields",
            Self::DropFields { .. } => "drop_fields",
            Self::LimitRows { .. } => "limit_rows",
            Self::LimitBytes { .. } => "limit_bytes",
            Self::Audit { .. } => "audit",
        }
    }

    /// Who fulfils it: all of the first obligations are the PDP's own.
    #[must_use]
    pub const fn fulfilled_by(&self) -> FulfilledBy {
        FulfilledBy::Pdp
    }

    /// Whether it is owed to the result (and not to the call alone).
    #[must_use]
    pub const fn concerns_result(&self) -> bool {
        !matches!(self, Self::RewriteArguments { .. } | Self::Audit { .. })
    }

    /// The properties beside `type`, as Rego gave them.
    #[must_use]
    pub fn properties(&self) -> Object {
        let names = |fields: &[String]| Json::array(fields.iter().map(String::as_str));
        let mut out = Object::new();
        match self {
            Self::RewriteArguments { patch } => out.insert("patch", patch.clone()),
            Self::MaskFields { fields } | Self::DropFields { fields } => {
                out.insert("fields", names(fields))
            }
            Self::LimitRows { rows } => out.insert("rows", *rows),
            Self::LimitBytes { bytes } => out.insert("bytes", *bytes),
            Self::Audit { level, durable } => {
                out.insert("level", level.as_str());
                out.insert("durable", *durable)
            }
        };
        out
    }

    /// The obligation as Rego has it: `{"type": …, …}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut out = Object::new();
        out.insert("type", self.kind());
        for (name, value) in self.properties() {
            out.insert(name, value);
        }
        Json::Object(out)
    }
}
