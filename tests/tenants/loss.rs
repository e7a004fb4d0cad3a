//! What breaks in one tenant is its own loss.

use super::scene::*;
use crate::server::asking::{call, codes, get};
use crate::server::{Server, block_on, of_type, until};
use serde_json::{Value, json};

#[test]
fn a_broken_bundle_is_its_own_tenant_s_loss() {
    block_on(async {
        let server = start().await;
        until_health(&server, [true; 3]).await;
        let data = json!({"granted": ["write"], "directory": {}});
        write_bundle(
            server.dir.path(),
            "acme",
            "package policies.crm\nallow contains\n",
            &data,
        );
        until_health(&server, [true, false, true]).await;
        // The last good set decides, and globex's changes are taken.
        write_bundle(
            server.dir.path(),
            "globex",
            POLICY,
            &json!({"granted": ["new"], "directory": {}}),
        );
        let mut globex = decisions(&server, "globex").await;
        until("the new set of globex", async || {
            let reply = ask(&mut globex, call("crm/new")).await;
            (codes(&reply) == ["crm.granted"]).then_some(())
        })
        .await;
        let mut acme = decisions(&server, "acme").await;
        assert_eq!(
            codes(&ask(&mut acme, call("crm/read")).await),
            ["crm.granted"]
        );
        let http = server.http.unwrap();
        let ready = get(http, "/readyz").await.unwrap();
        let lines: Vec<_> = ready
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(lines, ["acme:", "globex:"]);
        let metrics = get(http, "/metrics").await.unwrap();
        for line in [
            "toolgate_policy_stale{tenant=\"acme\"} 1",
            "toolgate_policy_stale{tenant=\"globex\"} 0",
            "toolgate_policy_version{tenant=\"globex\"} 2",
            "toolgate_decisions_total{effect=\"allow\",tenant=\"acme\"} 1",
        ] {
            assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
        }
        let status: Value = serde_json::from_str(&get(http, "/statusz").await.unwrap()).unwrap();
        assert_eq!(status["audit"]["origin"], "toolgate");
        assert_eq!(status.get("policy"), None);
        let [acme_status, globex_status] = &status["tenants"].as_array().unwrap()[..] else {
            panic!("{status}");
        };
        assert_eq!(
            (
                &acme_status["name"],
                &acme_status["refused"]["stage"],
                &acme_status["policy"]["version"]
            ),
            (&json!("acme"), &json!("compile"), &json!(1))
        );
        assert_eq!(
            (
                &globex_status["audit"]["origin"],
                globex_status.get("refused")
            ),
            (&json!("toolgate/globex"), None)
        );
        let refused = of_type(&records_of(&server, Some("globex")).await, "policy_refused");
        assert!(refused.is_empty());

        // Broken from the start: denied, and still nobody else's loss.
        let server = server.restart(&config("", AUDIT)).await;
        until_health(&server, [true, false, true]).await;
        let mut acme = decisions(&server, "acme").await;
        assert_eq!(
            codes(&ask(&mut acme, call("crm/read")).await),
            ["no_policy_set"]
        );
        let mut globex = decisions(&server, "globex").await;
        assert_eq!(
            codes(&ask(&mut globex, call("crm/new")).await),
            ["crm.granted"]
        );
        assert!(get(server.http.unwrap(), "/readyz").await.is_some());
        server.stop().await;
    });
}

#[test]
fn no_tenant_with_policies_is_no_readiness() {
    block_on(async {
        let dir = files();
        for tenant in ["acme", "globex"] {
            let data = json!({"granted": [], "directory": {}});
            write_bundle(
                dir.path(),
                tenant,
                "package policies.crm\nallow contains\n",
                &data,
            );
        }
        let server = Server::start(dir, &config("", AUDIT)).await;
        until_health(&server, [false; 3]).await;
        assert_eq!(get(server.http.unwrap(), "/readyz").await, None);
        server.stop().await;
    });
}

#[test]
fn a_log_that_is_closed_denies_its_own_tenant_alone() {
    block_on(async {
        let server = start().await;
        let tenant = server.decider.tenants.get("acme").unwrap();
        tenant.evidence.log().close().unwrap();
        let mut acme = decisions(&server, "acme").await;
        let reply = ask(&mut acme, call("crm/read")).await;
        assert_eq!(codes(&reply), ["audit_unavailable"]);
        let mut globex = decisions(&server, "globex").await;
        let reply = ask(&mut globex, call("crm/write")).await;
        assert_eq!(codes(&reply), ["crm.granted"]);
        let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
        for line in [
            "toolgate_audit_failures_total{tenant=\"acme\"} 1",
            "toolgate_audit_failures_total{tenant=\"globex\"} 0",
            "toolgate_audit_failures_total 0",
        ] {
            assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
        }
        server.stop().await;
    });
}
