use super::*;
use crate::engine::Options;
use crate::model::bundle::{BundleGrant, Module, Sources};
use crate::model::call::Mcp;
use crate::model::json::{Limits, parse};
use crate::model::principal::Principal;
use crate::model::revision::EngineChoice;

const NOW: Timestamp = Timestamp::from_nanos(1_795_190_400_000_000_000);

fn object(text: &str) -> Object {
    match parse(text.as_bytes(), Limits::REQUEST).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

/// One module a policy, named `a`, `b`, …; `body` follows `package policies.<name>`; a first line
/// `shadow` or `servers: x` becomes METADATA.
fn set(bodies: &[&str], choice: EngineChoice) -> PolicySet {
    let module = |(index, body): (usize, &&str)| {
        let name = char::from(b'a' + u8::try_from(index).unwrap());
        let (header, body) = match body.split_once('\n') {
            Some(("shadow", rest)) => ("    enforcement: shadow", rest),
            Some(("servers: x", rest)) => ("    servers: [x]", rest),
            _ => ("", *body),
        };
        let metadata = match header {
            "" => String::new(),
            _ => format!("# METADATA\n# custom:\n#   toolgate:\n#{header}\n"),
        };
        let source = format!("{metadata}package policies.{name}\n\n{body}\n");
        Module {
            path: format!("{name}.rego"),
            source,
            ..Module::default()
        }
    };
    let sources = Sources {
        modules: bodies.iter().enumerate().map(module).collect(),
        grants: vec![BundleGrant {
            bundle: "limited".into(),
            path_prefix: "e.rego".into(),
            servers: Some(vec!["other".into()]),
        }],
        ..Sources::default()
    };
    PolicySet::compile(
        &sources,
        &Options {
            choice,
            ..Options::default()
        },
        1,
    )
    .unwrap()
}

fn request(phase: Phase, params: &str, result: Option<&str>) -> Request {
    Request {
        phase,
        tenant: "default".into(),
        principal: Principal {
            id: "ann".into(),
            ..Principal::default()
        },
        mcp: Mcp {
            server: "crm".into(),
            method: "tools/call".into(),
            name: "read".into(),
            protocol: String::new(),
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: object(params),
        result: result.map(|text| Json::Object(object(text))),
        session_id: "s".into(),
        context: Object::new(),
    }
}

/// `effect visible=<bool> [reasons] {obligations} policies`, and what became of params and result.
fn show(verdict: &Verdict) -> String {
    let codes: Vec<_> = verdict
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect();
    let owed: Vec<_> = verdict.obligations.iter().map(Obligation::kind).collect();
    let shadow = verdict.shadow.iter().map(|shadow| {
        format!(
            " shadow {}={}{:?}",
            shadow.policy,
            shadow.effect.as_str(),
            shadow.codes
        )
    });
    let changed = |json: Option<String>| json.map(|json| format!(" -> {json}")).unwrap_or_default();
    let params = changed(
        verdict
            .params
            .clone()
            .map(|params| Json::from(params).to_string()),
    );
    let result = changed(verdict.result.as_ref().map(ToString::to_string));
    let seen = if verdict.visible { "visible" } else { "hidden" };
    let effect = verdict.effect.as_str();
    format!(
        "{effect} {seen} {codes:?} {owed:?} by {:?}{}{params}{result}",
        verdict.policies,
        shadow.collect::<String>()
    )
}

const ALLOW: &str = "allow contains \"ok\"";

#[test]
fn the_meaning_of_a_call() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&[], "{}", r#"deny hidden ["no_matching_allow"] [] by []"#),
        (&[ALLOW], "{}", r#"allow visible ["ok"] [] by ["a"]"#),
        (
            &[ALLOW, "deny contains \"no\""],
            "{}",
            r#"deny visible ["no"] [] by ["b"]"#,
        ),
        (
            &["servers: x\nallow contains \"ok\""],
            "{}",
            r#"deny hidden ["no_matching_allow"] [] by []"#,
        ),
        (
            &[
                ALLOW,
                "approve contains {\"by\": [\"legal\"], \"code\": \"sign\"}",
            ],
            "{}",
            r#"require_approval visible ["sign"] [] by ["b"]"#,
        ),
        (
            &[
                ALLOW,
                "constrain contains {\"type\": \"limit_rows\", \"rows\": 5}",
            ],
            "{}",
            r#"constrain visible ["ok"] ["limit_rows"] by ["a", "b"]"#,
        ),
        (
            &[ALLOW, "constrain contains {\"type\": \"encrypt\"}"],
            "{}",
            r#"deny hidden ["obligation_unknown"] [] by ["b"]"#,
        ),
        (
            &["allow contains true"],
            "{}",
            r#"deny hidden ["policy_result_invalid"] [] by ["a"]"#,
        ),
        (
            &["allow contains \"\""],
            "{}",
            r#"deny hidden ["policy_result_invalid"] [] by ["a"]"#,
        ),
        (
            &[ALLOW, "deny contains {\"message\": \"no code\"}"],
            "{}",
            r#"deny hidden ["policy_result_invalid"] [] by ["b"]"#,
        ),
        (
            &[ALLOW, "approve contains {\"by\": [], \"code\": \"x\"}"],
            "{}",
            r#"deny hidden ["policy_result_invalid"] [] by ["b"]"#,
        ),
        (
            &[ALLOW, "shadow\ndeny contains \"would\""],
            "{}",
            r#"allow visible ["ok"] [] by ["a"] shadow b=deny["would"]"#,
        ),
        (
            &["shadow\nallow contains \"would\""],
            "{}",
            r#"deny hidden ["no_matching_allow"] [] by [] shadow a=allow["would"]"#,
        ),
        (
            &[
                ALLOW,
                "visible contains \"never\" if input.phase == \"list\"",
            ],
            "{}",
            r#"allow hidden ["ok"] [] by ["a"]"#,
        ),
        (
            &["deny contains \"x\" if input.nope", "", "", "", ALLOW],
            "{}",
            r#"deny hidden ["no_matching_allow"] [] by []"#,
        ),
        (
            &[ALLOW],
            r#"{"arguments": {"n": 0.12345678901234567}}"#,
            r#"deny hidden ["malformed_request"] [] by []"#,
        ),
    ];
    for choice in [EngineChoice::Auto, EngineChoice::Interpreter] {
        for (bodies, params, expected) in cases {
            let set = set(bodies, choice);
            let call = request(Phase::Call, params, None);
            let (verdict, _) = decide(&set, &call, &Facts::default(), NOW);
            assert_eq!(show(&verdict), *expected, "{bodies:?}");
        }
    }
}

#[test]
fn rewritten_arguments_are_judged_again() {
    let cap = "allow contains \"ok\"\n\nconstrain contains {\"type\": \"rewrite_arguments\", \
               \"patch\": [{\"op\": \"replace\", \"path\": \"/limit\", \"value\": 100}]} if \
               not within\n\nwithin if {\n\tis_number(input.arguments.limit)\n\tinput.arguments.limit <= 100\n}";
    let denies = "deny contains \"hundred\" if {\n\tinput.arguments.limit\n\tinput.arguments.limit == 100\n}";
    let grows = "allow contains \"ok\"\n\nconstrain contains {\"type\": \"rewrite_arguments\", \
                 \"patch\": [{\"op\": \"add\", \"path\": \"/n\", \"value\": longer}]} if {\n\t\
                 input.arguments.n\n\tlonger := sprintf(\"%v.\", [input.arguments.n])\n}";
    let cases: &[(&[&str], &str, &str)] = &[
        (
            &[cap],
            r#"{"name":"read","arguments":{"limit":7}}"#,
            r#"allow visible ["ok"] [] by ["a"]"#,
        ),
        (
            &[cap],
            r#"{"name":"read","arguments":{"limit":700}}"#,
            r#"constrain visible ["ok"] ["rewrite_arguments"] by ["a"] -> {"name":"read","arguments":{"limit":100}}"#,
        ),
        (
            &[cap, denies],
            r#"{"arguments":{"limit":700}}"#,
            r#"deny visible ["hundred"] [] by ["b"]"#,
        ),
        (
            &[grows],
            r#"{"arguments":{"n":1}}"#,
            r#"deny visible ["rewrite_unstable"] [] by ["a"]"#,
        ),
    ];
    for (bodies, params, expected) in cases {
        let set = set(bodies, EngineChoice::Auto);
        let call = request(Phase::Call, params, None);
        let (verdict, intents) = decide(&set, &call, &Facts::default(), NOW);
        assert_eq!(show(&verdict), *expected);
        assert_eq!(intents.is_empty(), !verdict.effect.grants());
    }
}

#[test]
fn a_result_owes_what_its_call_and_it_itself_owe() {
    let mask = "allow contains \"ok\"\n\nconstrain contains {\"type\": \"mask_fields\", \
                \"fields\": [\"email\"]} if input.phase == \"result\"";
    let owed = vec![Obligation::DropFields {
        fields: vec!["ssn".into()],
    }];
    let set = set(&[mask], EngineChoice::Auto);
    let result = r#"{"structuredContent":{"email":"a@b","ssn":"1","id":7}}"#;
    let call = request(Phase::Result, "{}", Some(result));
    let (verdict, intents) = decide(
        &set,
        &call,
        &Facts {
            owed,
            ..Facts::default()
        },
        NOW,
    );
    let expected = r#"constrain visible ["ok"] ["drop_fields", "mask_fields"] by ["a"] -> {"structuredContent":{"email":"***","id":7}}"#;
    assert_eq!(show(&verdict), expected);
    assert!(intents.is_empty());
    let text = r#"{"content":[{"type":"text","text":"mail a@b"}]}"#;
    let call = request(Phase::Result, "{}", Some(text));
    let (verdict, _) = decide(&set, &call, &Facts::default(), NOW);
    assert_eq!(
        show(&verdict),
        r#"deny visible ["result_withheld"] [] by ["a"]"#
    );
}

#[test]
fn lists_ask_visible_and_else_allow() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["allow contains \"ok\" if input.mcp.name == \"read\""],
            r#"allow visible ["ok"] [] by ["a"]"#,
        ),
        (
            &["allow contains \"ok\" if input.arguments.n"],
            r#"deny hidden ["no_matching_allow"] [] by []"#,
        ),
        (
            &["allow contains \"ok\" if input.arguments.n\n\nvisible contains \"v\""],
            r#"allow visible ["v"] [] by ["a"]"#,
        ),
        (
            &["allow contains \"ok\"\n\nvisible contains \"v\" if input.nope"],
            r#"deny hidden ["no_matching_allow"] [] by []"#,
        ),
        (
            &["allow contains \"ok\"\n\ndeny contains \"d\""],
            r#"allow visible ["ok"] [] by ["a"]"#,
        ),
    ];
    for (bodies, expected) in cases {
        let set = set(bodies, EngineChoice::Auto);
        let entry = request(Phase::List, "{}", None);
        let (verdict, _) = decide(&set, &entry, &Facts::default(), NOW);
        assert_eq!(show(&verdict), *expected, "{bodies:?}");
    }
}

#[test]
fn what_has_no_result_cannot_owe_to_one() {
    let policy =
        "allow contains \"ok\"\n\nconstrain contains {\"type\": \"limit_rows\", \"rows\": 5}";
    let set = set(&[policy], EngineChoice::Auto);
    let facts = Facts::default();
    for phase in [
        Phase::Notification,
        Phase::ServerRequest,
        Phase::ClientAnswer,
    ] {
        let (verdict, intents) = decide(&set, &request(phase, "{}", None), &facts, NOW);
        assert_eq!(
            show(&verdict),
            r#"deny visible ["obligation_failed"] [] by ["a"]"#
        );
        assert!(intents.is_empty());
    }
}
