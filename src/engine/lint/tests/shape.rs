//! The other lints, and the rows of `check --explain-scope`.

use super::*;
use crate::engine::{Options, explain_scope};
use crate::model::bundle::{BundleGrant, Sources};

fn modules(sources: &[&str]) -> Vec<Module> {
    (0..)
        .zip(sources)
        .map(|(at, source)| Module {
            path: format!("m{at}.rego"),
            source: (*source).to_owned(),
            ..Module::default()
        })
        .collect()
}

fn servers(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Modules, the servers of `policies.p` and of `policies.q`, and what is found.
type Shape = (
    &'static [&'static str],
    [Option<&'static str>; 2],
    &'static [&'static str],
);

const SHAPES: &[Shape] = &[
    (
        &["package policies.p\nallow contains \"x\" if input.mcp.name == \"read\""],
        [None, None],
        &[],
    ),
    (
        &["package policies.p\ndeny if input.phase == \"call\""],
        [None, None],
        &[
            "m0.rego:2:1: `deny` is not a partial set [policy.form]\n  write `deny contains \"code\" if { … }`",
        ],
    ),
    (
        &["package policies.p\ndefault allow := false\nallow := true if input.phase == \"call\""],
        [None, None],
        &[
            "m0.rego:2:1: `allow` is not a partial set [policy.form]\n  write `allow contains \"code\" if { … }`",
            "m0.rego:3:1: `allow` is not a partial set [policy.form]\n  write `allow contains \"code\" if { … }`",
        ],
    ),
    (
        &["package policies.p\nconstrain := {\"type\": \"audit\"}\napprove(x) := x"],
        [None, None],
        &[
            "m0.rego:2:1: `constrain` is not a partial set [policy.form]\n  write `constrain contains {\"type\": \"audit\", \"level\": \"full\"} if { … }`",
            "m0.rego:3:1: `approve` is not a partial set [policy.form]\n  write `approve contains {\"by\": [\"legal\"], \"code\": \"code\"} if { … }`",
        ],
    ),
    (
        &["package policies.p\nvisible[name] := true if name := input.mcp.name"],
        [None, None],
        &[
            "m0.rego:2:1: `visible` is not a partial set [policy.form]\n  write `visible contains \"code\" if { … }`",
        ],
    ),
    (
        &["package policies.p\nhelper if input.phase == \"call\""],
        [None, None],
        &[
            "m0.rego:1:1: `policies.p` defines none of allow, approve, constrain, deny, visible [policy.empty]\n  write `allow contains \"code\" if { … }`, or move helpers out of `policies`",
        ],
    ),
    (
        &[
            "package policies.p\nhelper if input.phase == \"call\"",
            "package policies.p\ndeny contains \"x\"",
        ],
        [None, None],
        &[],
    ),
    (
        &["package policies.p.more\ndeny contains \"x\""],
        [None, None],
        &[
            "m0.rego:1:1: `policies.p.more` is not exactly one level below `policies`: it decides nothing [policy.level]\n  name it `policies.<name>`, or move helpers out of `policies`",
        ],
    ),
    (
        &["package policies\ndeny contains \"x\""],
        [None, None],
        &[
            "m0.rego:1:1: `policies` is not exactly one level below `policies`: it decides nothing [policy.level]\n  name it `policies.<name>`, or move helpers out of `policies`",
        ],
    ),
    (
        &[
            "package policies.p\nallow contains \"x\"\ndenny contains \"y\" if input.phase == \"call\"",
        ],
        [None, None],
        &["m0.rego:3:1: nothing uses `denny` [policy.misspelled]\n  write `deny` if that is meant"],
    ),
    (
        &[
            "package policies.p\ndeny contains \"x\" if not allows\nallows if input.phase == \"call\"",
        ],
        [None, None],
        &[],
    ),
    (
        &["package policies.p\nallow contains \"x\" if input.arguments.mode == \"read\""],
        [None, None],
        &[
            "m0.rego:2:1: this `allow` reads arguments, which `tools/list` does not have: it lists no tool [policy.visible]\n  say what is listed: `visible contains \"code\" if input.mcp.name == \"…\"`",
        ],
    ),
    (
        &[
            "package policies.p\nimport input.arguments as args\nallow contains \"x\" if reads\nreads if args.mode == \"read\"",
        ],
        [None, None],
        &[
            "m0.rego:3:1: this `allow` reads arguments, which `tools/list` does not have: it lists no tool [policy.visible]\n  say what is listed: `visible contains \"code\" if input.mcp.name == \"…\"`",
        ],
    ),
    (
        &[
            "package policies.p\nallow contains \"x\" if input.arguments.mode == \"read\"\nvisible contains \"y\"",
        ],
        [None, None],
        &[],
    ),
    (
        &[
            "package policies.p\nallow contains \"x\" if input.arguments.mode == \"read\"",
            "package policies.q\nvisible contains \"y\"",
        ],
        [Some("crm"), None],
        &[],
    ),
    (
        &[
            "package policies.p\nallow contains \"x\" if input.arguments.mode == \"read\"",
            "package policies.q\nvisible contains \"y\"",
        ],
        [Some("crm"), Some("mail")],
        &[
            "m0.rego:2:1: this `allow` reads arguments, which `tools/list` does not have: it lists no tool [policy.visible]\n  say what is listed: `visible contains \"code\" if input.mcp.name == \"…\"`",
        ],
    ),
    (
        &["package other\ndeny := true\ndenny := 1"],
        [None, None],
        &[
            "m0.rego:1:1: nothing below `policies` reads `other`: it decides nothing [policy.outside]\n  name it `policies.other`, or remove it",
        ],
    ),
    (
        &["package contracts\ndeny contains \"x\"\nallow contains \"y\""],
        [None, None],
        &[
            "m0.rego:1:1: `contracts` is not below `policies`: its `allow`, `deny` decides nothing [policy.outside]\n  name it `policies.contracts`, or remove it",
        ],
    ),
    (
        &[
            "package helpers\ndeny contains \"x\"",
            "package shared\nimport data.helpers\nis_denied if \"x\" in helpers.deny",
            "package policies.p\nimport data.shared\ndeny contains \"x\" if shared.is_denied",
        ],
        [None, None],
        &[],
    ),
    (
        &[
            "package helpers\nis_a if is_b\nis_b if is_a",
            "package policies.p\ndeny contains \"x\"",
        ],
        [None, None],
        &[
            "m0.rego:1:1: nothing below `policies` reads `helpers`: it decides nothing [policy.outside]\n  name it `policies.helpers`, or remove it",
        ],
    ),
    (
        &["package policies.p\nalow contains \"x\"\ndeny contains \"y\""],
        [None, None],
        &["m0.rego:2:1: nothing uses `alow` [policy.misspelled]\n  write `allow` if that is meant"],
    ),
];

