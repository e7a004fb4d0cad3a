//! Which module may use which: the table of `docs/ARCHITECTURE.md`.

use super::check;
use super::source::{SOURCES, Source, Use, source};

/// Each top module and the others that it may use.
const MAY_USE: [(&str, &[&str]); 17] = [
    ("model", &[]),
    ("tlog", &[]),
    ("files", &[]),
    ("engine", &["model"]),
    ("obligation", &["model"]),
    ("audit", &["model", "tlog", "files"]),
    ("identity", &["model"]),
    ("wire", &["model"]),
    ("telemetry", &["model"]),
    ("bundle", &["engine", "model"]),
    ("decide", &["engine", "obligation", "model"]),
    ("shim", &["wire", "obligation", "model", "tlog", "files"]),
    (
        "server",
        &[
            "wire",
            "identity",
            "decide",
            "bundle",
            "engine",
            "audit",
            "telemetry",
            "model",
            "tlog",
        ],
    ),
    // Composed of the configuration types of the others.
    (
        "config",
        &[
            "identity",
            "audit",
            "bundle",
            "engine",
            "telemetry",
            "model",
            "tlog",
        ],
    ),
    ("app", &["*", "!cli"]),
    ("cli", &["*", "!server"]),
    // `lib.rs` and `main.rs`.
    ("", &["cli"]),
];

/// Words that must not stand in these modules, and why.
const PURE: [&str; 3] = ["decide", "engine", "obligation"];
const IMPURE_WORDS: [&str; 4] = ["tokio", "tonic", "SystemTime", "Instant"];

fn live() -> impl Iterator<Item = &'static Source> {
    SOURCES.iter().filter(|source| !source.is_test)
}

fn may_use(from: &str, to: &str) -> bool {
    let found = MAY_USE.iter().find(|(module, _)| *module == from);
    let allowed = found.map_or(&[] as &[_], |(_, allowed)| allowed);
    let but = format!("!{to}");
    from == to || allowed.contains(&to) || allowed.contains(&"*") && !allowed.contains(&&*but)
}

fn is_module(name: &str) -> bool {
    MAY_USE.iter().any(|(module, _)| *module == name)
}

#[test]
fn every_module_has_its_row() {
    let unknown = SOURCES.iter().filter(|source| !is_module(source.top()));
    check(
        unknown
            .map(|source| {
                format!(
                    "{}: the module has no row: say in tests/tidy/edges.rs and in \
                     docs/ARCHITECTURE.md what it may use",
                    source.path
                )
            })
            .collect(),
    );
}

#[test]
fn modules_use_what_their_row_allows() {
    check(live().flat_map(forbidden_uses).collect());
}

fn forbidden_uses(source: &Source) -> Vec<String> {
    let from = source.top();
    let forbidden = source.uses().into_iter().filter(|used| {
        let to = used.path.first().map_or("", String::as_str);
        is_module(to) && !to.is_empty() && !may_use(from, to)
    });
    let finding = |used: Use| {
        format!(
            "{}: `{from}` may not use `{}`: move the code to where both may be used, or pass the \
             value in",
            source.at(used.line),
            used.path.join("::"),
        )
    };
    forbidden.map(finding).collect()
}

