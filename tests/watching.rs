//! What an operator sees of the audit log: metrics, status, and a disk that is nearly full.

use crate::admission::policies;
use crate::server::asking::{Decisions, decide, get};
use crate::server::{Server, block_on, config, until};
use serde_json::Value;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::Effect;

/// The metric of this name and these labels, as it stands in a line.
async fn metric(server: &Server, name: &str) -> f64 {
    let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    let value = line.unwrap_or_else(|| panic!("{name} is not in {metrics}"));
    value.trim().parse().unwrap()
}

async fn serving(server: &Server) -> ServingStatus {
    let mut client = HealthClient::new(server.unix().await);
    let service = "toolgate.ready".to_owned();
    let asked = client.check(HealthCheckRequest { service }).await;
    asked.unwrap().into_inner().status()
}

#[test]
fn the_log_is_seen_in_metrics_and_status() {
    block_on(async {
        let server = Server::start(policies(), &config("[audit]\ndir = \"audit\"\n")).await;
        let mut client = Decisions::new(server.unix().await);
        for _ in 0..5 {
            decide(&mut client, "crm/read").await;
        }
        let records = server.records().await.len() as f64;
        assert!(records >= 6.0, "{records}");
        assert_eq!(
            metric(&server, "toolgate_audit_records_total").await,
            records
        );
        let syncs = metric(&server, "toolgate_audit_sync_seconds_count").await;
        assert!(syncs >= 1.0 && syncs <= records, "{syncs}");
        assert_eq!(
            metric(&server, "toolgate_audit_batch_records_sum").await,
            records
        );
        assert_eq!(
            metric(&server, "toolgate_audit_batch_records_count").await,
            syncs
        );
        assert_eq!(
            metric(&server, "toolgate_audit_batch_records_bucket{le=\"+Inf\"}").await,
            syncs
        );
        let lines = std::fs::read(server.audit_dir.join(format!("log-{:020}.jsonl", 0)));
        let written = metric(&server, "toolgate_audit_written_bytes_total").await;
        assert_eq!(written, lines.unwrap().len() as f64);
        assert_eq!(metric(&server, "toolgate_audit_queue_records").await, 0.0);
        assert!(metric(&server, "toolgate_audit_free_bytes").await > 0.0);
        until("a checkpoint over all", async || {
            (metric(&server, "toolgate_audit_unsigned_records").await == 0.0).then_some(())
        })
        .await;
        assert!(metric(&server, "toolgate_audit_checkpoint_age_seconds").await < 30.0);
        let shown = get(server.http.unwrap(), "/statusz").await.unwrap();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let audit = &shown["audit"];
        let size = audit["checkpoint"]["size"].as_u64().unwrap();
        assert_eq!(audit["durable_seq"].as_u64(), Some(size - 1));
        assert_eq!(
            (&audit["failure"], &audit["room"]),
            (&Value::Null, &Value::Null)
        );
        server.stop().await;
    });
}

#[test]
fn a_disk_that_is_nearly_full_makes_the_process_not_ready_and_calls_go_on() {
    block_on(async {
        // More than any disk has.
        let short = config("[audit]\ndir = \"audit\"\ndisk_free_mib_min = 1_073_741_824\n");
        let server = Server::start(policies(), &short).await;
        let http = server.http.unwrap();
        assert_eq!(get(http, "/readyz").await, None);
        assert!(get(http, "/livez").await.is_some());
        until("not serving", async || {
            (serving(&server).await == ServingStatus::NotServing).then_some(())
        })
        .await;
        let mut client = Decisions::new(server.unix().await);
        let reply = decide(&mut client, "crm/read").await;
        assert_eq!(reply.effect(), Effect::Allow);
        let shown = get(http, "/statusz").await.unwrap();
        assert!(shown.contains("nearly full"), "{shown}");
        let enough = config("[audit]\ndir = \"audit\"\ndisk_free_mib_min = 0\n");
        let server = server.restart(&enough).await;
        until("serving", async || {
            (serving(&server).await == ServingStatus::Serving).then_some(())
        })
        .await;
        let ready = get(server.http.unwrap(), "/readyz").await.unwrap();
        assert!(ready.starts_with("policy "), "{ready}");
        server.stop().await;
    });
}
