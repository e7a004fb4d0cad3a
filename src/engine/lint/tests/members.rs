//! What a policy reads: members of the input, and imports.

use super::written::{data, one, shown};
use crate::engine::lint::{imports, input_members, members};
use crate::engine::view::DataView;
use crate::model::call::INPUT_OBJECTS;

#[test]
fn the_members_are_those_of_the_schema() {
    let text = include_str!("../../../../docs/input.schema.json");
    let schema: serde_json::Value = serde_json::from_str(text).unwrap();
    let at = |path: &str| {
        let mut at = &schema;
        for name in path.split('.').skip(1) {
            at = &at["properties"][name];
            if let Some(name) = at["$ref"].as_str() {
                at = &schema["$defs"][name.strip_prefix("#/$defs/").unwrap()];
            }
        }
        at
    };
    for (path, members) in INPUT_OBJECTS {
        let object = at(path);
        assert_eq!(object["additionalProperties"], false, "{path}");
        let mut names: Vec<&String> = object["properties"].as_object().unwrap().keys().collect();
        let mut members = members.to_vec();
        names.sort();
        members.sort_unstable();
        assert_eq!(names, members, "{path}");
        for name in names {
            let path = format!("{path}.{name}");
            let is_closed = at(&path)["additionalProperties"] == false;
            let is_known = INPUT_OBJECTS.iter().any(|(known, _)| *known == path);
            assert_eq!(is_closed, is_known, "{path}");
            let words = members::WORDS.iter().find(|(known, _)| *known == path);
            let words = words.map(|(_, words)| serde_json::json!(words));
            assert_eq!(at(&path).get("enum").cloned(), words, "{path}");
        }
    }
}

#[test]
fn finds_members_of_the_input_that_there_are_not() {
    for (rule, expected) in [
        ("deny contains \"x\" if input.arguments.anything.goes", ""),
        ("deny contains \"x\" if input.context.ticket == \"a\"", ""),
        (
            "deny contains \"x\" if input.principal.attributes.regio",
            "",
        ),
        ("deny contains \"x\" if input[name] == 1", ""),
        (
            "deny contains \"x\" if { some input in [1]; input.nothing }",
            "",
        ),
        (
            "deny contains \"x\" if input.arguements.mode == \"read\"",
            "error m.rego:3:22: there is no `input.arguements`: it is undefined in every decision [input.unknown]\n  write `input.arguments`",
        ),
        (
            "deny contains \"x\" if input[\"principle\"].id",
            "error m.rego:3:22: there is no `input.principle`: it is undefined in every decision [input.unknown]\n  write `input.principal`",
        ),
        (
            "deny contains \"x\" if input.mcp.nmae == \"a\"",
            "error m.rego:3:22: there is no `input.mcp.nmae`: it is undefined in every decision [input.unknown]\n  write `input.mcp.name`",
        ),
        (
            "deny contains \"x\" if input.user.blocked",
            "warning m.rego:3:22: there is no `input.user`: it is undefined in every decision [input.unknown]\n  `input` has version, phase, time, tenant, principal, mcp, tool, arguments, facts, session, context, result",
        ),
        (
            "deny contains \"x\" if object.get(input, [\"argumnts\", \"a\"], \"\") == \"\"",
            "error m.rego:3:40: there is no `input.argumnts`: it is undefined in every decision [input.unknown]\n  write `input.arguments`",
        ),
        (
            "import input.principal as who\ndeny contains \"x\" if who.rols == []",
            "error m.rego:4:22: there is no `input.principal.rols`: it is undefined in every decision [input.unknown]\n  write `input.principal.roles`",
        ),
        ("deny contains \"x\" if input.phase == \"call\"", ""),
        (
            "deny contains \"x\" if input.phase == \"calls\"",
            "error m.rego:3:38: `input.phase` is never \"calls\" [input.never]\n  write \"call\"",
        ),
        (
            "deny contains \"x\" if \"peer\" != input.principal.authenticated_by",
            "error m.rego:3:23: `input.principal.authenticated_by` is never \"peer\" [input.never]\n  it is one of mtls, jwt, peer_uid, shim, local",
        ),
        (
            "deny contains \"x\" if input.phase in {\"call\", \"resul\"}",
            "error m.rego:3:47: `input.phase` is never \"resul\" [input.never]\n  write \"result\"",
        ),
    ] {
        let found = shown(&input_members(&one(rule))).join("\n");
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn finds_imports_of_nothing() {
    let data = data(r#"{"billing": {"limits": {}, "rate": 3}}"#);
    for (import, expected) in [
        ("rego.v1", ""),
        ("data.billing", ""),
        ("data.billing.limits", ""),
        ("data.billing.rate.of", ""),
        ("data.toolgate.lib.has_role", ""),
        ("input.mcp as mcp", ""),
        (
            "data.toolgate.libs",
            "error m.rego:3:1: `data.toolgate.libs` is neither a package nor data here [import.nothing]\n  write `import data.toolgate.lib`",
        ),
        (
            "data.toolgate.helpers",
            "error m.rego:3:1: `data.toolgate.helpers` is neither a package nor data here [import.nothing]\n  the library is `data.toolgate.lib`",
        ),
        (
            "data.crm",
            "warning m.rego:3:1: `data.crm` is neither a package nor data here [import.nothing]\n  add the package or the data, or remove the import",
        ),
        (
            "future.keywords.in",
            "warning m.rego:3:1: `import future.keywords.in` is not needed [import.not_needed]\n  policies are Rego v1: remove it",
        ),
    ] {
        let found = imports(&one(&format!("import {import}")), &DataView::new(&data));
        assert_eq!(shown(&found).join("\n"), expected, "{import}");
    }
}
