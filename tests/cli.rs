//! Each command as its user meets it: what it prints, where, and how it ends.

mod audit;
mod bench;
mod check;
mod collect;
mod decide;
mod eval;
mod explain;
mod guide;
mod policy;
mod reading;
mod test;
mod v0;
mod verify;
mod watch;

use crate::util::Workplace;

/// A policy set that a server takes.
const GOOD: &str = "# METADATA
# title: Who may read
# custom:
#   toolgate:
#     servers: [demo]
package policies.good

allow contains \"read\" if {
	input.mcp.name == \"read\"
	\"internal\" in input.principal.roles
}

constrain contains {\"type\": \"mask_fields\", \"fields\": [\"email\"]} if {
	input.mcp.name == \"read\"
	not input.context.channel == \"internal\"
}

deny contains {\"code\": \"region\", \"message\": \"not your region\"} if {
	not input.arguments.region == \"eu\"
}
";

#[test]
fn what_the_command_is_and_how_it_is_used() {
    let place = Workplace::new();
    let version = place.run(&["version"]).expect(0);
    assert!(
        version
            .out
            .starts_with(concat!("version ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    let json = place.run(&["version", "--output", "json"]).expect(0).json();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["regorus"], "0.14.1");
    assert!(json["target"].as_str().unwrap().contains('-'));
    let help = place.run(&["help"]).expect(0);
    for command in [
        "serve", "decide", "explain", "check", "eval", "test", "bench", "policy", "audit",
        "version", "fmt",
    ] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}");
    }
    place.run(&["completions", "bash"]).expect(0);
    for wrong in [
        vec!["chek"],
        vec!["check"],
        vec!["eval", "data.a"],
        vec!["decide"],
        vec!["version", "--output", "junit"],
    ] {
        assert!(!place.run(&wrong).expect(64).err.is_empty(), "{wrong:?}");
    }
    let formatted = place.run(&["fmt", "--write", "good.rego"]).expect(2);
    assert!(
        formatted.err.contains("`opa fmt --write PATH`"),
        "{formatted:?}"
    );
}

#[test]
fn what_is_missing_is_named_with_its_alternative() {
    let place = Workplace::new();
    for (arguments, expected) in [
        (vec!["decide"], "<--pdp <URL>|--bundle <PATH>>"),
        (vec!["explain"], "<--pdp <URL>|--bundle <PATH>>"),
        (vec!["check"], "<PATH|--config <FILE>>"),
        (vec!["test"], "<PATH|--library>"),
        (vec!["serve"], "<--config <FILE>|--bundle <PATH>>"),
        (
            vec!["shim", "stdio", "--server", "a", "--", "cat"],
            "<--pdp <URL>|--bundle <PATH>>",
        ),
    ] {
        let wrong = place.run(&arguments).expect(64);
        let first: Vec<&str> = wrong.err.lines().take(2).collect();
        let missing = format!("  {expected}");
        assert_eq!(
            first,
            [
                "error: the following required arguments were not provided:",
                &missing
            ],
            "{arguments:?}"
        );
    }
}

#[test]
fn a_flag_that_would_have_no_effect_is_refused() {
    let place = Workplace::with(&[("pdp.toml", "")]);
    let serve = ["serve", "--config", "pdp.toml"];
    let local = ["serve", "--bundle", "good.rego"];
    let decide = ["decide", "--bundle", "good.rego"];
    let explain = ["explain", "--bundle", "good.rego"];
    let shim = ["shim", "stdio", "--server", "a", "--pdp", "unix:/p"];
    let embedded = ["shim", "stdio", "--server", "a", "--bundle", "good.rego"];
    for (command, flags) in [
        (&serve[..], &["--audit", "audit"][..]),
        (&serve, &["--socket", "s"]),
        (&local, &["--insecure"]),
        (&decide, &["--ca", "ca.pem"]),
        (&decide, &["--cert", "c.pem", "--key", "k.pem"]),
        (&decide, &["--call-id", "c"]),
        (&explain, &["--ca", "ca.pem"]),
        (&explain, &["--call-id", "c"]),
        (&shim, &["--audit", "audit", "--", "cat"]),
        (
            &embedded,
            &["--audit", "audit", "--ca", "ca.pem", "--", "cat"],
        ),
    ] {
        let wrong = place.run(&[command, flags].concat()).expect(64);
        assert!(
            wrong.err.contains("cannot be used with"),
            "{command:?} {flags:?}: {wrong:?}"
        );
    }
}