#[test]
fn a_policy_is_made_as_the_contract_has_it() {
    for (sources, declared, expected) in SHAPES {
        let declared: BTreeMap<DataPath, Option<Vec<String>>> = ["p", "q"]
            .into_iter()
            .zip(declared)
            .map(|(name, server)| {
                let path = ["policies", name].into_iter().collect();
                (path, server.and_then(|server| servers(&[server])))
            })
            .collect();
        let found: Vec<String> = policy_shape(&parsed(&modules(sources)), &declared)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, *expected, "{sources:?}");
    }
}

#[test]
fn what_would_have_denied_elsewhere_is_an_error() {
    for (source, expected) in [
        (
            "package policies.p\ndeny if true",
            ("policy.form", Severity::Error),
        ),
        (
            "package policies.p\nallow contains \"x\"\ndenny contains \"x\"",
            ("policy.misspelled", Severity::Error),
        ),
        (
            "package p\ndeny contains \"x\"",
            ("policy.outside", Severity::Error),
        ),
        (
            "package p\nis_x if true",
            ("policy.outside", Severity::Warning),
        ),
        (
            "package policies.p.q\ndeny contains \"x\"",
            ("policy.level", Severity::Error),
        ),
        (
            "package policies.p.q\nis_x if true",
            ("policy.level", Severity::Warning),
        ),
        (
            "package policies.p\nis_x if true",
            ("policy.empty", Severity::Warning),
        ),
    ] {
        let found = policy_shape(&parsed(&modules(&[source])), &BTreeMap::new());
        let found: Vec<_> = found.iter().map(|it| (it.code, it.severity)).collect();
        assert_eq!(found, [expected], "{source}");
    }
}

