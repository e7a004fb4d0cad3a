//! What a policy has written out: elements, constants, patterns; and the directory.

use super::*;
use crate::engine::lint::{constants, directory, elements, library, unanchored};
use crate::engine::set::SetName;
use crate::engine::view::DataView;
use crate::model::json::{Json, Limits, Object, parse as parse_json};
use crate::model::reason::{Code, Reason};

pub(super) fn one(source: &str) -> Vec<ParsedModule> {
    let head = "package policies.p\nimport data.toolgate.lib as tg\n";
    let library = "package toolgate.lib\nwithin_hours(a, b, c, d) if [a, b, c, d] == 1\nhas_role(a) if a == 1\nhas_any_role(a) if a == 1\nhas_minimum_role(a) if a == 1\nsensitivity_at_most(a, b) if a == b\nclearance_covers(a) if a == 1\nargument_matches(a, b) if regex.match(b, a)";
    let module = |path: &str, source: String| Module {
        path: path.to_owned(),
        source,
        ..Module::default()
    };
    parsed(&[
        module("lib.rego", library.to_owned()),
        module("m.rego", format!("{head}{source}")),
    ])
}

pub(super) fn shown(findings: &[Finding]) -> Vec<String> {
    let shown = |finding: &Finding| format!("{} {finding}", finding.severity.as_str());
    findings.iter().map(shown).collect()
}

pub(super) fn data(text: &str) -> Object {
    let value = parse_json(text.as_bytes(), Limits::BUNDLE_DATA).unwrap();
    value.as_object().unwrap().clone()
}

/// Takes codes of lower-case letters, and obligations of one type.
fn strict(set: SetName, element: &Json) -> Result<(), Reason> {
    let kind = element.get("type").and_then(Json::as_str);
    let code = element
        .as_str()
        .or(element.get("code").and_then(Json::as_str));
    match set {
        SetName::Constrain if kind == Some("audit") => Ok(()),
        SetName::Constrain => Err(Code::ObligationUnknown.reason()),
        _ if code.is_some_and(|code| code.chars().all(|c| c.is_ascii_lowercase())) => Ok(()),
        _ => Err(Code::PolicyResultInvalid.with_message("an element has the wrong shape")),
    }
}

#[test]
fn finds_elements_that_mean_nothing() {
    const CODE: &str =
        "write \"code\", or `{\"code\": \"code\", \"message\": \"text\"}`; a code is one word";
    for (rule, is_found, message, hint) in [
        ("deny contains \"x\"", false, "", ""),
        (
            "deny contains {\"code\": \"x\", \"message\": input.tenant}",
            false,
            "",
            "",
        ),
        ("deny contains code if code := \"X\"", false, "", ""),
        ("is_x contains \"X Y\"", false, "", ""),
        (
            "constrain contains {\"type\": \"audit\", \"level\": input.tenant}",
            false,
            "",
            "",
        ),
        (
            "deny contains \"X Y\" if input.phase == \"call\"",
            true,
            "`deny` holds, the call is denied: an element has the wrong shape",
            CODE,
        ),
        (
            "allow contains {\"code\": \"X\"}",
            true,
            "`allow` holds, the call is denied: an element has the wrong shape",
            CODE,
        ),
        (
            "allow contains 3",
            true,
            "`allow` holds, the call is denied: an element has the wrong shape",
            CODE,
        ),
        (
            "deny contains {\"code\": \"X\", \"message\": input.tenant}",
            true,
            "`deny` holds, the call is denied: an element has the wrong shape",
            CODE,
        ),
        (
            "constrain contains {\"type\": \"mask\", \"fields\": [\"a\"]}",
            true,
            "`constrain` holds, the call is denied: an obligation is not known",
            "write `mask_fields`; docs/policy-guide.md lists the obligations",
        ),
        (
            "constrain contains {\"type\": \"mask\", \"fields\": input.tenant}",
            true,
            "`constrain` holds, the call is denied: an obligation is not known",
            "write `mask_fields`; docs/policy-guide.md lists the obligations",
        ),
        (
            "constrain contains {\"type\": \"limit\", \"rows\": 3}",
            true,
            "`constrain` holds, the call is denied: an obligation is not known",
            "write `limit_rows` or `limit_bytes`; docs/policy-guide.md lists the obligations",
        ),
        (
            "constrain contains {\"type\": \"redact_fields\"}",
            true,
            "`constrain` holds, the call is denied: an obligation is not known",
            "docs/policy-guide.md lists the obligations",
        ),
        (
            "approve contains {\"by\": [input.tenant], \"code\": \"X\"}",
            true,
            "`approve` holds, the call is denied: an element has the wrong shape",
            "write `{\"by\": [\"legal\"], \"code\": \"code\"}`",
        ),
    ] {
        let found = shown(&elements(&one(rule), strict)).join("\n");
        let expected = match is_found {
            false => String::new(),
            true => format!("error m.rego:3:1: where this {message} [policy.element]\n  {hint}"),
        };
        assert_eq!(found, expected, "{rule}");
    }
}

