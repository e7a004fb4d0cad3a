//! Random requests through the whole decision: none panics, and none is granted but what one
//! policy allows.

use crate::server::{Server, block_on, config, uid, write_files};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use toolgate::identity::Peer;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{AssertedSubject, DecideRequest, Effect, Mcp, Phase, ToolDefinition};

const REQUESTS: usize = 3_000;

const POLICY: &str = r#"package policies.one
allow contains "the.one" if {
	input.principal.id == "agent_a"
	input.mcp.server == "crm"
	input.mcp.name == "read"
}
"#;

/// Mostly sound documents, of which one in many is what a request is refused for.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let sound = select(
        &[
            "",
            "{}",
            r#"{"name":"read","arguments":{"a":[1,2.5,"x",null,true,{"b":1e400}]}}"#,
            r#"{"name":"read","arguments":null}"#,
            r#"{"arguments":[]}"#,
            r#"{"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}}"#,
        ][..],
    );
    let unsound = select(
        &[
            r#"{"a":1,"a":2}"#,
            r#"{"a":0.1000000000000000055511151231257827}"#,
            "[]",
            "7",
        ][..],
    );
    let bytes = |text: &str| text.as_bytes().to_vec();
    let damaged = (sound.clone(), any::<proptest::sample::Index>(), any::<u8>());
    prop_oneof![
        20 => sound.prop_map(bytes),
        1 => unsound.prop_map(bytes),
        1 => damaged.prop_map(move |(text, at, byte)| {
            let mut bytes = bytes(text);
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
        1 => vec(any::<u8>(), 0..64),
        1 => (0_usize..200).prop_map(|depth| [vec![b'['; depth], vec![b']'; depth]].concat()),
    ]
}

fn text(likely: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        50 => Just(likely.to_owned()),
        1 => any::<String>(),
        1 => "[a-z_/:*.]{0,12}",
        1 => (200_usize..5000).prop_map(|length| "x".repeat(length)),
    ]
}

fn subject() -> impl Strategy<Value = Option<Subject>> {
    let asserted = (
        text("agent_a"),
        text(""),
        text(""),
        vec(text("admin"), 0..3),
        json(),
        vec(text("agent_b"), 0..3),
    );
    let asserted = asserted.prop_map(|(id, user, agent, roles, attributes_json, delegation)| {
        Subject::Asserted(AssertedSubject {
            id,
            user,
            agent,
            client: String::new(),
            roles,
            attributes_json,
            delegation,
        })
    });
    let plain = Just(Subject::Asserted(AssertedSubject {
        id: "agent_a".to_owned(),
        ..AssertedSubject::default()
    }));
    prop_oneof![
        4 => plain.prop_map(Some),
        4 => asserted.prop_map(Some),
        1 => any::<String>().prop_map(|token| Some(Subject::BearerToken(token))),
        1 => Just(None),
    ]
}

fn request() -> impl Strategy<Value = DecideRequest> {
    let mcp = (text("crm"), text("tools/call"), text("read"), text(""));
    let mcp = mcp.prop_map(|(server, method, name, protocol_version)| Mcp {
        server,
        method,
        name,
        protocol_version,
    });
    let mcp = proptest::option::weighted(0.95, mcp);
    let names = (text(""), text(""), text(""), text(""), text("x"));
    let context = hash_map(text("purpose"), text("billing"), 0..3);
    let phase = prop_oneof![8 => Just(1), 2 => 0_i32..8];
    let rest = (0_u64..3, any::<bool>(), vec(text("notify"), 0..2), json());
    (phase, subject(), mcp, json(), json(), names, context, rest).prop_map(
        |(phase, subject, mcp, params_json, result_json, names, context, rest)| {
            let (request_id, client_session, correlation_id, traceparent, call_id) = names;
            let (min_policy_version, dry_run, supported_obligations, definition_json) = rest;
            let is_result = phase == Phase::Result as i32;
            DecideRequest {
                request_id,
                phase,
                subject,
                mcp,
                tool: Some(ToolDefinition { definition_json }),
                params_json,
                result_json: if is_result { result_json } else { Vec::new() },
                call_id,
                client_session,
                correlation_id,
                traceparent,
                context,
                supported_obligations,
                min_policy_version,
                dry_run,
            }
        },
    )
}

fn is_the_one(request: &DecideRequest) -> bool {
    let mcp = request.mcp.clone().unwrap_or_default();
    let is_subject = matches!(
        &request.subject,
        Some(Subject::Asserted(asserted)) if asserted.id == "agent_a"
    );
    is_subject && mcp.server == "crm" && mcp.name == "read" && !request.dry_run
}

fn check(engine: &str) {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
        let more = format!(
            "[policy]\nengine = \"{engine}\"\n[audit]\ndir = \"audit\"\n\
             [limits]\nevaluation_milliseconds_max = 5000\n"
        );
        let server = Server::start(dir, &config(&more)).await;
        let mut runner = TestRunner::deterministic();
        let strategy = request();
        let (mut granted, mut malformed) = (0, 0);
        for _ in 0..REQUESTS {
            let request = strategy.new_tree(&mut runner).unwrap().current();
            let reply = server
                .decider
                .decide(&Peer::UnixUid(uid()).into(), request.clone())
                .await;
            let codes: Vec<_> = reply
                .reasons
                .iter()
                .map(|reason| reason.code.as_str())
                .collect();
            malformed += usize::from(codes.contains(&"malformed_request"));
            assert!(
                !codes.contains(&"evaluation_panic") && !codes.contains(&"internal"),
                "{request:?}"
            );
            match reply.effect() {
                Effect::Allow | Effect::Constrain => {
                    granted += 1;
                    assert!(is_the_one(&request), "{request:?}");
                    assert_eq!(codes, ["the.one"]);
                }
                Effect::Deny => assert!(!codes.is_empty(), "{request:?}"),
                other => panic!("{other:?} of {request:?}"),
            }
        }
        let records = server.records().await;
        let decisions = crate::server::of_type(&records, "decision").len();
        assert_eq!(decisions, REQUESTS, "one record for each request");
        println!("{engine}: {granted} granted, {malformed} malformed of {REQUESTS}");
        assert!(
            granted > REQUESTS / 50 && malformed > REQUESTS / 50,
            "{granted} {malformed}"
        );
        server.stop().await;
    });
}

#[test]
fn a_random_request_is_not_granted_on_the_register_machine() {
    check("rvm");
}

#[test]
fn a_random_request_is_not_granted_in_the_interpreter() {
    check("interpreter");
}
