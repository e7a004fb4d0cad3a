use super::*;
use crate::bundle::testing::bundle;

type Files<'a> = &'a [(&'a str, &'a str)];

const POLICY: (&str, &str) = ("p.rego", "package policies.p\n");

fn one(files: Files) -> Result<Verified<Sources>, VerifyError> {
    verify(vec![bundle("demo", files)])
}

fn paths(modules: &[Module]) -> Vec<&str> {
    modules.iter().map(|module| module.path.as_str()).collect()
}

#[test]
fn files_are_told_apart() {
    let verified = one(&[
        (".manifest", r#"{"revision": "r1"}"#),
        (".signatures.json", "{}"),
        ("b/p.rego", "package policies.b\n"),
        ("a.rego", "package policies.a\n"),
        ("b/p_test.rego", "package policies.b_test\n"),
        ("b/cases_test.yaml", "- input: {}\n"),
        ("b/data.json", r#"{"x": 12345678901234567890123}"#),
        ("b/c/data.yaml", "y: [1.0]\n"),
        ("data.yml", "b:\n  z: true\nd: ~\n"),
        ("README.md", "x"),
        ("b/.manifest", "x"),
        (".hidden/p.rego", "x"),
        ("b/my-data.json", "x"),
    ])
    .unwrap();
    assert_eq!(paths(&verified.modules), ["a.rego", "b/p.rego"]);
    assert_eq!(
        paths(&verified.tests),
        ["b/cases_test.yaml", "b/p_test.rego"]
    );
    let data = Json::Object(verified.data.clone()).canonical();
    let expected = r#"{"b":{"c":{"y":[1.0]},"x":12345678901234567890123,"z":true},"d":null}"#;
    assert_eq!(String::from_utf8(data).unwrap(), expected);
    assert_eq!(verified.revision, "r1");
    assert_eq!(
        verified.warnings(),
        ["bundle `demo`: not used: `.hidden/p.rego`, `README.md`, `b/.manifest`, `b/my-data.json`"]
    );
    let grant = BundleGrant {
        bundle: "demo".into(),
        path_prefix: String::new(),
        servers: None,
    };
    assert_eq!(verified.grants, [grant]);
}

#[test]
fn several_bundles_make_one_set() {
    let mut first = bundle(
        "zeta",
        &[
            (
                ".manifest",
                r#"{"revision": "z1", "roots": ["policies/z", "limits"]}"#,
            ),
            ("p.rego", "package policies.z\n"),
            (
                "data.json",
                r#"{"limits": {"rows": 10}, "policies": {"z": {"limit": 1}}}"#,
            ),
        ],
    );
    first.servers = Some(vec!["crm".into()]);
    let second = bundle(
        "alpha",
        &[
            (
                ".manifest",
                r#"{"revision": "a1", "roots": ["policies/a"]}"#,
            ),
            ("p.rego", "package policies.a.inner\n"),
            ("t_test.rego", "package anything\n"),
            ("policies/a/data.json", "{}"),
        ],
    );
    let verified = verify(vec![first, second]).unwrap();
    assert_eq!(paths(&verified.modules), ["alpha/p.rego", "zeta/p.rego"]);
    assert_eq!(paths(&verified.tests), ["alpha/t_test.rego"]);
    assert_eq!(verified.revision, "a1,z1");
    let grants: Vec<_> = verified
        .grants
        .iter()
        .map(|g| (g.path_prefix.as_str(), g.servers.as_deref()))
        .collect();
    let crm = vec!["crm".to_owned()];
    assert_eq!(grants, [("alpha/", None), ("zeta/", Some(crm.as_slice()))]);
}

#[test]
fn a_bundle_of_some_servers_gives_out_no_roles() {
    for (path, content) in [
        ("data.json", r#"{"directory": {"principals": {}}}"#),
        ("directory/data.yaml", "principals: {}"),
        ("directory/principals/data.json", "{}"),
        ("d.rego", "package directory.principals\n"),
    ] {
        let mut limited = bundle("crm", &[POLICY, (path, content)]);
        assert!(verify(vec![limited.clone()]).is_ok(), "{path}");
        limited.servers = Some(vec!["crm".into()]);
        let refused = verify(vec![limited]).unwrap_err().to_string();
        let expected = format!(
            "bundle `crm`: `{path}` is part of `data.directory`, but the bundle may speak for some \
             servers only (`servers`): move the directory into a bundle without `servers`"
        );
        assert_eq!(refused, expected);
    }
}

#[test]
fn a_malformed_bundle_is_refused_and_the_reason_says_what_to_do() {
    let with = |more: (&'static str, &'static str)| vec![POLICY, more];
    let rooted = |more: (&'static str, &'static str)| {
        vec![
            (".manifest", r#"{"roots": ["policies/p", "a/b"]}"#),
            POLICY,
            more,
        ]
    };
    let cases: Vec<(Vec<(&str, &str)>, &str)> = vec![
        (
            vec![],
            "no policy: not one `.rego` file, tests aside, in `demo`",
        ),
        (
            vec![("p_test.rego", "package p\n"), ("data.json", "{}")],
            "no policy: not one `.rego` file, tests aside, in `demo`",
        ),
        (
            with((".manifest", "{")),
            "bundle `demo`: `.manifest`: no valid JSON: expected a key at byte 1",
        ),
        (
            with((".manifest", r#"{"rego_version": 2}"#)),
            "bundle `demo`: `.manifest`: `rego_version` must be 0 or 1",
        ),
        (
            with((
                ".manifest",
                r#"{"file_rego_versions": {"/p*": 0, "*.rego": 1}}"#,
            )),
            "bundle `demo`: `.manifest`: `file_rego_versions`: `/p*` and `*.rego` both fit `p.rego` and do not agree: make one of them narrower",
        ),
        (
            with(("patch.json", "{}")),
            "bundle `demo`: `patch.json`: delta bundles are not read: build a whole bundle",
        ),
        (
            with(("q.rego", "x := 1\n")),
            "bundle `demo`: `q.rego`: must start with `package` and a plain name on one line, such as `package policies.contracts`",
        ),
        (
            with(("q.rego", "package toolgate.lib\n")),
            "bundle `demo`: `q.rego`: package `data.toolgate.lib` belongs to toolgate: use another name",
        ),
        (
            rooted(("q.rego", "package policies.pp\n")),
            "bundle `demo`: `q.rego`: package `data.policies.pp` lies outside the bundle's roots: move it, or add a root to `.manifest`",
        ),
        (
            rooted(("q.rego", "package policies\n")),
            "bundle `demo`: `q.rego`: package `data.policies` lies outside the bundle's roots: move it, or add a root to `.manifest`",
        ),
        (
            with(("data.json", "[]")),
            "bundle `demo`: `data.json`: must be an object at the bundle's root, is array",
        ),
        (
            with(("data.json", r#"{"a": 1, "a": 2}"#)),
            "bundle `demo`: `data.json`: no valid JSON: duplicate key in the object at byte 0",
        ),
        (
            with(("data.json", r#"{"a": NaN}"#)),
            "bundle `demo`: `data.json`: no valid JSON: expected a value at byte 6",
        ),
        (
            with(("a/data.yaml", "a: .nan")),
            "bundle `demo`: `a/data.yaml`: no valid YAML: line 1, column 4: `.nan` is read in more than one way: quote it or write as JSON has numbers",
        ),
        (
            with(("data.yml", "a: 1\na: 2")),
            "bundle `demo`: `data.yml`: no valid YAML: line 2, column 1: this key occurs twice in its mapping",
        ),
        (
            with(("data.json", r#"{"toolgate": {}}"#)),
            "bundle `demo`: `data.json`: `data.toolgate` belongs to toolgate: use another name",
        ),
        (
            with(("toolgate/lib/data.json", "{}")),
            "bundle `demo`: `toolgate/lib/data.json`: `data.toolgate.lib` belongs to toolgate: use another name",
        ),
        (
            rooted(("data.json", r#"{"a": {"b": 1, "c d": 2}}"#)),
            "bundle `demo`: `data.json`: `data.a[\"c d\"]` lies outside the bundle's roots: move it, or add a root to `.manifest`",
        ),
        (
            rooted(("data.json", r#"{"a": 1}"#)),
            "bundle `demo`: `data.json`: `data.a` lies outside the bundle's roots: move it, or add a root to `.manifest`",
        ),
        (
            rooted(("c/data.json", "{}")),
            "bundle `demo`: `c/data.json`: `data.c` lies outside the bundle's roots: move it, or add a root to `.manifest`",
        ),
        (
            vec![
                POLICY,
                ("data.json", r#"{"a": {"b": 1}}"#),
                ("a/data.json", r#"{"b": 1}"#),
            ],
            "bundle `demo`: `data.json`: `data.a.b` is already set by another file: keep one of them",
        ),
        (
            vec![
                POLICY,
                ("data.json", r#"{"a": {}}"#),
                ("data.yaml", "a: []"),
            ],
            "bundle `demo`: `data.yaml`: `data.a` is already set by another file: keep one of them",
        ),
        (
            vec![POLICY, ("a/data.json", "1"), ("a/b/data.json", "1")],
            "bundle `demo`: `a/data.json`: `data.a` is already set by another file: keep one of them",
        ),
        (
            with(("data.json", r#"{"policies": {"p": 1}}"#)),
            "bundle `demo`: `p.rego`: package `data.policies.p` stands where a data file has a value: rename one of them",
        ),
        (
            with(("data.json", r#"{"policies": []}"#)),
            "bundle `demo`: `p.rego`: package `data.policies.p` stands where a data file has a value: rename one of them",
        ),
    ];
    let failed: Vec<_> = cases
        .iter()
        .map(|(files, expected)| (one(files).unwrap_err().to_string(), *expected))
        .filter(|(found, expected)| found != expected)
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn what_is_no_text_is_refused() {
    for (path, expected) in [
        ("q.rego", "bundle `demo`: `q.rego`: invalid UTF-8 at byte 3"),
        (
            "q_test.rego",
            "bundle `demo`: `q_test.rego`: invalid UTF-8 at byte 3",
        ),
        (
            "data.json",
            "bundle `demo`: `data.json`: no valid JSON: invalid UTF-8 at byte 3",
        ),
        (
            "data.yaml",
            "bundle `demo`: `data.yaml`: no valid YAML: invalid UTF-8 at byte 3",
        ),
    ] {
        let mut bundle = bundle("demo", &[POLICY]);
        bundle.files.insert(path.into(), b"{# \xff".to_vec());
        assert_eq!(verify(vec![bundle]).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_malformed_set_of_bundles_is_refused() {
    let rooted = |name: &str, roots: &str, package: &str| {
        let manifest = format!(r#"{{"roots": {roots}}}"#);
        let module = format!("package {package}\n");
        bundle(name, &[(".manifest", &manifest), ("p.rego", &module)])
    };
    let long = "x".repeat(65);
    let name = |name: &str| vec![bundle(name, &[POLICY])];
    let bad_name = |shown: &str| {
        format!(
            "bundle name `{shown}` must be 1 to 64 letters, digits, `.`, `_` or `-`, and start with a letter or digit"
        )
    };
    let many: Vec<Bundle> = (0..65).map(|n| bundle(&n.to_string(), &[POLICY])).collect();
    for (bundles, expected) in [
        (vec![], "0 bundles are configured: give between 1 and 64".to_owned()),
        (many, "65 bundles are configured: give between 1 and 64".to_owned()),
        (name(""), bad_name("")),
        (name("a/b"), bad_name("a/b")),
        (name("../a"), bad_name("../a")),
        (name("a\n"), bad_name("a\\n")),
        (name(&long), bad_name(&long)),
        ([name("a"), name("a")].concat(), "two bundles are named `a`: give each a name of its own".to_owned()),
        ([name("a"), name("b")].concat(), "bundles `a` and `b` both own `data`: give each `roots` of its own in its `.manifest`".to_owned()),
        (
            vec![rooted("a", r#"["policies/x/y"]"#, "policies.x.y"), rooted("b", r#"["z", "policies/x"]"#, "policies.x")],
            "bundles `a` and `b` both own `data.policies.x.y`: give each `roots` of its own in its `.manifest`".to_owned(),
        ),
        (
            vec![rooted("a", r#"["policies/a"]"#, "policies.b"), rooted("b", r#"["policies/b"]"#, "policies.b")],
            "bundle `a`: `p.rego`: package `data.policies.b` lies outside the bundle's roots: move it, or add a root to `.manifest`".to_owned(),
        ),
    ] {
        assert_eq!(verify(bundles).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_digest_names_what_decides() {
    let files = [POLICY, ("data.json", r#"{"a":1}"#), (".manifest", "{}")];
    let digest = |name: &str, servers: Option<&[&str]>, more: Files| {
        let mut bundle = bundle(name, &[&files, more].concat());
        bundle.servers = servers.map(|s| s.iter().map(|s| (*s).to_owned()).collect());
        verify(vec![bundle]).unwrap().digest.clone()
    };
    let plain = digest("demo", None, &[]);
    let same = [
        digest("demo", None, &[("README.md", "x")]),
        digest("demo", None, &[("p_test.rego", "package x\n")]),
        digest("demo", None, &[(".signatures.json", "{}")]),
    ];
    assert!(same.iter().all(|digest| *digest == plain));
    let different = [
        plain,
        digest("demo2", None, &[]),
        digest("demo", Some(&[]), &[]),
        digest("demo", Some(&["a", "b"]), &[]),
        digest("demo", Some(&["a,b"]), &[]),
        digest("demo", None, &[("data.json", r#"{"a":2}"#)]),
        digest("demo", None, &[("data.json", r#"{"a": 1}"#)]),
        digest("demo", None, &[(".manifest", r#"{"revision":"r"}"#)]),
        digest("demo", None, &[("q.rego", POLICY.1)]),
        digest("demo", None, &[("p.rego", "package policies.p\n\n")]),
    ];
    let unique: std::collections::BTreeSet<_> = different.iter().collect();
    assert_eq!(unique.len(), different.len());
    assert_eq!(
        digest("demo", Some(&["a", "b"]), &[]),
        digest("demo", Some(&["b", "a", "b"]), &[])
    );
}

#[test]
fn the_digest_is_computed_as_it_is_described() {
    use sha2::Digest;
    let mut bytes = b"toolgate-bundle-digest-v1\n".to_vec();
    for field in ["a", "x", "12", "b", "", "3"] {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field.as_bytes());
    }
    let hash = sha2::Sha256::digest(&bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let contents = digest::Contents::from([(("b", ""), &b"3"[..]), (("a", "x"), b"12")]);
    assert_eq!(digest::of(&contents), format!("sha256:{hex}"));
}

#[test]
fn large_data_of_several_files_merges_in_time_proportional_to_it() {
    let members = |from: usize| -> String {
        let list: Vec<_> = (from..from + 200_000)
            .map(|n| format!(r#""u{n}":{n}"#))
            .collect();
        format!("{{{}}}", list.join(","))
    };
    let (json, yaml) = (members(0), members(200_000));
    let verified = one(&[POLICY, ("d/data.json", &json), ("d/data.yaml", &yaml)]).unwrap();
    let merged = verified
        .data
        .get("d")
        .and_then(Json::as_object)
        .map(Object::len);
    assert_eq!(merged, Some(400_000));
}