#[test]
fn finds_constants_that_the_library_does_not_know() {
    let data = data(
        r#"{"directory": {"principals": {"a": {"roles": ["finance"]}},
            "role_includes": {"admin": ["analyst"]}, "role_ranks": {"clerk": 1}}}"#,
    );
    for (statement, expected) in [
        (
            "tg.within_hours(\"Europe/Berlin\", [\"Monday\"], 9, 24)",
            "",
        ),
        (
            "tg.within_hours(input.principal.attributes.tz, input.facts.days, input.facts.a, 3)",
            "",
        ),
        (
            "tg.within_hours(\"Europe/Pari\", [\"Monday\"], 9, 17)",
            "error m.rego:3:40: there is no time zone `Europe/Pari` [policy.constant]\n  write \"Europe/Paris\"",
        ),
        (
            "tg.within_hours(\"CET\", [\"Monday\"], 9, 17)",
            "error m.rego:3:40: there is no time zone `CET` [policy.constant]\n  write \"UTC\" or an IANA name such as \"Europe/Berlin\"",
        ),
        (
            "tg.within_hours(\"UTC\", {\"Mond\"}, 9, 17)",
            "error m.rego:3:48: there is no day `Mond` [policy.constant]\n  write \"Monday\"",
        ),
        (
            "tg.within_hours(\"UTC\", [\"lundi\"], 9, 17)",
            "error m.rego:3:48: there is no day `lundi` [policy.constant]\n  days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        ),
        (
            "tg.within_hours(\"UTC\", [\"Monday\"], 9, 25)",
            "error m.rego:3:61: there is no hour `25` [policy.constant]\n  hours are whole numbers from 0 to 24",
        ),
        (
            "tg.within_hours(\"UTC\", [\"Monday\"], 22, 6)",
            "error m.rego:3:58: no hour is from 22 to before 6 [policy.constant]\n  a span over midnight is two spans",
        ),
        (
            "time.clock([input.time.ns, \"Europe/Pari\"])[0] > 3",
            "error m.rego:3:51: there is no time zone `Europe/Pari` [policy.constant]\n  write \"Europe/Paris\"",
        ),
        ("time.clock([input.time.ns, \"CET\"])[0] > 3", ""),
        ("tg.clearance_covers(\"internal\")", ""),
        (
            "tg.clearance_covers(\"confidental\")",
            "error m.rego:3:44: there is no level of sensitivity `confidental` [policy.constant]\n  levels are public, internal, sensitive, restricted",
        ),
        (
            "tg.sensitivity_at_most(\"publik\", \"sensitve\")",
            "error m.rego:3:47: there is no level of sensitivity `publik` [policy.constant]\n  write \"public\"\nerror m.rego:3:57: there is no level of sensitivity `sensitve` [policy.constant]\n  write \"sensitive\"",
        ),
        (
            "tg.has_any_role([\"finance\", \"admin\", \"analyst\", \"clerk\"])",
            "",
        ),
        (
            "tg.has_role(\"finanse\")",
            "warning m.rego:3:36: `data.directory` does not have the role `finanse` [policy.role]\n  write \"finance\"",
        ),
        (
            "tg.has_any_role({\"pilot\"})",
            "warning m.rego:3:41: `data.directory` does not have the role `pilot` [policy.role]\n  add it to the directory, unless tokens bring it",
        ),
        (
            "\"analist\" in input.principal.roles",
            "warning m.rego:3:24: `data.directory` does not have the role `analist` [policy.role]\n  write \"analyst\"",
        ),
    ] {
        let found = constants(
            &one(&format!("allow contains \"x\" if {statement}")),
            &DataView::new(&data),
        );
        assert_eq!(shown(&found).join("\n"), expected, "{statement}");
    }
    let approval = "approve contains {\"by\": [\"admin\", \"legl\"], \"code\": \"x\"}";
    assert_eq!(
        shown(&constants(&one(approval), &DataView::new(&data))),
        [
            "warning m.rego:3:36: `data.directory` does not have the role `legl` [policy.role]\n  add it to the directory, unless tokens bring it"
        ]
    );
    let without = constants(
        &one("allow contains \"x\" if tg.has_role(\"finanse\")"),
        &DataView::new(&Object::new()),
    );
    assert_eq!(shown(&without), Vec::<String>::new());
}

