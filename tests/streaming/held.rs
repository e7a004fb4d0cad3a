//! What an operator sees of a shim's state, and how a checkpoint comes to be trusted.

use crate::util::Workplace;
use std::path::Path;
use std::sync::Arc;
use toolgate::files::OsFiles;
use toolgate::shim::held::Checkpoints;
use toolgate::shim::spool::{Spool, SpoolConfig};
use toolgate::shim::state::State;
use toolgate::tlog::{KeyKind, VerifierKey};

/// Unsigned lines are enough: without a key nobody checks who signed.
const NOTE: &str = "log/a\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— log/a AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

fn refused(dir: &Path) -> State {
    let state = State::open(Arc::new(OsFiles), dir).unwrap();
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
