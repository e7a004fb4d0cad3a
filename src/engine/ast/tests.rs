use std::collections::BTreeSet;

use super::*;
use crate::model::bundle::Module;

pub(crate) fn parsed(sources: &[&str]) -> Vec<ParsedModule> {
    sources
        .iter()
        .enumerate()
        .map(|(at, source)| {
            parse(&Module {
                path: format!("m{at}.rego"),
                source: (*source).to_owned(),
                ..Module::default()
            })
            .unwrap_or_else(|finding| panic!("{finding}"))
        })
        .collect()
}

fn error(source: &str) -> String {
    let module = Module {
        path: "a.rego".to_owned(),
        source: source.to_owned(),
        ..Module::default()
    };
    match parse(&module) {
        Ok(_) => "parsed".to_owned(),
        Err(finding) => finding.to_string(),
    }
}

#[test]
fn errors_name_the_place() {
    for (source, expected) in [
        (
            "package a\nx := ",
            "a.rego:2:6: expecting expression [gate.syntax]",
        ),
        (
            "package a\nx { true }",
            "a.rego:2:3: `if` keyword is required before rule body [gate.syntax]",
        ),
        (
            "package a\n\nx if some 1",
            "a.rego:3:11: encountered `1` while expecting identifier [gate.syntax]",
        ),
        (
            "package a\nx := \"abc\ny := 1",
            "a.rego:2:10: a string is not closed on this line [gate.syntax]",
        ),
        (
            "package a\nx := \"abc",
            "a.rego:2:6: a string is not closed on this line [gate.syntax]",
        ),
        (
            "package a\nx := `abc\ny := 1",
            "a.rego:2:7: this raw string is never closed [gate.syntax]",
        ),
        (
            "package a\n# x\0\ndeny := 1",
            "a.rego:2:4: a NUL character would end the module here [gate.nul]",
        ),
        (
            "package a\nx := - - 1",
            "a.rego:2:8: two minus signs in a row [gate.nesting]",
        ),
    ] {
        let found = error(source);
        assert_eq!(found.lines().next(), Some(expected), "{source}");
    }
}

#[test]
fn the_shape_is_bounded() {
    let nested = |n: usize| format!("package a\nx := {}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(error(&nested(shape::MAX_NESTING_LEVELS)), "parsed");
    assert!(error(&nested(shape::MAX_NESTING_LEVELS + 1)).contains("gate.nesting"));
    let sum = |n: usize| format!("package a\nx := 1{}", " + 1".repeat(n));
    assert_eq!(
        error(&sum(shape::MAX_OPERATORS_PER_EXPRESSION - 2)),
        "parsed"
    );
    assert!(error(&sum(shape::MAX_OPERATORS_PER_EXPRESSION + 1)).contains("gate.expression_size"));
    let many = "x := input.a.b == 1\n".repeat(1000);
    assert_eq!(error(&format!("package a\n{many}")), "parsed");
    assert!(error(&"set(".repeat(200_000)).contains("gate.nesting"));
}

#[test]
fn edges_follow_names_calls_imports_and_variables() {
    let modules = parsed(&[
        "package p.a\nimport data.lib\nimport data.lib.g as h\n\
         deny contains x if { x := lib.f(other); h(1); not data.p[input.z].never }\n\
         other := 1\n\
         shadow if { some other in input.xs; other == 1 }\n\
         whole := data.p.b\n\
         value := data.roles[input.user]",
        "package lib\nf(x) := g(x)\ng(x) := x",
        "package p.b\ndeny contains 1 if data.p[_].other\nnever := false",
    ]);
    let index = Index::new(&modules);
    let edges: Vec<String> = index
        .edges(&modules)
        .into_iter()
        .map(|(from, to)| {
            let to: Vec<String> = to.iter().map(ToString::to_string).collect();
            format!("{from} -> {}", to.join(" "))
        })
        .collect();
    assert_eq!(
        edges,
        [
            "data.lib.f -> data.lib.g",
            "data.lib.g -> ",
            "data.p.a.deny -> data.lib.f data.lib.g data.p.a.other data.p.b.never",
            "data.p.a.other -> ",
            "data.p.a.shadow -> ",
            "data.p.a.value -> ",
            "data.p.a.whole -> data.p.b.deny data.p.b.never",
            "data.p.b.deny -> data.p.a.other",
            "data.p.b.never -> ",
        ]
    );
}

#[test]
fn names_resolve_as_written() {
    let modules = parsed(&[
        "package p\nimport input.arguments as args\nimport data.roles\nr := 1\n\
         x if { a := args.b; b := roles.x; c := r; d := data.p.r; e = f; count([g]); zip(1, 2) }",
    ]);
    let index = Index::new(&modules);
    struct Names<'a>(&'a Index, &'a ParsedModule, BTreeSet<String>);
    impl Visitor for Names<'_> {
        fn expr(&mut self, expr: &regorus::unstable::Expr, scope: &Scope) {
            let target = match expr {
                regorus::unstable::Expr::Call { fcn, .. } => Some(self.0.resolve_call(self.1, fcn)),
                _ => self.0.resolve(self.1, scope, expr),
            };
            if let Some(target) = target {
                self.2.insert(format!("{} {target:?}", expr.span().text()));
            }
        }
    }
    let mut names = Names(&index, &modules[0], BTreeSet::new());
    for rule in &modules[0].module.policy {
        walk_rule(&mut names, rule);
    }
    let found: Vec<&str> = names.2.iter().map(String::as_str).collect();
    assert_eq!(
        found,
        [
            "a Local(\"a\")",
            "args.b Input",
            "b Local(\"b\")",
            "c Local(\"c\")",
            "count([g]) Builtin(\"count\")",
            "d Local(\"d\")",
            "data.p.r Rule(DataPath([\"p\", \"r\"]))",
            "e Local(\"e\")",
            "f Local(\"f\")",
            "g Local(\"g\")",
            "r Rule(DataPath([\"p\", \"r\"]))",
            "roles.x Data(DataPath([\"roles\", \"x\"]))",
            "zip(1, 2) Unknown(\"zip\")",
        ]
    );
}
