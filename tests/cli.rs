//! Each command as its user meets it: what it prints, where, and how it ends.

mod audit;
mod check;
mod decide;
mod eval;
mod test;

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
        "serve", "decide", "check", "eval", "test", "audit", "version",
    ] {
        assert!(help.out.contains(&format!("\n  {command} ")), "{command}");
    }
    place.run(&["completions", "bash"]).expect(0);
    for wrong in [
        vec!["chek"],
        vec!["check"],
        vec!["eval", "data.a"],
        vec!["decide"],
    ] {
        assert!(!place.run(&wrong).expect(64).err.is_empty(), "{wrong:?}");
    }
}
