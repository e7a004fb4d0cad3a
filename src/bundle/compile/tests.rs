use super::*;
use crate::bundle::testing::bundle;
use crate::bundle::verify::{VerifyError, verify};
use crate::engine::Input;
use crate::model::finding::Severity;
use crate::model::json::{Json, Limits, Object, parse};
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

/// Policies whose checks ask much of the data: types, absence, names, roles, conflicts.
const READERS: [(&str, &str); 3] = [
    (
        "a.rego",
        r#"package policies.a

import data.helpers
import data.toolgate.lib as tg

allow contains "a.open" if {
	data.contracts.open
	tg.has_role("analyst")
}

deny contains "a.listed" if input.mcp.name in data.blocklist.ids

constrain contains {"type": "limit_rows", "rows": helpers.limit}
"#,
    ),
    (
        "b.rego",
        r#"package policies.b

named[key] := name if name := data.names[key]

allow contains code if {
	some key, name in named
	name == "x"
	code := concat(".", ["b", key])
}
"#,
    ),
    (
        "helpers.rego",
        "package helpers\n\nlimit := count(data.blocklist.ids) + 1\n",
    ),
];

fn with_data(data: &str, revision: &str) -> Result<Verified<Sources>, VerifyError> {
    let manifest = format!(r#"{{"revision": "{revision}"}}"#);
    let mut files = vec![(".manifest", manifest.as_str()), ("data.json", data)];
    files.extend(READERS);
    verify(vec![bundle("demo", &files)])
}

/// What a set is, but for its number: what it is named, warns of and answers.
fn described(compiled: Compiled<PolicySet>) -> String {
    let (revision, findings) = (compiled.revision.clone(), compiled.findings.clone());
    let (packages, set) = (compiled.packages.clone(), compiled.into_set());
    let input = |name: &str| {
        let text = format!(
            r#"{{"mcp": {{"server": "s", "name": "{name}"}}, "principal": {{"id": "ann", "roles": ["analyst"]}}}}"#
        );
        Input::new(&parse(text.as_bytes(), Limits::REQUEST).unwrap()).unwrap()
    };
    let answers = ["x", "read"].map(|name| {
        let sets = set.evaluate(set.packages().iter(), &input(name));
        let sets: Vec<_> = sets.into_iter().map(|(_, sets)| sets).collect();
        format!("{sets:?}")
    });
    let data = set.data(&[], 1 << 20).unwrap();
    let about = set.packages();
    format!("{revision:?}\n{findings:?}\n{packages:?}\n{about:?}\n{answers:?}\n{data:?}")
}

/// Whether the modules were compiled, and what the set is, or why it is refused.
fn outcome(compile: &Compile<PolicySet>, data: &str, version: u64) -> (bool, String) {
    match with_data(data, &format!("r{version}")) {
        Err(error) => (true, error.to_string()),
        Ok(verified) => match compile(verified, version) {
            Err(findings) => (true, format!("{findings:?}")),
            Ok(compiled) => (compiled.recompiled(), described(compiled)),
        },
    }
}

const DATA: &str = r#"{"contracts": {"open": true}, "blocklist": {"ids": ["x"]}, "names": {"k": "x"},
    "directory": {"principals": {"ann": {"roles": ["analyst"]}}}}"#;

