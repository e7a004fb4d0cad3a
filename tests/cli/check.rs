use super::GOOD;
use crate::util::Workplace;

const FAILS_OPEN: &str = "package policies.bad

allow contains \"read\"

deny contains \"region\" if input.arguments.region != \"eu\"
";

const INTERPRETED: &str = "package policies.slow

allow contains \"read\" if input.a.b == 1 with input.a as {\"b\": 1}
";

fn place() -> Workplace {
    Workplace::with(&[
        ("good.rego", GOOD),
        ("bad/bad.rego", FAILS_OPEN),
        ("slow/slow.rego", INTERPRETED),
        (
            "broken/broken.rego",
            "package policies.broken\n\nallow contains \"x\" {\n",
        ),
    ])
}

#[test]
fn a_good_bundle_passes_and_its_packages_are_listed() {
    let place = place();
    let plain = place.run(&["check", "good.rego"]).expect(0);
    assert_eq!(plain.out, "good\trvm\tallow,deny,constrain\tenforce\t\n");
    let table = place
        .run(&["check", "good.rego", "--output", "table"])
        .expect(0);
    let lines: Vec<&str> = table.out.lines().collect();
    assert!(
        lines[0].starts_with("PACKAGE  ENGINE  DEFINES"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "good: 0 warnings");
    let json = place
        .run(&["check", "good.rego", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(json["refused"], false);
    assert_eq!(json["findings"], serde_json::json!([]));
    assert_eq!(
        json["packages"],
        serde_json::json!([{
            "name": "good", "title": "Who may read", "engine": "rvm", "interpreted_because": [],
            "defines": ["allow", "deny", "constrain"], "enforcement": "enforce",
        }])
    );
}

#[test]
fn a_deny_that_fails_open_refuses_the_bundle_or_is_told() {
    let place = place();
    let refused = place.run(&["check", "bad"]).expect(2);
    assert!(refused.out.starts_with("bad.rego:5:"), "{refused:?}");
    assert!(refused.out.contains(": error: ") && refused.out.contains("[fail_open]"));
    assert!(
        refused.out.ends_with("refused: 1 error, 0 warnings\n"),
        "{refused:?}"
    );
    let json = place
        .run(&["check", "bad", "--output", "json"])
        .expect(2)
        .json();
    assert_eq!(json["refused"], true);
    let finding = &json["findings"][0];
    assert_eq!(
        (
            &finding["file"],
            &finding["line"],
            &finding["severity"],
            &finding["code"]
        ),
        (
            &"bad.rego".into(),
            &5.into(),
            &"error".into(),
            &"fail_open".into()
        )
    );
    let told = place
        .run(&["check", "bad", "--fail-open", "warn"])
        .expect(0);
    assert!(told.out.contains(": warning: "), "{told:?}");
}

#[test]
fn why_a_package_is_interpreted_is_said() {
    let place = place();
    let auto = place
        .run(&["check", "slow", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(auto["packages"][0]["engine"], "interpreter");
    assert_eq!(
        auto["packages"][0]["interpreted_because"][0]["code"],
        "gate.with"
    );
    let plain = place.run(&["check", "slow"]).expect(0);
    assert!(
        plain
            .out
            .contains("slow\tinterpreter\tallow\tenforce\tslow.rego:3 "),
        "{plain:?}"
    );
    let rvm = place.run(&["check", "slow", "--engine", "rvm"]).expect(2);
    assert!(
        rvm.out.contains("`policies.slow` needs the interpreter"),
        "{rvm:?}"
    );
}

#[test]
fn several_bundles_are_one_set_and_unreadable_ones_are_named() {
    let place = place();
    let apart = place.run(&["check", "good.rego", "slow"]).expect(2);
    assert_eq!(
        apart.err,
        "error: bundles `good` and `slow` both own `data`: give each `roots` of its own in its `.manifest`\n"
    );
    place.write("slow/.manifest", r#"{"roots": ["policies/slow"]}"#);
    place.write("other/.manifest", r#"{"roots": ["policies/good"]}"#);
    place.write("other/good.rego", GOOD);
    let both = place.run(&["check", "other", "slow"]).expect(0);
    assert!(
        both.out.contains("good\trvm") && both.out.contains("slow\tinterpreter"),
        "{both:?}"
    );
    let missing = place.run(&["check", "nowhere"]).expect(2);
    assert_eq!(
        missing.err,
        "error: bundle `nowhere`: `nowhere` does not exist: check the bundle's path\n"
    );
    let syntax = place.run(&["check", "broken"]).expect(2);
    assert!(syntax.out.contains("broken.rego:3:") && syntax.out.contains("[gate.syntax]"));
}

#[test]
fn scopes_are_explained_also_as_the_configuration_grants_them() {
    let place = place();
    let plain = place
        .run(&["check", "good.rego", "--explain-scope"])
        .expect(0);
    assert!(
        plain.out.ends_with("good\tdemo\tevery server\tdemo\n"),
        "{plain:?}"
    );
    place.write(
        "toolgate.toml",
        "[listen]\nunix = \"s.sock\"\n\n[[bundles]]\nname = \"team\"\npath = \"good.rego\"\nservers = [\"crm\"]\n\n[audit]\ndir = \"audit\"\n\n[[callers]]\nname = \"me\"\nuid = 1\nservers = [\"*\"]\n",
    );
    let granted = place.run(&["check", "--config", "toolgate.toml", "--explain-scope"]);
    let granted = granted.expect(0);
    assert!(
        granted.out.ends_with("good\tdemo\tcrm\tnone\n"),
        "{granted:?}"
    );
}

#[test]
fn what_is_wrong_is_told_of_every_tenant() {
    let place = place();
    let tenants = [
        ("acme", "no-acme"),
        ("good", "good.rego"),
        ("globex", "no-globex"),
    ];
    let mut config = "[listen]\nunix = \"s.sock\"\n[audit]\ndir = \"audit\"\n".to_owned();
    for (uid, (tenant, path)) in tenants.into_iter().enumerate() {
        config += &format!(
            "[[tenants]]\nname = \"{tenant}\"\n\
             [[bundles]]\nname = \"{tenant}\"\npath = \"{path}\"\ntenant = \"{tenant}\"\n\
             [[callers]]\nname = \"{tenant}\"\nuid = {uid}\nservers = [\"*\"]\ntenant = \"{tenant}\"\n"
        );
    }
    place.write("toolgate.toml", &config);
    let checked = place.run(&["check", "--config", "toolgate.toml"]).expect(2);
    for tenant in ["acme", "globex"] {
        let said = format!("error: tenant `{tenant}`: bundle `{tenant}`: ");
        assert!(checked.err.contains(&said), "{checked:?}");
    }
    assert!(checked.out.contains("tenant `good`\n"), "{checked:?}");
}