#[test]
fn the_levels_are_those_of_the_library() {
    let text = include_str!("../../../../rego/toolgate/lib/sensitivity.rego");
    let members: Vec<_> = (0..)
        .zip(library::LEVELS)
        .map(|(rank, level)| format!("\"{level}\": {rank}"))
        .collect();
    let line = format!("sensitivity_levels := {{{}}}", members.join(", "));
    assert!(text.contains(&line), "{line}");
}

#[test]
fn finds_patterns_that_grant_more_than_was_meant() {
    for (rules, expected) in [
        (
            "allow contains \"x\" if regex.match(`^C-[0-9]+$`, input.arguments.id)",
            "",
        ),
        (
            "allow contains \"x\" if regex.match(`^(a|b)$`, input.arguments.id)",
            "",
        ),
        (
            "allow contains \"x\" if regex.match(`\\AC[|]\\z`, input.arguments.id)",
            "",
        ),
        (
            "allow contains \"x\" if regex.match(`C-[0-9]+`, input.arguments.id)",
            "3:36 C-[0-9]+",
        ),
        (
            "allow contains \"x\" if regex.match(`^C-[0-9]+`, input.arguments.id)",
            "3:36 ^C-[0-9]+",
        ),
        (
            "allow contains \"x\" if regex.match(`^a|b$`, input.arguments.id)",
            "3:36 ^a|b$",
        ),
        (
            "allow contains \"x\" if regex.match(`^a\\$`, input.arguments.id)",
            "3:36 ^a\\$",
        ),
        (
            "visible contains \"x\" if tg.argument_matches(\"id\", `C`)",
            "3:52 C",
        ),
        (
            "deny contains \"x\" if regex.match(`[A-Z]{2}[0-9]+`, input.arguments.text)",
            "",
        ),
        (
            "deny contains \"x\" if not tg.argument_matches(\"id\", `C-[0-9]`)",
            "3:53 C-[0-9]",
        ),
        (
            "deny contains \"x\" if count({1 | not regex.match(`a`, input.tenant)}) > 0",
            "3:50 a",
        ),
        (
            "deny contains \"x\" if not is_id\nis_id if regex.match(`C`, input.arguments.id)",
            "4:23 C",
        ),
        (
            "deny contains \"x\" if is_iban\nis_iban if regex.match(`C`, input.arguments.id)",
            "",
        ),
        (
            "deny contains \"x\" if not is_no_id\nis_no_id if not regex.match(`C`, input.arguments.id)",
            "",
        ),
    ] {
        let found: Vec<String> = unanchored(&one(rules))
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: Vec<String> = expected.split_once(' ').iter().map(|(place, pattern)| {
            format!("m.rego:{place}: the pattern `{pattern}` also matches within longer text, and a match grants here [policy.unanchored]\n  write `^(?:…)$` around it; `.*` where any text may follow")
        }).collect();
        assert_eq!(found, expected, "{rules}");
    }
}

