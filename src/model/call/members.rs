//! The members of a policy input, for whoever reads one or reads what reads one.

/// An object of the input and the members that it may have; what is not here has any. A test holds
/// this equal to `docs/input.schema.json`.
pub const INPUT_OBJECTS: [(&str, &[&str]); 6] = [
    (
        "input",
        &[
            "version",
            "phase",
            "time",
            "tenant",
            "principal",
            "mcp",
            "tool",
            "arguments",
            "facts",
            "session",
            "context",
            "result",
        ],
    ),
    ("input.time", &["ns", "rfc3339"]),
    (
        "input.principal",
        &[
            "id",
            "user",
            "agent",
            "client",
            "roles",
            "attributes",
            "delegation",
            "authenticated_by",
            "roles_from",
        ],
    ),
    ("input.mcp", &["server", "method", "name", "protocol"]),
    (
        "input.tool",
        &["untrusted_annotations", "definition_digest"],
    ),
    ("input.session", &["id", "labels"]),
];
