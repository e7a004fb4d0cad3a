//! Policies that are refused: what was in force stays, and everybody can see why.

use crate::server::asking::{Decisions, codes, decide, get};
use crate::server::{Server, block_on, config, of_type, until, write_files};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::GetStatusRequest;
use toolgate::wire::v1::GetStatusResponse;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;

const GOOD: &str = "package policies.crm\nallow contains \"good\"\n";
const AUDIT: &str = "[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n";

struct Watched {
    server: Server,
    decisions: Decisions,
}

impl Watched {
    async fn start(policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", policy)]);
        let server = Server::start(dir, &config(AUDIT)).await;
        let decisions = Decisions::new(server.unix().await);
        Self { server, decisions }
    }

    fn write(&self, files: &[(&str, &str)]) {
        write_files(&self.server.dir.path().join("main"), files.iter().copied());
    }

    async fn status(&self) -> GetStatusResponse {
        let mut policies = PolicyServiceClient::new(self.server.unix().await);
        policies
            .get_status(GetStatusRequest {})
            .await
            .unwrap()
            .into_inner()
    }

    async fn until_refused(&self) -> Vec<String> {
        until("a refusal", async || {
            Some(self.status().await.refused?.findings)
        })
        .await
    }

    async fn until_mended(&self) {
        until("no refusal", async || {
            self.status().await.refused.is_none().then_some(())
        })
        .await;
    }

    async fn health(&self, service: &str) -> ServingStatus {
        let mut health = HealthClient::new(self.server.unix().await);
        let service = service.to_owned();
        let answer = health.check(HealthCheckRequest { service }).await.unwrap();
        answer.into_inner().status()
    }

    async fn metrics(&self) -> String {
        get(self.server.http.unwrap(), "/metrics").await.unwrap()
    }

    async fn ready(&self) -> Option<String> {
        get(self.server.http.unwrap(), "/readyz").await
    }
}

#[test]
fn the_last_good_set_stays_in_force() {
    block_on(async {
        let mut watched = Watched::start(GOOD).await;
        watched.write(&[(
            "p.rego",
            "package policies.crm\nallow contains \"bad\" if {\n",
        )]);
        let findings = watched.until_refused().await;
        assert!(
            findings
                .iter()
                .any(|finding| finding.starts_with("p.rego:")),
            "{findings:?}"
        );
        let reply = decide(&mut watched.decisions, "crm/read").await;
        assert_eq!(
            (codes(&reply), reply.policy.as_ref().unwrap().version),
            (vec!["good"], 1)
        );
        until("metrics that say so", async || {
            let metrics = watched.metrics().await;
            let refused = "toolgate_policy_refusals_total{stage=\"compile\"} 1\n";
            let in_force = "toolgate_policy_version 1\n";
            let stale = "toolgate_policy_stale 1\n";
            let said = [refused, in_force, stale];
            said.iter().all(|it| metrics.contains(it)).then_some(())
        })
        .await;
        assert_eq!(
            watched.health("toolgate.ready").await,
            ServingStatus::Serving
        );
        until("health that says so", async || {
            let status = watched.health("policyset/default").await;
            (status == ServingStatus::NotServing).then_some(())
        })
        .await;
        assert!(watched.ready().await.is_some());
        let refused = of_type(&watched.server.records().await, "policy_refused");
        assert_eq!(refused.len(), 1, "{refused:#?}");
        assert!(
            refused[0]["error"].as_str().unwrap().contains("p.rego:"),
            "{refused:#?}"
        );
        assert_eq!(refused[0]["active"]["version"], 1);
        assert_eq!(refused[0]["findings"][0]["path"], "p.rego");

        watched.write(&[(
            "p.rego",
            "package policies.crm\nallow contains \"better\"\n",
        )]);
        watched.until_mended().await;
        let reply = decide(&mut watched.decisions, "crm/read").await;
        assert_eq!(
            (codes(&reply), reply.policy.as_ref().unwrap().version),
            (vec!["better"], 2)
        );
        let loaded = of_type(&watched.server.records().await, "policy_loaded");
        let versions: Vec<_> = loaded
            .iter()
            .map(|record| &record["policy"]["version"])
            .collect();
        assert_eq!(versions, [1, 2]);
        assert_eq!(loaded[1]["previous"], loaded[0]["policy"]);
        watched.server.stop().await;
    });
}

#[test]
fn what_was_in_force_comes_back_without_a_swap() {
    block_on(async {
        let mut watched = Watched::start(GOOD).await;
        for (file, content) in [
            ("p.rego", "package policies.crm\nallow if http.send({}).x\n"),
            ("data.json", r#"{"a": 1, "a": 2}"#),
            (".manifest", r#"{"roots": "policies"}"#),
            (
                "more.rego",
                "package policies.crm\ndeny contains \"x\" if input.arguments.a != 1\n",
            ),
        ] {
            watched.write(&[(file, content)]);
            let findings = watched.until_refused().await;
            assert!(
                findings.iter().any(|finding| finding.contains(file)),
                "{file}: {findings:?}"
            );
            match file {
                "p.rego" => watched.write(&[(file, GOOD)]),
                file => {
                    let path = watched.server.dir.path().join("main").join(file);
                    std::fs::remove_file(path).unwrap();
                }
            }
            watched.until_mended().await;
            let reply = decide(&mut watched.decisions, "crm/read").await;
            assert_eq!(
                (codes(&reply), reply.policy.as_ref().unwrap().version),
                (vec!["good"], 1)
            );
        }
        let records = watched.server.records().await;
        assert_eq!(of_type(&records, "policy_loaded").len(), 1);
        assert_eq!(of_type(&records, "policy_refused").len(), 4);
        watched.server.stop().await;
    });
}

#[test]
fn a_start_with_refused_policies_denies_until_they_are_mended() {
    block_on(async {
        let mut watched = Watched::start("package policies.crm\nallow contains").await;
        let reply = decide(&mut watched.decisions, "crm/read").await;
        assert_eq!(codes(&reply), ["no_policy_set"]);
        assert_eq!(watched.ready().await, None);
        assert_eq!(watched.health("").await, ServingStatus::Serving);
        assert_eq!(
            watched.health("toolgate.ready").await,
            ServingStatus::NotServing
        );
        assert!(watched.status().await.active.is_none());
        watched.write(&[("p.rego", GOOD)]);
        watched.until_mended().await;
        let reply = decide(&mut watched.decisions, "crm/read").await;
        assert_eq!(codes(&reply), ["good"]);
        assert!(watched.ready().await.is_some());
        watched.server.stop().await;
    });
}
