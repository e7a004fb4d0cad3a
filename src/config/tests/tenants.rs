//! `[[tenants]]`: what becomes of them, and what is said of those that cannot be.

use super::*;

const TWO: &str = r#"[listen]
unix = "s"
[limits]
in_flight_decisions_max = 100
[[tenants]]
name = "acme"
in_flight_decisions_max = 7
audit_key_file = "acme.key"
[[tenants]]
name = "globex"
[[bundles]]
name = "shared"
path = "shared"
tenants = ["*"]
[[bundles]]
name = "own"
path = "own"
tenant = "acme"
[[callers]]
name = "me"
uid = 1000
servers = ["*"]
tenants = ["globex", "acme"]
may = ["administer"]
[audit]
dir = "audit"
origin = "pdp/1"
"#;

#[test]
fn tenants_have_their_own_limit_log_key_and_bundles() {
    let config = parse(TWO).unwrap();
    let [acme, globex] = &config.tenants[..] else {
        panic!("{:?}", config.tenants);
    };
    assert_eq!(
        (acme.name.as_str(), acme.in_flight_decisions_max),
        ("acme", 7)
    );
    // Without a limit of its own: what the fair limit of all would give to one alone.
    assert_eq!(
        (globex.name.as_str(), globex.in_flight_decisions_max),
        ("globex", 50)
    );
    let of_acme = config.audit.of_tenant(acme);
    assert_eq!(
        of_acme.dir,
        PathBuf::from("/etc/toolgate/audit/tenants/acme")
    );
    assert_eq!(of_acme.origin, "pdp/1/acme");
    assert_eq!(of_acme.key_file, Some("/etc/toolgate/acme.key".into()));
    assert_eq!(config.audit.of_tenant(globex).key_file, None);
    let tenants = |index: usize| config.bundles[index].tenants.join(",");
    assert_eq!(
        (tenants(0), tenants(1)),
        ("acme,globex".into(), "acme".into())
    );
    assert_eq!(config.callers[0].tenants, ["globex", "acme"]);
}

#[test]
fn what_can_never_be_is_said() {
    for (from, to, expected) in [
        (
            "tenant = \"acme\"",
            "",
            "15:1: `bundles[].tenants` is missing: name some of `[[tenants]]`, or `*` for all",
        ),
        (
            "tenant = \"acme\"",
            "tenant = \"acne\"",
            "18:10: there is no tenant `acne` in `[[tenants]]`; did you mean `acme`?",
        ),
        (
            "tenant = \"acme\"",
            "tenants = [\"acme\", \"initech\"]",
            "18:20: there is no tenant `initech` in `[[tenants]]`; known: `acme`, `globex`",
        ),
        (
            "tenant = \"acme\"",
            "tenant = \"acme\"\ntenants = [\"globex\"]",
            "18:10: give `bundles[].tenants` or `bundles[].tenant`, not both",
        ),
        (
            "tenants = [\"*\"]",
            "tenants = []",
            "11:1: `bundles[].tenants` is empty: name at least one, or leave it out",
        ),
        (
            "tenants = [\"*\"]",
            "tenant = \"acme\"",
            "9:1: the tenant `globex` has no bundle, so that all its calls are denied: name it in `bundles[].tenants`",
        ),
        (
            "tenants = [\"globex\", \"acme\"]",
            "tenants = [\"globx\"]",
            "23:12: there is no tenant `globx` in `[[tenants]]`; did you mean `globex`?",
        ),
        (
            "tenants = [\"globex\", \"acme\"]",
            "",
            "19:1: `callers[].tenants` is missing: name some of `[[tenants]]`, or `*` for all",
        ),
        (
            "tenants = [\"globex\", \"acme\"]",
            "tenant = \"acme\"",
            "9:1: nobody may ask for the tenant `globex`: name it in `callers[].tenants`",
        ),
        (
            "may = [\"administer\"]",
            "",
            "19:1: the caller `me` is of several tenants, and nothing could say for which it asks: configure `jwt.claims.tenant`, or a caller for each tenant",
        ),
        (
            "name = \"globex\"",
            "name = \"globex\"\naudit_key_file = \"acme.key\"",
            "9:1: the tenant `globex` has the `audit_key_file` of another log: give it one of its own",
        ),
        (
            "dir = \"audit\"",
            "dir = \"audit\"\nkey_file = \"acme.key\"",
            "5:1: the tenant `acme` has the `audit_key_file` of another log: give it one of its own",
        ),
        (
            "in_flight_decisions_max = 7",
            "in_flight_decisions_max = 0",
            "7:27: `tenants[].in_flight_decisions_max` must be 1 to 1000000, not `0`",
        ),
        (
            "in_flight_decisions_max = 7",
            "in_flight_decision_max = 7",
            "7:1: unknown key `tenants[].in_flight_decision_max`; did you mean `in_flight_decisions_max`?",
        ),
    ] {
        assert!(TWO.contains(from), "{from}");
        let text = TWO.replacen(from, to, 1);
        assert_eq!(problems(parse(&text)), expected, "{text}");
    }
    let twice = TWO.replacen("name = \"globex\"", "name = \"acme\"", 1);
    let twice = twice.replacen("[\"globex\", \"acme\"]", "[\"acme\"]", 1);
    assert_eq!(
        problems(parse(&twice)),
        "9:1: an earlier entry of `tenants` has the name `acme`"
    );
    for name in ["..", ".a", "a/b", "a:b", "default", ""] {
        let text = TWO.replacen("name = \"globex\"", &format!("name = \"{name}\""), 1);
        let said = problems(parse(&text));
        assert!(said.contains("10:8: `tenants[].name`"), "{said}");
    }
    let long = "x".repeat(122);
    let said = problems(parse(&TWO.replacen("pdp/1", &long, 1)));
    assert_eq!(
        said,
        "9:1: `audit.origin` and `globex` make an origin of 129 bytes, over 128: shorten one of them"
    );
}

#[test]
fn without_tenants_a_bundle_has_none_and_a_caller_s_is_a_name() {
    let with = |from: &str, more: &str| {
        assert!(SMALL.contains(from));
        SMALL.replacen(from, &format!("{from}\n{more}"), 1)
    };
    let caller = parse(&with("uid = 1000", "tenant = \"any.name\"")).unwrap();
    assert_eq!(caller.callers[0].tenants, ["any.name"]);
    let bundle = with("path = \"bundles/demo\"", "tenants = [\"acme\"]");
    assert_eq!(
        problems(parse(&bundle)),
        "8:12: the bundle names a tenant, but there is no `[[tenants]]`"
    );
}
