//! What the gate says about policies: the tables in `tests/data/gate`, and that what it allows is
//! compared with OPA.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regorus::unstable::{Expr, Literal, LiteralStmt};
use serde::Deserialize;

use super::{Gate, inspect, tables};
use crate::engine::ast::{
    Index, ParsedModule, Scope, Target, Visitor, parse as parse_module, walk_rule,
};
use crate::engine::view::DataView;
use crate::model::bundle::{Module, RegoVersion};
use crate::model::finding::{Finding, Severity};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::revision::EngineKind;

/// One row of a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    policy: String,
    /// A second module.
    other: Option<String>,
    /// A third module.
    third: Option<String>,
    /// The data, as JSON.
    data: Option<String>,
    /// Whether the modules are Rego v0.
    #[serde(default)]
    v0: bool,
    /// `both`, `rvm`, `interpreter` or `refused`.
    runs: String,
    /// What is found, as `line:column message [code]`; in the second module, with `other:` before.
    #[serde(default)]
    found: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn object(text: &str) -> Object {
    match parse(text.as_bytes(), Limits::REQUEST).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn runs(gate: &Gate, package: &str) -> &'static str {
    let refused = gate.findings.iter().any(|f| f.severity == Severity::Error);
    let interpretable = gate.interpreter_refusals(package).is_empty();
    match (refused, gate.engine_for(package), interpretable) {
        (true, ..) => "refused",
        (_, EngineKind::Interpreter, _) => "interpreter",
        (_, EngineKind::Rvm, true) => "both",
        (_, EngineKind::Rvm, false) => "rvm",
    }
}

fn shown(finding: &Finding) -> String {
    let place = match finding.path.as_str() {
        "other" => "other:",
        "third" => "third:",
        _ => "",
    };
    let Finding {
        line,
        column,
        message,
        code,
        ..
    } = finding;
    format!("{place}{line}:{column} {message} [{code}]")
}

/// Which evaluators run the case's policy, and what is found.
fn judge(case: &Case) -> (String, Vec<String>) {
    let sources = [
        ("policy", Some(&case.policy)),
        ("other", case.other.as_ref()),
        ("third", case.third.as_ref()),
    ];
    let mut modules = Vec::new();
    for (path, source) in sources {
        let Some(source) = source else { continue };
        let module = Module {
            path: path.to_owned(),
            source: source.clone(),
            rego: match case.v0 {
                true => RegoVersion::V0,
                false => RegoVersion::V1,
            },
        };
        match parse_module(&module) {
            Ok(module) => modules.push(module),
            Err(finding) => return ("refused".to_owned(), vec![shown(&finding)]),
        }
    }
    let data = object(case.data.as_deref().unwrap_or("{}"));
    let gate = inspect(&modules, &DataView::new(&data));
    let package = &modules[0].package;
    let mut found: Vec<String> = gate.findings.iter().map(shown).collect();
    if runs(&gate, package) == "rvm" {
        found.extend(gate.interpreter_refusals(package).iter().map(shown));
    }
    (runs(&gate, package).to_owned(), found)
}

