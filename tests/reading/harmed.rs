//! What becomes of reading, of decisions and of the log where the index is harmed.

use super::scene::*;
use super::{eventually, lines};
use crate::server::asking::get;
use crate::server::{block_on, until};
use std::fs;
use std::path::Path;
use tonic::Code;

fn remove(dir: &Path) {
    for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
        drop(fs::remove_file(dir.join(name)));
    }
}

fn overwrite(dir: &Path) {
    remove(dir);
    fs::write(dir.join("index.sqlite"), "no database ".repeat(1_000)).unwrap();
}

#[test]
fn an_index_that_is_removed_or_overwritten_is_made_anew_and_finds_everything() {
    block_on(async {
        let scene = Scene::start().await;
        for (harm, decisions) in [(remove as fn(&Path), 3), (overwrite, 6)] {
            for _ in 0..3 {
                scene.decide("crm/read").await;
            }
            let all = eventually(&scene, query()).await;
            harm(&scene.server.audit_dir);
            let mut asked = query();
            asked.tool = "read".to_owned();
            let found = eventually(&scene, asked).await;
            assert_eq!(found.records_json.len(), decisions);
            assert!(found.before_seq >= all.before_seq);
        }
        scene.stop().await;
    });
}

#[test]
fn an_index_that_was_harmed_meanwhile_is_made_anew_at_the_next_start() {
    block_on(async {
        let mut scene = Scene::start().await;
        for (round, harm) in [remove as fn(&Path), overwrite].into_iter().enumerate() {
            scene.decide("crm/read").await;
            let dir = scene.server.audit_dir.clone();
            scene = scene.restart().await;
            harm(&dir);
            scene = scene.restart().await;
            let mut asked = query();
            asked.tool = "read".to_owned();
            let found = eventually(&scene, asked).await;
            assert_eq!(lines(&found).len(), round + 1);
        }
        scene.stop().await;
    });
}

#[test]
fn an_index_that_cannot_be_written_stops_nothing_but_queries() {
    block_on(async {
        let scene = Scene::start().await;
        scene.decide("crm/read").await;
        eventually(&scene, query()).await;
        let dir = scene.server.audit_dir.clone();
        remove(&dir);
        fs::create_dir(dir.join("index.sqlite")).unwrap();
        let refused = until("a refusal", async || {
            let answer = scene.auditor().await.query(query()).await;
            answer
                .err()
                .filter(|refused| refused.message().contains("reindex"))
        })
        .await;
        assert_eq!(refused.code(), Code::Unavailable);
        // Decisions are made and recorded.
        let before = scene.server.records().await.len();
        let decided = scene.decide("crm/read").await;
        assert_eq!(decided.effect, 1);
        assert_eq!(scene.server.records().await.len(), before + 1);
        let metrics = get(scene.server.http.unwrap(), "/metrics").await.unwrap();
        let failures = "toolgate_audit_index_failures_total 1";
        assert!(metrics.contains(failures), "{metrics}");
        // And once there is room again, everything is found.
        fs::remove_dir(dir.join("index.sqlite")).unwrap();
        let found = eventually(&scene, query()).await;
        assert!(found.records_json.len() > before);
        scene.stop().await;
    });
}
