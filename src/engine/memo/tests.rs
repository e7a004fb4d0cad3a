use crate::engine::{Input, Options, PolicySet, Sets};
use crate::model::bundle::{Module, RegoVersion, Sources};
use crate::model::call::{Facts, Mcp, Phase, Request};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::Arc;

fn set(body: &str, memo_answers_max: usize) -> PolicySet {
    let source = format!("package policies.a\n\n{body}\n");
    let module = Module {
        path: "a.rego".to_owned(),
        source,
        rego: RegoVersion::V1,
    };
    let sources = Sources {
        modules: vec![module],
        ..Sources::default()
    };
    let options = Options {
        memo_answers_max,
        ..Options::default()
    };
    PolicySet::compile(&sources, &options, 1).unwrap_or_else(|refused| panic!("{refused}"))
}

fn object(text: &str) -> Object {
    match parse(text.as_bytes(), Limits::REQUEST).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn request(principal: &str, tool: &str) -> Request {
    Request {
        phase: Phase::Call,
        tenant: "default".into(),
        principal: Principal {
            id: principal.into(),
            roles: vec!["reader".into()],
            ..Principal::default()
        },
        mcp: Mcp {
            server: "crm".into(),
            method: "tools/call".into(),
            name: tool.into(),
            protocol: String::new(),
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: object(r#"{"arguments":{"n":1}}"#),
        result: None,
        session_id: "s".into(),
        context: Object::new(),
    }
}

fn answer(set: &PolicySet, request: &Request) -> Arc<Sets> {
    let now = Timestamp::from_nanos(1);
    let answers = set.answers(set.packages().iter(), request, &Facts::default(), now);
    answers.unwrap().pop().unwrap().1.unwrap()
}

/// Whether the second of two answers is the first one, kept.
fn is_kept(set: &PolicySet, first: &Request, second: &Request) -> bool {
    let (first, second) = (answer(set, first), answer(set, second));
    Arc::ptr_eq(&first, &second)
}

#[test]
fn an_answer_is_kept_for_as_long_as_what_it_depends_on_is_the_same() {
    let (ann, bob, write) = (
        request("ann", "read"),
        request("bob", "read"),
        request("ann", "write"),
    );
    let mut other_arguments = ann.clone();
    other_arguments.params = object(r#"{"arguments":{"n":2}}"#);
    let mut billing = ann.clone();
    billing.context = object(r#"{"purpose":"billing","correlation_id":"1"}"#);
    let mut other_id = billing.clone();
    other_id.context = object(r#"{"purpose":"billing","correlation_id":"2"}"#);
    for (body, first, second, kept) in [
        (
            "input.principal.id == \"ann\"",
            &ann,
            &other_arguments,
            true,
        ),
        ("input.principal.id == \"ann\"", &ann, &write, true),
        ("input.principal.id == \"ann\"", &ann, &bob, false),
        ("\"reader\" in input.principal.roles", &ann, &bob, true),
        ("input.principal.user == \"u\"", &ann, &bob, false),
        ("input.mcp.name == \"read\"", &ann, &write, false),
        (
            "input.context.purpose == \"billing\"",
            &billing,
            &other_id,
            true,
        ),
        (
            "input.context.purpose == \"billing\"",
            &ann,
            &billing,
            false,
        ),
        (
            "input.context[_] == \"billing\"",
            &billing,
            &other_id,
            false,
        ),
        ("input.arguments.n == 1", &ann, &ann, false),
        ("input.time.ns > 0", &ann, &ann, false),
        ("not input.facts.x", &ann, &ann, false),
        ("input.session.id == \"s\"", &ann, &ann, false),
        ("true", &ann, &write, true),
    ] {
        let policy = format!("allow contains \"a\" if {body}");
        assert_eq!(is_kept(&set(&policy, 4), first, second), kept, "{body}");
        assert!(!is_kept(&set(&policy, 0), first, first), "{body}");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let set = set("allow contains input.principal.id", 4);
    let first = answer(&set, &request("p0", "read"));
    for number in 1..=4 {
        answer(&set, &request(&format!("p{number}"), "read"));
    }
    let again = answer(&set, &request("p0", "read"));
    assert!(!Arc::ptr_eq(&first, &again), "pushed out by later ones");
    assert_eq!(first, again);

    let long = request(&"x".repeat(super::KEY_BYTES_MAX), "read");
    assert!(!is_kept(&set, &long, &long), "the key is too long");
    let element = |number| format!("allow contains \"{number}{}\"\n", "x".repeat(900));
    let large: String = (0..=super::ANSWER_BYTES_MAX / 900).map(element).collect();
    let set = self::set(&large, 4);
    let ann = request("ann", "read");
    assert!(!is_kept(&set, &ann, &ann), "the answer is too large");
}

#[test]
fn what_would_be_refused_is_refused_where_the_answer_is_kept() {
    let set = set("allow contains \"a\" if input.principal.id", 4);
    let good = request("ann", "read");
    answer(&set, &good);
    let mut inexact = good;
    inexact.params = object(r#"{"arguments":{"n":0.12345678901234567}}"#);
    let now = Timestamp::from_nanos(1);
    let answers = set.answers(set.packages().iter(), &inexact, &Facts::default(), now);
    assert!(answers.is_err());
}

/// Bodies that read this and that, so that keys of several parts are tried.
const BODIES: [&str; 8] = [
    "input.principal.roles[_] == input.mcp.name",
    "input.principal.id == input.context.purpose",
    "input.principal == {\"id\": \"a\"}",
    "input.tool.untrusted_annotations[input.principal.id]",
    "not input.context.purpose",
    "input.mcp.protocol == input.principal.user",
    "count(input.principal.delegation) == count(input.principal.roles)",
    "input.context[input.mcp.name] == 1",
];

fn words() -> impl Strategy<Value = String> {
    select(vec!["", "a", "b", "ab", "1", "a\u{1}"]).prop_map(str::to_owned)
}

fn values() -> impl Strategy<Value = Object> {
    let value = select(vec!["1", "11", "\"a\"", "\"1\"", "null", "[1]", "[]", "{}"]);
    let members = proptest::collection::btree_map(words(), value, 0..3);
    members.prop_map(|members| {
        let members = members.into_iter().map(|(name, value)| {
            let value = parse(value.as_bytes(), Limits::REQUEST).unwrap();
            (name, value)
        });
        match Json::object(members) {
            Json::Object(object) => object,
            other => panic!("{other} is no object"),
        }
    })
}

fn requests() -> impl Strategy<Value = Request> {
    let lists = || proptest::collection::vec(words(), 0..3);
    let names = (words(), proptest::option::of(words()), words(), words());
    (names, lists(), lists(), values(), values()).prop_map(
        |((id, user, tool, protocol), roles, delegation, context, annotations)| {
            let mut request = request(&id, &tool);
            request.principal.user = user;
            request.principal.roles = roles;
            request.principal.delegation = delegation;
            request.mcp.protocol = protocol;
            request.context = context;
            request.untrusted_annotations = annotations;
            request
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn answers_are_what_evaluating_gives(
        body in select(&BODIES[..]),
        asked in proptest::collection::vec(requests(), 1..40),
    ) {
        let set = set(&format!("allow contains \"a\" if {body}"), 64);
        let now = Timestamp::from_nanos(1);
        for request in &asked {
            let input = Input::of_request(request, &Facts::default(), now).unwrap();
            let evaluated = set.evaluate(set.packages().iter(), &input).pop().unwrap().1;
            prop_assert_eq!(&*answer(&set, request), &evaluated.unwrap());
        }
    }
}
