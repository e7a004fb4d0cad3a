//! Who tried: what the record of a denial by identity says of the one who was turned away.

use crate::server::asking::{Decisions, call, codes};
use crate::server::{Server, block_on, config, of_type, pki, tokens, uid, write_files};
use serde_json::{Value, json};
use tonic::Request;
use tonic::transport::Channel;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{AssertedSubject, DecideRequest};

const MORE: &str = r#"
[audit]
dir = "audit"
[limits]
evaluation_milliseconds_max = 5000
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
"#;
const STRANGER: &str = "spiffe://acme.example/stranger";

async fn start() -> Server {
    let dir = tempfile::tempdir().unwrap();
    let policy = "package policies.crm\nallow contains \"crm.read\"\n";
    write_files(&dir.path().join("main"), [("p.rego", policy)]);
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    let config = config(MORE).replace("[listen]\n", "[listen]\ntcp = \"127.0.0.1:0\"\n");
    Server::start(dir, &config).await
}

fn of(subject: Subject) -> DecideRequest {
    DecideRequest {
        subject: Some(subject),
        ..call("crm/read")
    }
}

/// Asks, is denied for this reason, and gives the whole record.
async fn denied(server: &Server, over: Channel, ask: Request<DecideRequest>, code: &str) -> Value {
    let reply = Decisions::new(over).decide(ask).await.unwrap().into_inner();
    assert_eq!(codes(&reply), [code]);
    let mut records = of_type(&server.records().await, "decision");
    let record = records.pop().unwrap();
    assert_eq!(record["decision_id"], reply.decision_id);
    assert_eq!(record["principal"], json!({}), "nobody was identified");
    record
}

/// The attempt, its peer's port taken out.
fn attempt(record: &Value) -> Value {
    let mut attempt = record["attempt"].clone();
    if let Some(address) = attempt["peer"].get_mut("address") {
        let host = address.as_str().unwrap().rsplit_once(':').unwrap().0;
        *address = host.into();
    }
    attempt
}

#[test]
fn a_subject_beyond_the_caller_is_named_and_so_is_the_peer() {
    block_on(async {
        let server = start().await;
        let asserted = AssertedSubject {
            id: "root".to_owned(),
            user: "u:ann".to_owned(),
            delegation: vec!["u:boss".to_owned()],
            ..AssertedSubject::default()
        };
        let ask = Request::new(of(Subject::Asserted(asserted)));
        let record = denied(&server, server.unix().await, ask, "subject_not_allowed").await;
        assert_eq!(record["caller"], "shim");
        let expected = json!({
            "failed": "`id` is beyond the caller's `subjects`",
            "claimed": {
                "by": "assertion", "verified": false,
                "id": "root", "user": "u:ann", "delegation": ["u:boss"],
            },
            "peer": {"uid": uid()},
        });
        assert_eq!(attempt(&record), expected);
        server.stop().await;
    });
}

#[test]
fn a_peer_that_nobody_knows_is_seen() {
    block_on(async {
        let server = start().await;
        let cases = [
            (
                Some(STRANGER),
                json!({"address": "127.0.0.1", "spiffe_id": STRANGER}),
            ),
            (None, json!({"address": "127.0.0.1"})),
        ];
        for (certificate, peer) in cases {
            let ask = Request::new(call("crm/read"));
            let over = server.tls(certificate).await;
            let record = denied(&server, over, ask, "unauthenticated").await;
            assert_eq!(record.get("caller"), None);
            let expected = json!({
                "failed": "no caller's entry matches what the connection proved",
                "claimed": {"by": "assertion", "verified": false, "id": "agent_a"},
                "peer": peer,
            });
            assert_eq!(attempt(&record), expected);
        }
        server.stop().await;
    });
}

#[test]
fn a_token_names_its_subject_and_is_not_recorded() {
    block_on(async {
        let server = start().await;
        let sound = tokens::token(&json!({"sub": "eve"}));
        let (signed, _) = sound.rsplit_once('.').unwrap();
        let forged = format!("{signed}.AAAA");
        let claim = |verified| json!({"by": "token", "verified": verified, "issuer": tokens::ISSUER, "id": "eve"});
        let uid = uid();
        let by_subject = |token: &str| Request::new(of(Subject::BearerToken(token.to_owned())));
        let by_peer = |token: &str| {
            let mut ask = Request::new(call("crm/read"));
            let value = format!("Bearer {token}").parse().unwrap();
            ask.metadata_mut().insert("authorization", value);
            ask
        };
        let said = json!({"by": "assertion", "verified": false, "id": "agent_a"});
        let cases = [
            (
                by_subject(&sound),
                "subject_not_allowed",
                claim(true),
                json!({"uid": uid}),
            ),
            (
                by_subject(&forged),
                "unauthenticated",
                claim(false),
                json!({"uid": uid}),
            ),
            (
                by_peer(&sound),
                "unauthenticated",
                said.clone(),
                json!({"uid": uid, "token": claim(true)}),
            ),
            (
                by_peer(&forged),
                "unauthenticated",
                said,
                json!({"uid": uid, "token": claim(false)}),
            ),
        ];
        for (ask, code, claimed, peer) in cases {
            let record = denied(&server, server.unix().await, ask, code).await;
            assert_eq!(record["attempt"]["claimed"], claimed);
            assert_eq!(record["attempt"]["peer"], peer);
            let text = record.to_string();
            for part in sound.split('.') {
                assert!(!text.contains(part), "a part of the token in {text}");
            }
        }
        server.stop().await;
    });
}

#[test]
fn who_sends_what_is_malformed_is_known_and_what_it_claims_is_cut() {
    block_on(async {
        let server = start().await;
        let asserted = AssertedSubject {
            id: "x".repeat(10_000),
            delegation: vec!["y".repeat(10_000); 500],
            ..AssertedSubject::default()
        };
        let ask = Request::new(of(Subject::Asserted(asserted)));
        let record = denied(&server, server.unix().await, ask, "malformed_request").await;
        assert_eq!(record["caller"], "shim");
        let attempt = &record["attempt"];
        assert_eq!(attempt["failed"], "`asserted.id` is malformed");
        assert_eq!(attempt["peer"], json!({"uid": uid()}));
        assert_eq!(attempt["claimed"]["id"], "x".repeat(256));
        assert_eq!(
            attempt["claimed"]["delegation"],
            json!(vec!["y".repeat(256); 16])
        );
        assert!(record.get("truncated").is_none(), "the record is short");
        server.stop().await;
    });
}

#[test]
fn a_decision_of_somebody_identified_has_no_attempt() {
    block_on(async {
        let server = start().await;
        let mut decisions = Decisions::new(server.unix().await);
        for tool in ["crm/read", "crm/other"] {
            decisions.decide(call(tool)).await.unwrap();
        }
        let records = of_type(&server.records().await, "decision");
        assert_eq!(records.len(), 2);
        assert!(records.iter().all(|record| record.get("attempt").is_none()));
        server.stop().await;
    });
}
