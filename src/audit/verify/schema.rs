//! The types of records and their fields, from `docs/audit-format.md`.

use super::Wrong;
use super::scan::Fields;
use Kind::{Boolean, Integer, List, Map, Text};

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Integer,
    Boolean,
    List,
    Map,
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Text => "a text",
            Integer => "an integer from 0",
            Boolean => "true or false",
            List => "a list",
            Map => "an object",
        }
    }

    /// Whether a value that is canonical, as it is written, is of this kind.
    fn holds(self, value: &str) -> bool {
        let starts = match self {
            Text => &['"'][..],
            Integer => &['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
            Boolean => &['t', 'f'],
            List => &['['],
            Map => &['{'],
        };
        value.starts_with(starts)
    }
}

type Field = (&'static str, Kind);

/// Fields that a type must have, and fields that it may have. Others are let through: a later
/// writer may add some, and the chain covers them all the same.
struct Schema {
    kind: &'static str,
    required: &'static [Field],
    optional: &'static [Field],
}

const SCHEMAS: &[Schema] = &[
    Schema {
        kind: "decision",
        required: &[
            ("decision_id", Text),
            ("tenant", Text),
            ("phase", Text),
            ("principal", Map),
            ("tool_server", Text),
            ("method", Text),
            ("labels", List),
            ("effect", Text),
            ("reasons", List),
            ("policies", List),
            ("obligations", List),
            ("evaluation_us", Integer),
            ("cached", Boolean),
            ("dry_run", Boolean),
        ],
        optional: &[
            ("call_id", Text),
            ("caller", Text),
            ("attempt", Map),
            ("session_id", Text),
            ("correlation_id", Text),
            ("traceparent", Text),
            ("tool_name", Text),
            ("definition_digest", Text),
            ("data_classification", Text),
            ("risk_tier", Text),
            ("purpose", Text),
            ("arguments", Map),
            ("rewritten_arguments", Map),
            ("response", Map),
            ("released", Map),
            ("filtered", Map),
            ("reported_code", Text),
            ("dropped", List),
            ("approvals", List),
            ("shadow", List),
            ("policy", Map),
            ("engine", Text),
            ("dlp_result", Text),
            ("shim", Map),
            ("event_id", Text),
            ("event_time", Text),
        ],
    },
    Schema {
        kind: "outcome",
        required: &[
            ("decision_id", Text),
            ("status", Text),
            ("labels", List),
            ("latency_ms", Integer),
        ],
        optional: &[
            ("decision_known", Boolean),
            ("decision_origin", Text),
            ("tenant", Text),
            ("call_id", Text),
            ("response", Map),
            ("filtered", Map),
            ("secret_present", Boolean),
            ("secret_valid", Boolean),
            ("dlp_result", Text),
            ("shim", Map),
            ("event_id", Text),
            ("event_time", Text),
        ],
    },
    Schema {
        kind: "policy_loaded",
        required: &[("policy", Map), ("packages", List), ("findings", List)],
        optional: &[("previous", Map), ("source", Text), ("changes", List)],
    },
    Schema {
        kind: "policy_refused",
        required: &[("error", Text), ("findings", List)],
        optional: &[
            ("digest", Text),
            ("revision", Text),
            ("active", Map),
            ("source", Text),
            ("changes", List),
        ],
    },
    Schema {
        kind: "policy_reload",
        required: &[("by", Text)],
        optional: &[],
    },
    Schema {
        kind: "policy_rolled_back",
        required: &[
            ("policy", Map),
            ("reason", Text),
            ("by", Text),
            ("until", Text),
        ],
        optional: &[("previous", Map), ("changes", List)],
    },
    Schema {
        kind: "calls_refused",
        required: &[
            ("reason", Text),
            ("since", Text),
            ("until", Text),
            ("calls", Integer),
            ("from", List),
        ],
        optional: &[("of_others", Integer)],
    },
    Schema {
        kind: "shim_connected",
        required: &[("shim", Map), ("event_id", Text)],
        optional: &[
            ("caller", Text),
            ("tool_server", Text),
            ("version", Text),
            ("event_time", Text),
        ],
    },
    Schema {
        kind: "gap",
        required: &[("shim", Map), ("first_seq", Integer), ("last_seq", Integer)],
        optional: &[],
    },
    Schema {
        kind: "heartbeat",
        required: &[],
        optional: &[
            ("shim", Map),
            ("event_id", Text),
            ("event_time", Text),
            ("spooled", Integer),
        ],
    },
    Schema {
        kind: "audit_read",
        required: &[("by", Text), ("justification", Text), ("rpc", Text)],
        optional: &[
            ("query", Map),
            ("records", Integer),
            ("ref", Text),
            ("approved_by", Text),
            ("refused", Text),
        ],
    },
    Schema {
        kind: "content_erased",
        required: &[
            ("tenant", Text),
            ("month", Text),
            ("by", Text),
            ("reason", Text),
            ("objects", Integer),
        ],
        optional: &[],
    },
    Schema {
        kind: "log_repaired",
        required: &[
            ("first_seq", Integer),
            ("lines", Integer),
            ("bytes", Integer),
            ("digest", Text),
            ("file", Text),
            ("files", List),
            ("fault", Text),
        ],
        optional: &[("checkpoint", Text)],
    },
    Schema {
        kind: "key_rotated",
        required: &[("previous", Text), ("next", Text), ("note", Text)],
        optional: &[],
    },
];

/// Fields that any record may have.
const COMMON: [Field; 1] = [("truncated", List)];

/// Checks the fields of a record of this type. False: the format has no such type, so that there
/// is nothing to check them by.
pub fn check(kind: &str, record: &Fields<'_>) -> Result<bool, Wrong> {
    let schema = SCHEMAS.iter().find(|schema| schema.kind == kind);
    let known = schema.map_or((&[] as &[_], &[] as &[_]), |schema| {
        (schema.required, schema.optional)
    });
    for (name, kind) in known.0 {
        if !record.raw(name).is_some_and(|value| kind.holds(value)) {
            return Err(wrong(name, *kind));
        }
    }
    for (name, kind) in known.1.iter().chain(&COMMON) {
        if !record.raw(name).is_none_or(|value| kind.holds(value)) {
            return Err(wrong(name, *kind));
        }
    }
    Ok(schema.is_some())
}

const fn wrong(name: &'static str, kind: Kind) -> Wrong {
    let expected = kind.expected();
    Wrong::Field { name, expected }
}
