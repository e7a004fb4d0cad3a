//! Tenants are kept apart: policies, data, records, keys, limits and calls under way.

mod checked;
mod flood;
mod loss;
mod reading;
mod rpcs;
mod scene;

use crate::server::asking::{Decisions, call, codes};
use crate::server::{Server, block_on, of_type, pki, records};
use scene::*;
use serde_json::Value;
use std::collections::BTreeMap;
use toolgate::audit::verify::verify;
use toolgate::identity::Peer;
use toolgate::server::Remote;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{DecideRequest, DecideStreamRequest, Effect, ExplainRequest, Phase};

fn texts(records: &[Value], key: &str) -> Vec<String> {
    let text = |record: &Value| record[key].as_str().unwrap_or_default().to_owned();
    of_type(records, "decision").iter().map(text).collect()
}

#[test]
fn the_same_question_is_decided_recorded_and_hashed_by_its_own_tenant() {
    block_on(async {
        let server = start().await;
        for (caller, tool, subject, expected) in [
            ("acme", "crm/read", "agent_a", "crm.granted"),
            ("globex", "crm/read", "agent_a", "no_matching_allow"),
            ("acme", "crm/write", "agent_a", "no_matching_allow"),
            ("globex", "crm/write", "agent_a", "crm.granted"),
            // A bundle of every tenant.
            ("acme", "crm/frozen", "agent_a", "house.frozen"),
            ("globex", "crm/frozen", "agent_a", "house.frozen"),
            // Each has a directory of its own.
            ("acme", "crm/both", "agent_x", "subject_not_allowed"),
            ("globex", "crm/both", "agent_x", "crm.granted"),
            ("acme", "crm/both", "agent_y", "crm.granted"),
            ("globex", "crm/both", "agent_y", "subject_not_allowed"),
        ] {
            let mut client = decisions(&server, caller).await;
            let reply = ask(&mut client, as_subject(subject, tool)).await;
            assert_eq!(codes(&reply), [expected], "{caller}: {tool} of {subject}");
            let origin = reply.audit.unwrap().origin;
            assert_eq!(origin, format!("toolgate/{caller}"));
        }
        let process = records_of(&server, None).await;
        assert!(of_type(&process, "decision").is_empty());
        assert!(of_type(&process, "policy_loaded").is_empty());
        let mut hashes = Vec::new();
        for tenant in ["acme", "globex"] {
            let own = records_of(&server, Some(tenant)).await;
            assert_eq!(texts(&own, "tenant"), [tenant; 5]);
            let loaded = of_type(&own, "policy_loaded");
            assert_eq!(loaded.len(), 1);
            assert_eq!(loaded[0]["source"], format!("{tenant},everybody"));
            let decisions = of_type(&own, "decision");
            hashes.push(decisions[0]["arguments"]["hash"].clone());
        }
        assert_ne!(hashes[0], hashes[1]);
        let dirs = [None, Some("acme"), Some("globex")].map(|it| log_dir(&server, it));
        let keys = [1, 2].map(|index| std::fs::read(dirs[index].join("hash.key")).unwrap());
        assert_ne!(keys[0], keys[1]);
        let _kept = server.stopped().await;
        let records = dirs.map(|dir| verify(&dir).unwrap().records);
        assert_eq!(records, [0, 6, 6]);
    });
}

/// Who asks, whom it names, what comes of it, and which log has it; `None`: the process's.
type Asked = (
    &'static str,
    DecideRequest,
    &'static str,
    Option<&'static str>,
);

#[test]
fn a_caller_asks_for_the_tenants_of_its_entry_alone() {
    block_on(async {
        let server = start().await;
        let malformed = DecideRequest {
            params_json: b"{".to_vec(),
            ..call("crm/read")
        };
        let cases: [Asked; 11] = [
            (
                "gateway",
                call_for("acme", "crm/read"),
                "crm.granted",
                Some("acme"),
            ),
            (
                "gateway",
                call_for("globex", "crm/read"),
                "no_matching_allow",
                Some("globex"),
            ),
            (
                "gateway",
                call_for("globex", "crm/write"),
                "crm.granted",
                Some("globex"),
            ),
            // There is no such tenant, and nothing tells the caller so.
            (
                "gateway",
                call_for("initech", "crm/read"),
                "subject_not_allowed",
                None,
            ),
            // Of several tenants, nothing says which.
            ("gateway", call("crm/read"), "tenant_unknown", None),
            ("gateway", malformed.clone(), "malformed_request", None),
            // What is wrong with an own caller is its tenant's to know.
            (
                "acme",
                call_for("globex", "crm/read"),
                "subject_not_allowed",
                Some("acme"),
            ),
            (
                "acme",
                call_for("initech", "crm/read"),
                "subject_not_allowed",
                Some("acme"),
            ),
            (
                "acme",
                as_subject("root", "crm/read"),
                "subject_not_allowed",
                Some("acme"),
            ),
            ("acme", malformed, "malformed_request", Some("acme")),
            ("stranger", call("crm/read"), "unauthenticated", None),
        ];
        for (caller, question, expected, log) in cases {
            let what = format!("{caller}: {:?}", question.subject);
            let mut client = decisions(&server, caller).await;
            let reply = ask(&mut client, question).await;
            assert_eq!(codes(&reply), [expected], "{what}");
            let found = records_of(&server, log).await;
            let last = of_type(&found, "decision").pop().unwrap();
            assert_eq!(last["decision_id"], reply.decision_id, "{what}");
            assert_eq!(last["tenant"], log.unwrap_or("default"), "{what}");
        }
        // By the token of the connection.
        for (tenant, expected, log) in [
            ("acme", "crm.granted", Some("acme")),
            ("globex", "no_matching_allow", Some("globex")),
            ("initech", "subject_not_allowed", None),
        ] {
            let value = format!("Bearer {}", token_of(tenant)).parse().unwrap();
            let mut request = tonic::Request::new(DecideRequest {
                subject: None,
                ..call("crm/read")
            });
            request.metadata_mut().insert("authorization", value);
            let mut client = Decisions::new(server.tls(None).await);
            let reply = client.decide(request).await.unwrap().into_inner();
            assert_eq!(codes(&reply), [expected], "{tenant}");
            let last = of_type(&records_of(&server, log).await, "decision").pop();
            assert_eq!(last.unwrap()["decision_id"], reply.decision_id);
        }
        server.stop().await;
    });
}

