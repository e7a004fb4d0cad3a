//! Administrators reload and roll back: what decides then, for how long, and what is recorded.

mod scene;

use crate::server::{block_on, config, of_type};
use scene::{Scene, allowing};
use serde_json::Value;
use tonic::Code;
use toolgate::wire::v1::{GetStatusResponse, Policy, ReloadRequest};

const MAY: &str = "may = [\"decide\", \"administer\"]\n[audit]\ndir = \"audit\"\n";
const LONG_SECONDS: u32 = 3600;

fn active(status: &GetStatusResponse) -> Policy {
    let active = status.active.as_ref().unwrap();
    active.policy.clone().unwrap()
}

fn held(status: &GetStatusResponse) -> Vec<&str> {
    let digests = status.held.iter().map(|held| held.digest.as_str());
    digests.collect()
}

/// Type, version and previous version of each record of a set in force.
fn changes(records: &[Value]) -> Vec<(String, u64, Option<u64>)> {
    let is_change =
        |record: &&Value| record.get("packages").is_some() || record["until"].is_string();
    let change = |record: &Value| {
        let kind = record["type"].as_str().unwrap().to_owned();
        let version = record["policy"]["version"].as_u64().unwrap();
        (kind, version, record["previous"]["version"].as_u64())
    };
    records.iter().filter(is_change).map(change).collect()
}

#[test]
fn an_earlier_set_decides_until_its_hold_is_over_whatever_the_sources_say() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let first = active(&scene.status().await);
        let second = active(&scene.load(&allowing("r2")).await);
        assert_eq!((first.version, second.version), (1, 2));
        assert_eq!(scene.decided().await, (2, "r2".to_owned()));

        let status = scene
            .rollback(&first.digest, "r2 is wrong", LONG_SECONDS)
            .await
            .unwrap();
        let back = active(&status);
        assert_eq!((back.version, &back.digest), (3, &first.digest));
        assert_eq!(held(&status), [&second.digest, &first.digest]);
        let pin = status.pin.unwrap();
        assert_eq!(
            (pin.digest.as_str(), pin.by.as_str()),
            (first.digest.as_str(), "shim")
        );
        assert_eq!(pin.reason, "r2 is wrong");
        let lasts = pin.until.unwrap().seconds - status.active.unwrap().since.unwrap().seconds;
        assert_eq!(lasts, i64::from(LONG_SECONDS));
        assert_eq!(scene.decided().await, (3, "r1".to_owned()));

        // A change is checked, and waits; one that is no good is told, and does not wait.
        let status = scene.load(&allowing("r3")).await;
        assert_eq!((active(&status).version, status.held.len()), (3, 3));
        let third = status.held[0].digest.clone();
        let status = scene.load("package policies.crm\nallow contains\n").await;
        assert_eq!(active(&status).version, 3);
        assert_eq!(status.held[0].digest, third);
        assert!(status.refused.is_some() && status.pin.is_some());
        assert_eq!(scene.decided().await, (3, "r1".to_owned()));

        // The end of the hold: the newest set that was good decides; the refusal still stands.
        scene
            .rollback(&first.digest, "not for long", 1)
            .await
            .unwrap();
        let status = scene.unpinned().await;
        assert_eq!(
            (active(&status).version, active(&status).digest),
            (5, third.clone())
        );
        assert!(status.refused.is_some());
        assert_eq!(scene.decided().await, (5, "r3".to_owned()));
        let status = scene.load(&allowing("r3")).await;
        assert_eq!((active(&status).version, status.refused), (5, None));

        let records = scene.server.stopped_records().await;
        let loaded = |version, before| ("policy_loaded".to_owned(), version, before);
        let rolled_back = |version, before| ("policy_rolled_back".to_owned(), version, before);
        assert_eq!(
            changes(&records),
            [
                loaded(1, None),
                loaded(2, Some(1)),
                rolled_back(3, Some(2)),
                rolled_back(4, Some(3)),
                loaded(5, Some(4))
            ]
        );
        // The watch may have seen it, too, before it was asked for.
        assert!(!of_type(&records, "policy_refused").is_empty());
        assert_eq!(of_type(&records, "policy_reload").len(), 4);
        let asked = &of_type(&records, "policy_rolled_back")[0];
        assert_eq!(
            (&asked["by"], &asked["reason"]),
            (&"shim".into(), &"r2 is wrong".into())
        );
        assert_eq!(asked["policy"]["digest"], first.digest.as_str());
        // What was decided by a set stands after the set.
        for decision in of_type(&records, "decision") {
            let of_set = |record: &&Value| {
                record["policy"] == decision["policy"] && record["type"] != "decision"
            };
            let set = records.iter().find(of_set).unwrap();
            assert!(set["seq"].as_u64() < decision["seq"].as_u64());
        }
    });
}

