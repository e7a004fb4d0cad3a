use super::*;
use crate::bundle::testing::bundle;
use crate::bundle::verify::verify;
use crate::model::finding::Severity;
use crate::model::json::Json;
use proptest::prelude::*;

const POLICY: &str = r#"package policies.contracts

allow contains "contracts.read" if {
	input.mcp.name == "read_contract"
	data.contracts.open
}
"#;

#[test]
fn verified_sources_become_a_set_that_decides() {
    let files = [
        (".manifest", r#"{"revision": "r7"}"#),
        ("contracts/policy.rego", POLICY),
        ("contracts/data.json", r#"{"open": true}"#),
        ("notes.txt", "x"),
    ];
    let verified = verify(vec![bundle("demo", &files)]).unwrap();
    let digest = verified.digest.clone();
    let compiled = compile(verified, &Options::default(), 3).unwrap();
    assert_eq!(
        compiled.warnings(),
        ["bundle `demo`: not used: `notes.txt`"]
    );
    let set = compiled.into_set();
    assert_eq!(set.revision().version, 3);
    assert_eq!(set.revision().revision, "r7");
    assert_eq!(set.revision().digest, digest);
    let open = set.data(&["contracts", "open"], 100).unwrap();
    assert_eq!(open, Some(Json::Bool(true)));
}

#[test]
fn what_does_not_compile_is_refused_with_its_place() {
    let files = [("a.rego", "package policies.a\n\nallow contains if {\n")];
    let verified = verify(vec![bundle("demo", &files)]).unwrap();
    let findings = compiler(Options::default())(verified, 1).unwrap_err();
    assert_eq!(findings[0].path, "a.rego");
    assert_eq!(findings[0].line, 3);
}

#[test]
fn a_policy_may_use_the_library() {
    let policy = r#"package policies.a

import data.toolgate.lib as tg

allow contains "a" if "analyst" in tg.roles
"#;
    let verified = verify(vec![bundle("demo", &[("a.rego", policy)])]).unwrap();
    let compiled = compile(verified, &Options::default(), 1).unwrap();
    assert_eq!(compiled.into_set().packages().len(), 1);
}

/// Something that may stand between two parts of a `package` clause.
fn between() -> impl Strategy<Value = String> {
    let parts = [
        "", " ", "\t", "\n", "\r\n", "# x\n", ".", ".b", "[\"b\"]", ";", "\u{a0}",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..3).prop_map(|p| p.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Which data a module owns is read off its text; the compiler must read the same.
    #[test]
    fn the_compiler_finds_the_package_that_was_verified(
        before in between(), space in between(), dot in between(), after in between()
    ) {
        let source = format!("{before}package {space}policies.{dot}a{after}\nallow contains \"x\" if true\n");
        let bundle = bundle("demo", &[("a.rego", &source)]);
        let Some(package) = crate::bundle::package::of(&source) else {
            prop_assert!(verify(vec![bundle]).is_err());
            return Ok(());
        };
        let verified = verify(vec![bundle]).unwrap();
        let options = Options { fail_open: Severity::Warning, ..Options::default() };
        if let Ok(compiled) = compile(verified, &options, 1) {
            let set = compiled.into_set();
            let names: Vec<&str> = set.packages().iter().map(|p| p.name.as_str()).collect();
            // A policy is a package one level under `policies`.
            let expected: Vec<&str> = match package.as_slice() {
                [_, name] => vec![name],
                _ => Vec::new(),
            };
            prop_assert_eq!(names, expected);
        }
    }
}