#[test]
fn where_only_data_changes_nothing_is_compiled() {
    let (recompiled, first) = outcome(&compiler(Options::default()), DATA, 1);
    assert!(recompiled);
    assert!(
        first.contains("engine: Rvm") && first.contains("engine: Interpreter"),
        "{first}"
    );
    for (from, to, expected) in [
        (r#"["x"]"#, r#"["x", "y"]"#, false),
        (r#""open": true"#, r#""open": false"#, false),
        (r#"{"k": "x"}"#, r#"{"k": {"l": "x"}}"#, false),
        (r#"["analyst"]"#, r#"["analyst", "boss"]"#, false),
        (r#""ann": {"#, r#""bob": {}, "ann": {"#, false),
        (r#"["x"]"#, r#"{"x": "x"}"#, true),
        (r#"{"open": true}"#, r#"{}"#, true),
        (r#"["analyst"]"#, r#"["boss"]"#, true),
    ] {
        let compile = compiler(Options::default());
        let (_, before) = outcome(&compile, DATA, 1);
        let (recompiled, after) = outcome(&compile, &DATA.replace(from, to), 2);
        assert_eq!(recompiled, expected, "{from} to {to}:\n{after}");
        assert_ne!(before, after);
    }
}

#[test]
fn modules_and_grants_that_change_are_compiled() {
    let compile = compiler(Options::default());
    let recompiled = |module: &str, servers: Option<Vec<String>>| {
        let mut bundle = bundle("demo", &[("a.rego", module)]);
        bundle.servers = servers;
        compile(verify(vec![bundle]).unwrap(), 1)
            .unwrap()
            .recompiled()
    };
    let [one, two] =
        ["1", "2"].map(|code| format!("package policies.a\nallow contains \"{code}\"\n"));
    assert!(recompiled(&one, None));
    assert!(!recompiled(&one, None));
    assert!(recompiled(&two, None));
    assert!(recompiled(&two, Some(vec!["crm".to_owned()])));
    assert!(!recompiled(&two, Some(vec!["crm".to_owned()])));
}

#[test]
fn a_change_of_data_that_is_refused_leaves_the_programs_of_use() {
    let compile = compiler(Options::default());
    assert!(outcome(&compile, DATA, 1).0);
    let misspelt = DATA.replace("roles", "rolls");
    let (_, refused) = outcome(&compile, &misspelt, 2);
    assert!(refused.contains("nothing reads `rolls`"), "{refused}");
    assert!(!outcome(&compile, DATA, 3).0);
}

/// Where something is written, and what.
fn edit() -> impl Strategy<Value = (&'static [&'static str], &'static str)> {
    const PATHS: [&[&str]; 11] = [
        &["contracts", "open"],
        &["contracts"],
        &["blocklist", "ids"],
        &["blocklist"],
        &["names", "k"],
        &["helpers", "limit"],
        &["helpers", "other"],
        &["policies", "a", "deny"],
        &["directory", "principals", "ann", "roles"],
        &["directory", "principals", "ann", "role"],
        &["directory", "role_ranks"],
    ];
    const VALUES: [&str; 9] = [
        "",
        "true",
        "1",
        "\"x\"",
        "[\"x\"]",
        "[\"analyst\"]",
        "[\"anlyst\"]",
        "{}",
        "{\"x\": 1}",
    ];
    (
        prop::sample::select(PATHS.to_vec()),
        prop::sample::select(VALUES.to_vec()),
    )
}

fn edited(edits: &[(&[&str], &str)]) -> String {
    let mut data = parse(DATA.as_bytes(), Limits::REQUEST).unwrap();
    for (path, value) in edits {
        let (last, above) = path.split_last().unwrap();
        let mut at = Some(&mut data);
        for name in above {
            at = at.and_then(Json::as_object_mut).and_then(|object| {
                if object.get(name).is_none() {
                    object.insert(*name, Json::Object(Object::new()));
                }
                object.get_mut(name)
            });
        }
        if let Some(object) = at.and_then(Json::as_object_mut) {
            match *value {
                "" => object.remove(last),
                text => object.insert(*last, parse(text.as_bytes(), Limits::REQUEST).unwrap()),
            };
        }
    }
    String::from_utf8(data.to_bytes()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Sets that follow each other are what each of them would be alone.
    #[test]
    fn a_set_of_programs_used_again_is_as_a_fresh_one(
        changes in prop::collection::vec(prop::collection::vec(edit(), 0..3), 1..4)
    ) {
        let kept = compiler(Options::default());
        let versions = std::iter::once(DATA.to_owned());
        let versions = versions.chain(changes.iter().map(|edits| edited(edits)));
        for (data, version) in versions.zip(1..) {
            let fresh = compiler(Options::default());
            let (_, expected) = outcome(&fresh, &data, version);
            prop_assert_eq!(outcome(&kept, &data, version).1, expected, "{}", data);
        }
    }
}