#[test]
fn a_call_and_a_request_id_are_of_one_tenant() {
    block_on(async {
        let server = start().await;
        let mut gateway = decisions(&server, "gateway").await;
        let granted = ask(&mut gateway, call_for("acme", "crm/both")).await;
        assert_eq!(codes(&granted), ["crm.granted"]);
        let result = |tenant: &str| DecideRequest {
            phase: Phase::Result.into(),
            call_id: granted.call_id.clone(),
            result_json: br#"{"content":[]}"#.to_vec(),
            ..call_for(tenant, "crm/both")
        };
        let foreign = ask(&mut gateway, result("globex")).await;
        assert_eq!(codes(&foreign), ["call_unknown"]);
        let own = ask(&mut gateway, result("acme")).await;
        assert_eq!(codes(&own), ["crm.granted"]);

        let repeated = |tenant: &str| DecideRequest {
            request_id: "r1".to_owned(),
            ..call_for(tenant, "crm/read")
        };
        let of_acme = repeated("acme");
        let first = ask(&mut gateway, of_acme.clone()).await;
        let other = ask(&mut gateway, repeated("globex")).await;
        let again = ask(&mut gateway, of_acme).await;
        assert_eq!(codes(&first), ["crm.granted"]);
        assert_eq!(codes(&other), ["no_matching_allow"]);
        assert_eq!(first.decision_id, again.decision_id);
        server.stop().await;
    });
}

#[test]
fn what_was_one_log_goes_on_as_the_process_s() {
    block_on(async {
        let dir = files();
        let alone = crate::server::config(AUDIT).replace("path = \"main\"", "path = \"acme\"");
        let server = Server::start(dir, &alone).await;
        let mut client = Decisions::new(server.unix().await);
        let reply = ask(&mut client, call("crm/read")).await;
        assert_eq!(codes(&reply), ["crm.granted"]);
        pki::write_server_files(server.dir.path());
        let server = server.restart(&config("", AUDIT)).await;
        let mut stranger = decisions(&server, "stranger").await;
        ask(&mut stranger, call("crm/read")).await;
        let audit_dir = server.audit_dir.clone();
        let _kept = server.stopped().await;
        let report = verify(&audit_dir).unwrap();
        let records = records(&audit_dir);
        assert_eq!(texts(&records, "tenant"), ["default", "default"]);
        assert_eq!(report.records, records.len() as u64);
    });
}

#[test]
fn each_question_of_a_stream_and_each_explanation_is_its_own_tenant_s() {
    block_on(async {
        let server = start().await;
        let mut gateway = decisions(&server, "gateway").await;
        let asked = [
            ("1", "acme", "crm.granted"),
            ("2", "globex", "no_matching_allow"),
            ("3", "acme", "crm.granted"),
            ("4", "initech", "subject_not_allowed"),
        ];
        let questions = asked.map(|(id, tenant, _)| DecideStreamRequest {
            request: Some(DecideRequest {
                request_id: id.to_owned(),
                ..call_for(tenant, "crm/read")
            }),
        });
        let answers = gateway.decide_stream(tokio_stream::iter(questions)).await;
        let mut answers = answers.unwrap().into_inner();
        let mut answered = BTreeMap::new();
        while let Some(answer) = answers.message().await.unwrap() {
            let reply = answer.response.unwrap();
            answered.insert(answer.request_id, codes(&reply).join(","));
        }
        let expected = asked.map(|(id, _, code)| (id.to_owned(), code.to_owned()));
        assert_eq!(answered, BTreeMap::from(expected));

        let mut policies = PolicyServiceClient::new(channel(&server, "gateway").await);
        for (tenant, effect) in [("acme", Effect::Allow), ("globex", Effect::Deny)] {
            let request = Some(call_for(tenant, "crm/read"));
            let explained = policies.explain(ExplainRequest { request }).await;
            let explained = explained.unwrap().into_inner();
            assert_eq!(explained.decision.unwrap().effect(), effect, "{tenant}");
            let input: Value = serde_json::from_slice(&explained.input_json).unwrap();
            assert_eq!(input["tenant"], tenant);
        }
        server.stop().await;
    });
}

/// Whatever a question was routed by: who it comes from is found out anew.
#[test]
fn a_question_that_reached_another_tenant_is_denied_there() {
    block_on(async {
        let server = start().await;
        let tenants = &server.decider.tenants;
        for (tenant, expected) in [("acme", "crm.granted"), ("globex", "tenant_unknown")] {
            let peer = Peer::Certificate {
                spiffe_ids: vec!["spiffe://test/acme".to_owned()],
                dns_names: Vec::new(),
            };
            let remote = Remote {
                tenant: tenants.get(tenant).cloned(),
                ..Remote::from(peer)
            };
            let reply = server.decider.decide(&remote, call("crm/both")).await;
            assert_eq!(codes(&reply), [expected], "{tenant}");
        }
        server.stop().await;
    });
}