#[test]
fn each_case_is_judged_as_the_tables_say() {
    let mut wrong = Vec::new();
    let mut judged = 0;
    for path in files("tests/data/gate", "yaml") {
        let text = std::fs::read_to_string(&path).unwrap();
        let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
        for case in cases {
            judged += 1;
            let (runs, found) = judge(&case);
            if (&runs, &found) != (&case.runs, &case.found) {
                wrong.push(format!(
                    "{}\n  runs: {runs}\n  found: {found:#?}",
                    case.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged >= 60, "{judged}");
}

/// The kinds of nodes and the builtins that policies use.
struct Used<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    nodes: BTreeSet<&'static str>,
    builtins: BTreeSet<String>,
}

impl Visitor for Used<'_> {
    fn literal(&mut self, stmt: &LiteralStmt, _scope: &Scope) {
        self.nodes.insert(match &stmt.literal {
            Literal::SomeVars { .. } => "some",
            Literal::SomeIn { key: None, .. } => "some in",
            Literal::SomeIn { .. } => "some key, value in",
            Literal::Expr { .. } => "statement",
            Literal::NotExpr { .. } => "not",
            Literal::Every { key: None, .. } => "every",
            Literal::Every { .. } => "every key, value",
        });
        if !stmt.with_mods.is_empty() {
            self.nodes.insert("with");
        }
    }

    fn expr(&mut self, expr: &Expr, _scope: &Scope) {
        self.nodes.insert(match expr {
            Expr::String { .. } => "string",
            Expr::RawString { .. } => "raw string",
            Expr::Number { .. } => "number",
            Expr::Bool { .. } => "boolean",
            Expr::Null { .. } => "null",
            Expr::Var { .. } => "variable",
            Expr::Array { .. } => "array",
            Expr::Set { .. } => "set",
            Expr::Object { .. } => "object",
            Expr::ArrayCompr { .. } => "array comprehension",
            Expr::SetCompr { .. } => "set comprehension",
            Expr::ObjectCompr { .. } => "object comprehension",
            Expr::Call { fcn, .. } => {
                if let Target::Builtin(name) = self.index.resolve_call(self.module, fcn) {
                    self.builtins.insert(name);
                }
                "call"
            }
            Expr::UnaryExpr { .. } => "unary minus",
            Expr::RefDot { .. } => "name step",
            Expr::RefBrack { .. } => "bracket step",
            Expr::BinExpr { .. } => "set operation",
            Expr::BoolExpr { .. } => "comparison",
            Expr::ArithExpr { .. } => "arithmetic",
            Expr::AssignExpr { .. } => "assignment",
            Expr::Membership { key: None, .. } => "membership",
            Expr::Membership { .. } => "key membership",
        });
    }
}

/// Nodes that the register machine runs.
const MACHINE_NODES: &[&str] = &[
    "some",
    "some in",
    "some key, value in",
    "statement",
    "not",
    "every",
    "every key, value",
    "string",
    "raw string",
    "number",
    "boolean",
    "null",
    "variable",
    "array",
    "set",
    "object",
    "array comprehension",
    "set comprehension",
    "object comprehension",
    "call",
    "name step",
    "bracket step",
    "set operation",
    "comparison",
    "arithmetic",
    "assignment",
    "membership",
];
/// Nodes that only the interpreter runs.
const INTERPRETER_NODES: &[&str] = &["with", "key membership"];

/// A row of `corners.yaml`; what else it says is the comparison's.
#[derive(Deserialize)]
struct Corner {
    call: String,
}

#[derive(Deserialize)]
struct Corners {
    calls: Vec<Corner>,
}

/// The builtins and nodes that a policy uses.
fn used(source: String) -> (BTreeSet<&'static str>, BTreeSet<String>) {
    let path = "policy".to_owned();
    let header = source.lines().next().unwrap_or_default();
    let rego = match header.split(' ').any(|word| word == "v0") {
        true => RegoVersion::V0,
        false => RegoVersion::V1,
    };
    let modules = [parse_module(&Module { path, source, rego }).unwrap()];
    let index = Index::new(&modules);
    let mut used = Used {
        index: &index,
        module: &modules[0],
        nodes: BTreeSet::new(),
        builtins: BTreeSet::new(),
    };
    for rule in &modules[0].module.policy {
        walk_rule(&mut used, rule);
    }
    (used.nodes, used.builtins)
}

#[test]
fn each_allowed_builtin_is_compared_over_corner_values() {
    let text = std::fs::read_to_string(root().join("tests/data/differential/corners.yaml"));
    let corners: Corners = serde_saphyr::from_str(&text.unwrap()).unwrap();
    let mut source = "package t\n".to_owned();
    for (number, corner) in corners.calls.iter().enumerate() {
        source.push_str(&format!("\nr{number}(x, y, z) := {}\n", corner.call));
    }
    let (_, compared) = used(source);
    let missing: Vec<&str> = tables::BUILTINS
        .iter()
        .map(|builtin| builtin.name)
        .filter(|name| !compared.contains(*name))
        .collect();
    assert!(missing.is_empty(), "no row in corners.yaml: {missing:?}");
}

#[test]
fn the_guide_lists_the_allowed_builtins() {
    let guide = std::fs::read_to_string(root().join("docs/policy-guide.md")).unwrap();
    let listed = guide.split("**Builtins that may be called:** ").nth(1);
    let listed = listed.and_then(|text| text.lines().next()).unwrap();
    let listed: Vec<&str> = listed.split('`').skip(1).step_by(2).collect();
    let allowed: Vec<&str> = tables::BUILTINS.iter().map(|b| b.name).collect();
    let sorted: BTreeSet<&str> = allowed.iter().copied().collect();
    assert_eq!(listed, Vec::from_iter(sorted));
}

/// What the policies of the comparison use whose first line has `word`.
fn compared(word: &str) -> (BTreeSet<&'static str>, BTreeSet<String>) {
    let (mut nodes, mut builtins) = (BTreeSet::new(), BTreeSet::new());
    for path in files("tests/data/differential", "rego") {
        let source = std::fs::read_to_string(&path).unwrap();
        if !source.lines().next().unwrap().contains(word) {
            continue;
        }
        let used = used(source);
        nodes.extend(used.0);
        builtins.extend(used.1);
    }
    (nodes, builtins)
}

#[test]
fn all_that_is_allowed_is_compared_with_opa() {
    let (nodes, builtins) = compared("rvm");
    let allowed: BTreeSet<String> = tables::BUILTINS.iter().map(|b| b.name.to_owned()).collect();
    assert_eq!(builtins, allowed);
    assert_eq!(nodes, MACHINE_NODES.iter().copied().collect());
    let (nodes, _) = compared("interpreter");
    for node in INTERPRETER_NODES {
        assert!(nodes.contains(node), "{node}");
    }
}

#[test]
fn the_import_that_is_missing_is_named() {
    let library = "package toolgate.lib\n\nhas_role(x) if x == \"a\"\n\nlevels := [\"a\"]\n";
    let helpers = "package shared.helpers\n\nis_a(x) if x == \"a\"\n";
    for (statement, expected) in [
        (
            "tg.has_role(\"a\")",
            "write `import data.toolgate.lib as tg` below the package",
        ),
        (
            "tg.has_rolle(\"a\")",
            "write `import data.toolgate.lib as tg` below the package",
        ),
        (
            "\"a\" in tg.levels",
            "write `import data.toolgate.lib as tg` below the package",
        ),
        (
            "t.has_role(\"a\")",
            "write `import data.toolgate.lib as t` below the package",
        ),
        (
            "lib.has_role(\"a\")",
            "write `import data.toolgate.lib` below the package",
        ),
        (
            "helpers.is_a(\"a\")",
            "write `import data.shared.helpers` below the package",
        ),
        (
            "has_role(\"a\")",
            "write `import data.toolgate.lib as tg` and call `tg.has_role`",
        ),
        ("other.is_a(\"a\")", "is its package imported?"),
        ("startwith(\"a\", \"b\")", "is its package imported?"),
    ] {
        let policy = format!("package t\n\nallow contains 1 if {statement}\n");
        let modules = [library, helpers, &policy].map(|source| {
            let module = Module {
                path: "m.rego".to_owned(),
                source: source.to_owned(),
                ..Module::default()
            };
            parse_module(&module).unwrap()
        });
        let findings = inspect(&modules, &DataView::new(&Object::new())).findings;
        let hints: Vec<&str> = findings.iter().map(|it| it.hint.as_str()).collect();
        assert_eq!(hints, [expected], "{statement}");
    }
}
