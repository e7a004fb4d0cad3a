use super::GOOD;
use super::audit::{INPUT, Served};
use crate::util::Workplace;
use serde_json::json;

const OTHER: &str = "# METADATA
# custom: {toolgate: {servers: [other]}}
package policies.other

allow contains \"x\"
";

fn place(region: &str) -> Workplace {
    let input = format!(
        "{{version: 1, phase: call, time: {{rfc3339: \"2026-11-20T10:00:00Z\"}}, principal: {{id: a, roles: [internal]}}, mcp: {{server: demo, method: tools/call, name: read}}, arguments: {{region: {region}}}}}"
    );
    Workplace::with(&[
        ("b/good.rego", GOOD),
        ("b/other.rego", OTHER),
        ("in.yaml", &input),
    ])
}

#[test]
fn a_tree_says_which_rules_held() {
    let plain = place("us")
        .run(&["explain", "--bundle", "b", "in.yaml"])
        .expect(0);
    let digest = plain.out.find("policy ").unwrap();
    let (before, after) = plain.out.split_at(digest);
    assert_eq!(
        before,
        "deny (visible)\n  reason region by good: not your region\n  "
    );
    let after: Vec<&str> = after.lines().skip(1).collect();
    assert_eq!(
        after,
        [
            "  package good",
            "    allow",
            "      held good.rego:8",
            "        \"read\"",
            "    deny",
            "      held good.rego:18",
            "        {\"code\":\"region\",\"message\":\"not your region\"}",
            "    constrain",
            "      held good.rego:13",
            "        {\"fields\":[\"email\"],\"type\":\"mask_fields\"}",
            "  package other: not asked, it is for other",
            "  the interpreter says the same",
        ]
    );
    let table = place("eu")
        .run(&["explain", "--bundle", "b", "in.yaml", "--output", "table"])
        .expect(0);
    let deny = "│   ├── deny\n│   │   └── did not hold good.rego:18, evaluated to line 19\n";
    assert!(table.out.contains(deny), "{table:?}");
    assert!(
        table.out.ends_with("\n└── the interpreter says the same\n"),
        "{table:?}"
    );
}

#[test]
fn the_same_is_there_for_programs() {
    let json = place("us")
        .run(&["explain", "--bundle", "b", "in.yaml", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(json["effect"], "deny");
    assert_eq!(json["engines"], json!({"good": "rvm", "other": "rvm"}));
    assert_eq!(json["other_engine"], json!({"agrees": true}));
    let held: Vec<_> = json["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (
                rule["set"].as_str().unwrap(),
                rule["line"].as_u64().unwrap(),
                rule["held"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        held,
        [
            ("allow", 8, true),
            ("constrain", 13, true),
            ("deny", 18, true),
            ("allow", 5, true)
        ]
    );
}

#[test]
fn policies_that_one_evaluator_alone_can_run_are_told() {
    let only = "package policies.slow\n\nallow contains \"read\" if input.mcp.name == \"x\" with input.mcp as {\"name\": \"x\"}\n";
    let place = place("eu");
    place.write("slow/slow.rego", only);
    let plain = place
        .run(&["explain", "--bundle", "slow", "in.yaml"])
        .expect(0);
    let last = plain.out.lines().last().unwrap();
    assert!(
        last.starts_with("  the register machine cannot run these policies: "),
        "{plain:?}"
    );
}

#[test]
fn a_pdp_tells_the_same_of_its_rules() {
    let place = place("eu");
    place.write(
        "b/.manifest",
        r#"{"rego_version": 1, "file_rego_versions": {"/old.rego": 0}}"#,
    );
    place.write(
        "b/old.rego",
        "package policies.old\n\nallow[\"old\"] {\n\tinput.mcp.name == \"read\"\n}\n",
    );
    let served = Served::start(&place, "b");
    let url = format!("unix:{}", place.path("s.sock").display());
    let told = |judge: [&str; 2], format: &str| {
        let arguments = ["explain", judge[0], judge[1], "--output", format];
        place.run_with(&arguments, INPUT).expect(0)
    };
    let tree = |judge| {
        let plain = told(judge, "text").out;
        let ids = [
            "  policy ",
            "  decision_id ",
            "  call_id ",
            "  reason dry_run ",
        ];
        let lines = plain
            .lines()
            .filter(|line| !ids.iter().any(|id| line.starts_with(id)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let here = tree(["--bundle", "b"]);
    for line in [
        "      held good.rego:8",
        "      did not hold good.rego:18, evaluated to line 19",
        "      held old.rego:3",
        "  package other: not asked, it is for other",
        "  the interpreter says the same",
    ] {
        assert!(here.iter().any(|found| found == line), "{here:#?}");
    }
    assert_eq!(tree(["--pdp", &url]), here);
    let json = told(["--pdp", &url], "json").json();
    assert_eq!(json["other_engine"], json!({"agrees": true}));
    assert_eq!(json["engines"]["other"], "rvm");
    let rules = json["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["package"] != "other"));
    served.stop();
}
