//! The lint's promise, tried on the interpreter: a policy it passes goes on denying whatever field
//! of the input is removed or mistyped, but those that its author accepted.

use std::mem::discriminant;

use regorus::{Engine, Value};
use serde_json::json;

use super::*;

fn data() -> serde_json::Value {
    json!({
        "blocked": ["eve"],
        "tools": {"wipe": {"risk": "high"}, "read": {"risk": "low"}},
        "ranks": {"root": 9, "eve": 5, "bob": 1},
        "people": ["bob"],
        "patterns": ["^[a-z]+$"],
        "limits": {"note": 3},
        "regions": ["EU"],
        "tenants": ["acme"],
        "levels": {"acme": 5},
        "clearance": {"bob": "high"},
        "more": ["mallory"],
    })
}

/// An input with what the contract guarantees, and `over` in it.
fn input(over: &serde_json::Value) -> serde_json::Value {
    let mut base = json!({
        "version": 1,
        "phase": "call",
        "time": {"ns": 1_795_190_400_000_000_000_u64, "rfc3339": "2026-11-21T10:00:00Z"},
        "tenant": "acme",
        "principal": {
            "id": "ann", "roles": ["analyst"], "attributes": {}, "delegation": [],
            "authenticated_by": "mtls",
        },
        "mcp": {"server": "crm", "method": "tools/call", "name": "read"},
        "tool": {"untrusted_annotations": {}},
        "facts": {},
        "session": {"id": "s", "labels": []},
        "context": {},
    });
    merge(&mut base, over);
    base
}

fn merge(base: &mut serde_json::Value, over: &serde_json::Value) {
    match (base.as_object_mut(), over.as_object()) {
        (Some(base), Some(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(json!(null)), value);
            }
        }
        _ => *base = over.clone(),
    }
}

fn denies(case: &Case, input: &serde_json::Value) -> bool {
    let mut engine = Engine::new();
    // As in OPA: a builtin that fails is undefined. A strict engine would deny by the error.
    engine.set_strict_builtin_errors(false);
    for module in case.sources() {
        engine.add_policy(module.path, module.source).unwrap();
    }
    engine
        .add_data(Value::from_json_str(&data().to_string()).unwrap())
        .unwrap();
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    let denied = engine.eval_rule("data.policies.p.deny".to_owned());
    denied.is_ok_and(|set| set.as_set().is_ok_and(|set| !set.is_empty()))
}

/// The paths of all fields that the contract does not guarantee.
fn fields(path: &str, value: &serde_json::Value, found: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        return;
    };
    for (key, value) in object {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if input::guaranteed(&format!("input.{path}")).is_none() || path == "mcp.name" {
            found.push(path.clone());
        }
        fields(&path, value, found);
    }
}

/// The input without a field, or with values of other types in it.
fn variants(input: &serde_json::Value, path: &str, compared: bool) -> Vec<serde_json::Value> {
    let pointer = format!("/{}", path.replace('.', "/"));
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let mut removed = input.clone();
    removed
        .pointer_mut(parent)
        .and_then(serde_json::Value::as_object_mut)
        .unwrap()
        .remove(key);
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!("x"),
        json!([["x"]]),
        json!({"x": 1}),
    ];
    let was = input.pointer(&pointer).unwrap();
    let mut variants = vec![removed];
    variants.extend(
        others
            .into_iter()
            .filter(|other| discriminant(other) != discriminant(was))
            .filter(|_| !compared)
            .map(|other| {
                let mut mistyped = input.clone();
                *mistyped.pointer_mut(&pointer).unwrap() = other;
                mistyped
            }),
    );
    variants
}

#[test]
fn what_it_passes_goes_on_denying() {
    let mut tried = 0;
    let mut open = Vec::new();
    for case in cases() {
        let Some(over) = &case.input else {
            continue;
        };
        assert!(case.findings.is_empty(), "{} is refused", case.name);
        let whole = input(over);
        assert!(denies(&case, &whole), "{} does not deny", case.name);
        let mut paths = Vec::new();
        fields("", &whole, &mut paths);
        for path in paths {
            let accepted = |accepted: &String| {
                path == *accepted
                    || path.starts_with(&format!("{accepted}."))
                    || accepted.starts_with(&format!("{path}."))
            };
            if case.accepts.iter().any(accepted) {
                continue;
            }
            for variant in variants(&whole, &path, case.compares.contains(&path)) {
                tried += 1;
                if !denies(&case, &variant) {
                    open.push(format!("{}: {path} in {variant}", case.name));
                }
            }
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
    assert!(tried > 300, "{tried} variants tried");
}
