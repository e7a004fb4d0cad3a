//! What an operator sees of a shim's state, and how a checkpoint comes to be trusted.

use super::scene::{Pdp, Place, check};
use crate::server::{block_on, until};
use crate::util::{Workplace, ended};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use toolgate::audit::sign::SigningKey;
use toolgate::audit::verify::verify;
use toolgate::files::OsFiles;
use toolgate::shim::event::Transport;
use toolgate::shim::held::Checkpoints;
use toolgate::shim::spool::{Spool, SpoolConfig};
use toolgate::shim::state::State;
use toolgate::tlog::{KeyKind, VerifierKey};

/// Unsigned lines are enough: without a key nobody checks who signed.
const NOTE: &str = "log/a\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— log/a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

fn refused(dir: &Path) -> State {
    let state = State::open(Arc::new(OsFiles), dir, Transport::Stdio).unwrap();
    let (path, config) = (state.spool_path(), SpoolConfig::default());
    Spool::open(Arc::new(OsFiles), &path, config, false).unwrap();
    let mut held = Checkpoints::open(Arc::new(OsFiles), &state.dir, Vec::new()).unwrap();
    held.refuse("log/a", "it does not continue").unwrap();
    state
}

#[test]
fn a_refused_log_is_shown_and_an_operator_can_trust_it_again() {
    let place = Workplace::with(&[("note", NOTE)]);
    let running = refused(&place.path("state"));
    let status = ["shim", "status", "--state", "state"];
    let shown = place.run(&status).expect(3);
    assert!(
        shown.out.contains(", running: 0 events wait, 0 are lost"),
        "{shown:?}"
    );
    let refused = "  log `log/a`: REFUSED, held at 0 records: it does not continue";
    assert!(shown.out.contains(refused), "{shown:?}");

    let trust = |origin: &str, key: &[&str]| {
        let trust = ["shim", "trust", "--state", "state", "--checkpoint", "note"];
        let arguments = [&trust, ["--origin", origin].as_slice(), key].concat();
        place.run(&arguments)
    };
    let in_use = trust("log/a", &[]).expect(2);
    assert!(
        in_use.err.contains("is in use; stop the shim"),
        "{in_use:?}"
    );
    drop(running);
    let other = trust("log/b", &[]).expect(2);
    assert!(
        other.err.contains("its checkpoint is of `log/a`"),
        "{other:?}"
    );
    let key = VerifierKey::new("log/a", KeyKind::Log, [1; 32]).unwrap();
    let signed = trust("log/a", &["--audit-key", &key.to_string()]).expect(2);
    assert!(signed.err.contains("not signed with key"), "{signed:?}");
    trust("log/a", &[]).expect(0);
    let shown = place.run(&status).expect(0);
    assert!(
        shown.out.contains("  log `log/a`: held at 3 records"),
        "{shown:?}"
    );
    let json = place.run(&["--output", "json", "shim", "status", "--state", "state"]);
    let json = json.expect(0).json();
    assert_eq!(json[0]["logs"][0]["checkpoint"], NOTE);
    assert_eq!(json[0]["running"], false);
}

#[test]
fn where_nothing_was_kept_there_is_nothing_to_show() {
    let place = Workplace::new();
    let shown = place.run(&["shim", "status", "--state", "state"]).expect(2);
    assert!(
        shown.err.contains("no shim has kept anything in `state`"),
        "{shown:?}"
    );
}

/// Copies the files of a log, in place of what is there.
fn copy(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    let mut command = Command::new("cp");
    assert!(
        command
            .arg("-a")
            .args([from, to])
            .status()
            .unwrap()
            .success()
    );
}

/// The size at which the shim holds the log.
fn held_size(place: &Place) -> u64 {
    let slot = place.path("state/0");
    let held = Checkpoints::open(Arc::new(OsFiles), &slot, Vec::new());
    held.map_or(0, |held| held.all().map(|it| it.checkpoint.size).sum())
}

#[test]
fn a_log_that_was_put_back_to_an_older_copy_is_refused_until_somebody_trusts_it() {
    block_on(async {
        let mut pdp = Pdp::start("pdp/a").await;
        let place = Place::new();
        let key = SigningKey::read(&pdp.log().join("signing.key"), &OsFiles).unwrap();
        let key = key.verifier("pdp/a").unwrap().to_string();
        let options = ["--audit-key", key.as_str()];
        let socket = pdp.socket();
        let mut shim = place.shim_with(&[&socket], 20_000, &options).await;
        assert!(shim.call(1).await);
        place.drained().await;
        pdp.stop().await;
        let older = pdp.dir.path().join("older");
        copy(&pdp.log(), &older);
        pdp.restart().await;
        // The shim holds what the older copy does not have.
        let older_size = verify(&older).unwrap().records;
        let mut id = 1;
        until("a later checkpoint", async || {
            id += 1;
            assert!(shim.call(id).await);
            (held_size(&place) > older_size).then_some(())
        })
        .await;
        place.drained().await;
        pdp.stop().await;
        copy(&older, &pdp.log());
        pdp.restart().await;
        // Its log verifies: only who holds a later checkpoint can tell.
        verify(&pdp.log()).unwrap();
        let refused = until("a refusal", async || {
            id += 1;
            shim.denied(id).await
        });
        assert_eq!(refused.await, "audit_log_refused");
        assert_eq!(
            shim.denied(id + 1).await.as_deref(),
            Some("audit_log_refused")
        );
        shim.end().await;
        let said = std::fs::read_to_string(place.path("stderr.log")).unwrap();
        assert!(said.contains("the log is refused"), "{said}");

        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
            ended(command.args(arguments), &place.path("."), "")
        };
        let status = ["shim", "status", "--state", "state"];
        let shown = run(&status).expect(3);
        assert!(
            shown.out.contains("log `pdp/a`: REFUSED, held at"),
            "{shown:?}"
        );
        let checkpoint = pdp.log().join("checkpoint");
        let checkpoint = checkpoint.to_str().unwrap();
        let trust = ["shim", "trust", "--state", "state", "--origin", "pdp/a"];
        run(&[&trust[..], &["--checkpoint", checkpoint], &options].concat()).expect(0);
        run(&status).expect(0);
        let mut shim = place.shim_with(&[&socket], 20_000, &options).await;
        assert!(shim.call(id + 2).await);
        place.drained().await;
        shim.end().await;
        pdp.stop().await;
        verify(&pdp.log()).unwrap();
    });
}

#[test]
fn a_log_that_grows_and_restarts_is_followed() {
    block_on(async {
        let mut pdp = Pdp::start("pdp/a").await;
        let place = Place::new();
        let mut shim = place.shim(&[&pdp.socket()], 20_000).await;
        let (mut id, mut size) = (0, 0);
        for _ in 0..3 {
            until("a later checkpoint", async || {
                id += 1;
                assert!(shim.call(id).await);
                (held_size(&place) > size).then_some(())
            })
            .await;
            size = held_size(&place);
            place.drained().await;
            pdp.kill();
            pdp.restart().await;
        }
        shim.end().await;
        pdp.stop().await;
        verify(&pdp.log()).unwrap();
        check(&[pdp.records()], &place.called());
    });
}