#[test]
fn the_severity_is_the_operators() {
    let policy = "package policies.p\ndeny contains \"x\" if input.arguments.n != 1\ndeny contains \"y\" if not input.arguments.m > 1";
    for wanted in [Severity::Error, Severity::Warning] {
        let found: Vec<(&str, Severity, String)> = fail_open(&parsed(&modules(&[policy])), wanted)
            .into_iter()
            .map(|finding| (finding.code, finding.severity, finding.package))
            .collect();
        let package = || "policies.p".to_owned();
        assert_eq!(
            found,
            [
                ("fail_open", wanted, package()),
                ("fail_open_type", Severity::Warning, package())
            ]
        );
    }
}

#[test]
fn scopes_say_who_can_grant_what() {
    let bundle = |name: &str, source: &str| Module {
        path: format!("{name}/p.rego"),
        source: source.to_owned(),
        ..Module::default()
    };
    let grant = |name: &str, servers| BundleGrant {
        bundle: name.to_owned(),
        path_prefix: format!("{name}/"),
        servers,
    };
    let sources = Sources {
        modules: vec![
            bundle(
                "core",
                "# METADATA\n# custom: {toolgate: {servers: [crm, mail]}}\npackage policies.a\nallow contains \"x\"\ndeny contains \"y\"",
            ),
            bundle(
                "team",
                "# METADATA\n# custom: {toolgate: {enforcement: shadow, servers: [mail, files]}}\npackage policies.b\nvisible contains \"x\"",
            ),
            bundle(
                "wide",
                "package policies.c\napprove contains {\"by\": [\"a\"], \"code\": \"x\"}",
            ),
        ],
        grants: vec![
            grant("core", None),
            grant("team", servers(&["crm", "mail"])),
            grant("wide", servers(&[])),
        ],
        ..Sources::default()
    };
    let rows: Vec<String> = explain_scope(&sources, &Options::default())
        .iter()
        .map(|row| {
            let list = |servers: &Option<Vec<String>>| {
                servers.as_ref().map_or("*".to_owned(), |s| s.join(","))
            };
            let defines: Vec<&str> = row.defines.iter().map(|set| set.as_str()).collect();
            format!(
                "{} {} [{}] [{}] [{}] {} {}",
                row.package,
                row.bundles.join(","),
                list(&row.declared),
                list(&row.granted),
                list(&row.effective),
                row.shadow,
                defines.join(",")
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "policies.a core [crm,mail] [*] [crm,mail] false allow,deny",
            "policies.b team [files,mail] [crm,mail] [mail] true visible",
            "policies.c wide [*] [] [] false approve",
        ]
    );
}

#[test]
fn what_is_too_large_to_check_is_refused() {
    let chain: String = (0..MAX_RULE_DEPTH + 2)
        .map(|at| format!("r{at} if r{}\n", at + 1))
        .collect();
    let policy = format!("package policies.p\ndeny contains \"x\" if r0\n{chain}");
    let found: Vec<String> = fail_open(&parsed(&modules(&[&policy])), Severity::Error)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        [
            "m0.rego:2:1: this `deny` is too large to be checked [fail_open]\n  split it, and use fewer helpers that use each other"
        ]
    );
}