#[test]
fn a_forbidden_use_is_found_however_it_is_written() {
    for text in [
        "use crate::server;",
        "use crate::{model::json, server::Decider};",
        "fn f() { let _ = crate::server::f(); }",
        "use super::super::server::Decider;",
        "pub use crate::server::*;",
        "impl From<crate::server::Error> for E {}",
    ] {
        let found = forbidden_uses(&source("src/engine/set.rs", text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("src/engine/set.rs:1: "), "{found:?}");
    }
    for text in [
        "use crate::model::json;",
        "// crate::server",
        "\"crate::server\";",
    ] {
        let found = forbidden_uses(&source("src/engine/set.rs", text));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[test]
fn regorus_is_named_in_the_engine_only() {
    let others = SOURCES.iter().filter(|source| source.top() != "engine");
    let named = others.flat_map(|source| {
        let lines = source.lines_with(&["regorus"]);
        lines.into_iter().map(|line| source.at(line))
    });
    check(
        named
            .map(|at| format!("{at}: regorus is for src/engine only: use what `engine` offers"))
            .collect(),
    );
}

#[test]
fn what_decides_is_pure() {
    let mut findings = Vec::new();
    for source in live().filter(|source| PURE.contains(&source.top())) {
        for word in IMPURE_WORDS {
            for line in source.lines_with(&[word]) {
                findings.push(format!(
                    "{}: `{word}` in `{}`: a decision is pure; time and effects are passed in or \
                     handed out as intents",
                    source.at(line),
                    source.top(),
                ));
            }
        }
    }
    check(findings);
}

/// An auditor's reader must not share the writer's mistakes.
#[test]
fn the_verifier_does_not_import_the_writer() {
    let mut findings = Vec::new();
    for source in live().filter(|source| source.module.starts_with(&words(["audit", "verify"]))) {
        for used in source.uses() {
            for writer in ["record", "log", "tree", "sign", "stream"] {
                if used.path.starts_with(&words(["audit", writer])) {
                    findings.push(format!(
                        "{}: the verifier may not use `audit::{writer}`: write from \
                         docs/audit-format.md what it needs",
                        source.at(used.line),
                    ));
                }
            }
        }
    }
    check(findings);
}

/// Where a policy set may be compiled besides the engine, and why.
const COMPILES: [(&str, &str); 1] = [("src/bundle/compile.rs", "takes verified sources only")];

/// `source → verify → compile → swap`: nobody compiles what was not verified.
#[test]
fn policies_are_compiled_in_one_place() {
    let may = |source: &Source| COMPILES.iter().any(|(path, _)| *path == source.path);
    let mut findings = Vec::new();
    for source in live().filter(|source| source.top() != "engine") {
        let ways = [["PolicySet", "::", "compile"], ["Compiler", "::", "new"]];
        let lines = ways.iter().flat_map(|way| source.lines_with(way));
        let lines: Vec<_> = lines.collect();
        if may(source) && lines.is_empty() {
            findings.push(format!(
                "{}: compiles no more: take it off the list in tests/tidy/edges.rs",
                source.path
            ));
        }
        findings.extend(lines.into_iter().filter(|_| !may(source)).map(|line| {
            let at = source.at(line);
            format!("{at}: use `bundle::compile`, which takes verified sources only")
        }));
    }
    check(findings);
}

/// Who may say that something is forwarded.
const PERMITS: [&str; 4] = [
    "src/shim/down.rs",
    "src/shim/listing.rs",
    "src/shim/permit.rs",
    "src/shim/up.rs",
];

#[test]
fn permits_to_forward_are_made_in_the_core_of_the_shims_alone() {
    let mut findings = Vec::new();
    for source in live().filter(|source| !PERMITS.contains(&source.path.as_str())) {
        let ways = [["Permit", "::", "granted"], ["Permit", "::", "unjudged"]];
        let lines = ways.iter().flat_map(|way| source.lines_with(way));
        findings.extend(lines.map(|line| {
            let at = source.at(line);
            format!("{at}: have `up`, `down` or `listing` make the permit")
        }));
    }
    check(findings);
}

fn words<const N: usize>(words: [&str; N]) -> [String; N] {
    words.map(str::to_owned)
}

#[test]
fn the_table_is_read_as_it_is_written() {
    for (from, to, allowed) in [
        ("model", "engine", false),
        ("bundle", "engine", true),
        ("app", "server", true),
        ("app", "cli", false),
        ("cli", "server", false),
        ("cli", "engine", true),
        ("shim", "server", false),
        ("decide", "wire", false),
        ("unheard-of", "model", false),
    ] {
        assert_eq!(may_use(from, to), allowed, "{from} -> {to}");
    }
}