#[test]
fn finds_what_nobody_reads_in_the_directory() {
    for (text, expected) in [
        (r#"{"billing": {"rols": 1}}"#, ""),
        (
            r#"{"directory": {"principals": {"a": {"roles": ["x"], "attributes": {"tz": "UTC", "clearance": "public"}, "disabled": true}}, "role_includes": {"a": ["b"]}, "role_ranks": {"a": 1}, "teams": {}}}"#,
            "",
        ),
        (
            r#"{"directory": {"principals": {"a": {"disable": true}}}}"#,
            "error data.directory.principals.a.disable: nothing reads `disable` [data.directory]\n  write `disabled`",
        ),
        (
            r#"{"directory": {"principals": {"a": {"rols": ["x"]}}}}"#,
            "error data.directory.principals.a.rols: nothing reads `rols` [data.directory]\n  write `roles`",
        ),
        (
            r#"{"directory": {"principals": {"a": {"email": "x"}}}}"#,
            "warning data.directory.principals.a.email: nothing reads `email` [data.directory]\n  an entry has attributes, disabled, roles; put it into `attributes`",
        ),
        (
            r#"{"directory": {"principal": {}}}"#,
            "error data.directory.principal: nothing reads `principal` [data.directory]\n  write `principals`",
        ),
        (
            r#"{"directory": {"principals": {"a": {"disabled": "yes"}, "b": []}}}"#,
            "warning data.directory.principals.a.disabled: has the wrong type: the principal is denied everything [data.directory]\n  docs/policy-guide.md shows what a directory looks like\nwarning data.directory.principals.b: is no object: the principal is denied everything [data.directory]\n  docs/policy-guide.md shows what a directory looks like",
        ),
        (
            r#"{"directory": {"principals": {"a": {"attributes": {"tz": "Europe/Pari", "clearance": "intern"}}}}}"#,
            "warning data.directory.principals.a.attributes.tz: there is no time zone `Europe/Pari` [data.directory]\n  write `Europe/Paris`\nwarning data.directory.principals.a.attributes.clearance: there is no level of sensitivity `intern` [data.directory]\n  write `internal`",
        ),
        (
            r#"{"directory": {"role_includes": {"a": "b"}, "role_ranks": {"a": "1"}}}"#,
            "warning data.directory.role_includes.a: is no list of roles, and so includes none [data.directory]\n  docs/policy-guide.md shows what a directory looks like\nwarning data.directory.role_ranks.a: is no number: the role has no rank [data.directory]\n  docs/policy-guide.md shows what a directory looks like",
        ),
        (
            r#"{"directory": []}"#,
            "warning data.directory: is no object: it knows nobody [data.directory]\n  docs/policy-guide.md shows what a directory looks like",
        ),
    ] {
        assert_eq!(
            shown(&directory(&data(text))).join("\n"),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_misspelling_that_is_everywhere_is_told_a_few_times() {
    let entries: Vec<_> = (0..50)
        .map(|at| format!(r#""a{at}": {{"rols": []}}"#))
        .collect();
    let text = format!(
        r#"{{"directory": {{"principals": {{{}}}}}}}"#,
        entries.join(",")
    );
    let found = directory(&data(&text));
    assert_eq!(found.len(), 20);
    assert_eq!(
        found.last().unwrap().hint,
        "write `roles`\nand 30 more in `data.directory`"
    );
}
