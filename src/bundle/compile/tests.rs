use super::*;
use crate::bundle::testing::bundle;
use crate::bundle::verify::verify;
use crate::model::json::Json;

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
    let open = set.data(&["contracts", "open"], 100);
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