#[test]
fn a_rollback_that_makes_no_sense_changes_nothing() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let first = active(&scene.status().await).digest;
        scene.load(&allowing("r2")).await;
        let unknown = format!("sha256:{:064}", 0);
        let long = "x".repeat(513);
        for (digest, reason, hold_seconds, code, says) in [
            (
                unknown.as_str(),
                "why",
                60,
                Code::NotFound,
                unknown.as_str(),
            ),
            ("", "why", 60, Code::NotFound, "GetStatus"),
            (
                &first,
                "",
                60,
                Code::InvalidArgument,
                "`reason` is required",
            ),
            (
                &first,
                "  ",
                60,
                Code::InvalidArgument,
                "`reason` is required",
            ),
            (
                &first,
                "a\nb",
                60,
                Code::InvalidArgument,
                "control character",
            ),
            (&first, &long, 60, Code::InvalidArgument, "longer than 512"),
            (
                &first,
                "why",
                0,
                Code::InvalidArgument,
                "1 to 604800, not `0`",
            ),
            (
                &first,
                "why",
                604_801,
                Code::InvalidArgument,
                "not `604801`",
            ),
        ] {
            let status = scene
                .rollback(digest, reason, hold_seconds)
                .await
                .unwrap_err();
            assert_eq!(status.code(), code, "{status}");
            assert!(status.message().contains(says), "{status}");
        }
        let status = scene.status().await;
        assert_eq!((active(&status).version, status.pin), (2, None));
        let records = scene.server.stopped_records().await;
        assert_eq!(of_type(&records, "policy_rolled_back"), [] as [Value; 0]);
    });
}

#[test]
fn no_more_earlier_sets_are_held_than_are_configured() {
    block_on(async {
        let limits = "may = [\"decide\", \"administer\"]\n[limits]\npolicy_sets_held_max = 1\n";
        let mut scene = Scene::start(&format!("{limits}[audit]\ndir = \"audit\"\n")).await;
        let first = active(&scene.status().await).digest;
        let second = active(&scene.load(&allowing("r2")).await).digest;
        let status = scene.load(&allowing("r3")).await;
        assert_eq!(held(&status), [&active(&status).digest, &second]);
        let gone = scene.rollback(&first, "why", 60).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        // The set in force is held whatever comes: it can be held there for longer.
        scene.rollback(&second, "why", LONG_SECONDS).await.unwrap();
        scene.load(&allowing("r4")).await;
        let status = scene.load(&allowing("r5")).await;
        assert_eq!(status.held.len(), 2);
        scene
            .rollback(&second, "longer", LONG_SECONDS)
            .await
            .unwrap();
        assert_eq!(scene.decided().await.1, "r2");
        scene.server.stop().await;
    });
}

#[test]
fn the_newest_set_can_be_held_where_it_is() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let first = active(&scene.status().await).digest;
        scene
            .rollback(&first, "no changes now", LONG_SECONDS)
            .await
            .unwrap();
        scene.load(&allowing("r2")).await;
        assert_eq!(scene.decided().await, (2, "r1".to_owned()));
        scene.until_health([false, true]).await;
        scene.load(&allowing("r1")).await;
        scene.rollback(&first, "that is all", 1).await.unwrap();
        let status = scene.unpinned().await;
        assert_eq!(
            (active(&status).version, active(&status).digest),
            (3, first)
        );
        scene.until_health([true, true]).await;
        let records = scene.server.stopped_records().await;
        assert_eq!(of_type(&records, "policy_loaded").len(), 1);
    });
}

#[test]
fn a_rollback_ends_with_the_process() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let first = active(&scene.status().await).digest;
        let second = active(&scene.load(&allowing("r2")).await).digest;
        scene
            .rollback(&first, "r2 is wrong", LONG_SECONDS)
            .await
            .unwrap();
        let server = scene.server.restart(&config(MAY)).await;
        let mut scene = Scene::of(server).await;
        let status = scene.status().await;
        assert_eq!(
            (active(&status).digest, status.pin.clone()),
            (second.clone(), None)
        );
        assert_eq!(held(&status), [&second]);
        let gone = scene.rollback(&first, "again", 60).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        scene.server.stop().await;
    });
}

#[test]
fn a_reload_answers_with_what_came_of_it() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let refused = scene.load("package policies.crm\nallow contains\n").await;
        assert_eq!(active(&refused).version, 1);
        assert!(refused.refused.is_some());
        let mended = scene.load(&allowing("r2")).await;
        assert_eq!((active(&mended).version, mended.refused), (2, None));
        // Nothing has changed: the same set stays.
        assert_eq!(active(&scene.load(&allowing("r2")).await).version, 2);
        let records = scene.server.stopped_records().await;
        let asked = of_type(&records, "policy_reload");
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|record| record["by"] == "shim"));
        assert_eq!(of_type(&records, "policy_loaded").len(), 2);
    });
}

/// Without a record there is no rollback: nobody could tell later who it was.
#[test]
fn what_cannot_be_recorded_is_not_done() {
    block_on(async {
        let mut scene = Scene::start(MAY).await;
        let first = active(&scene.status().await).digest;
        scene.load(&allowing("r2")).await;
        scene
            .server
            .decider
            .tenants
            .process()
            .evidence
            .log()
            .close()
            .unwrap();
        let status = scene.rollback(&first, "why", 60).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        let reloaded = scene.policies.reload(ReloadRequest {}).await;
        assert_eq!(reloaded.unwrap_err().code(), Code::Unavailable);
        let status = scene.status().await;
        assert_eq!((active(&status).version, status.pin), (2, None));
    });
}
