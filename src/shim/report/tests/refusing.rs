//! A log is held to the checkpoint that the shim has of it.

use super::*;

fn open_with(dir: &Path, tree: &Tree) -> Reporter {
    let keys = vec![tree.verifier()];
    Reporter::open(dir, ReportConfig { keys, ..config() }, clock()).unwrap()
}

/// A shim that holds a checkpoint over six events of this log.
async fn holding(dir: &Path, log: &Arc<Log>) -> Reporter {
    let reporter = open_with(dir, &log.tree());
    for _ in 0..2 {
        record(&reporter, 3);
        drain(&reporter, Arc::clone(log) as _).await;
        reporter.book().a_while_later();
    }
    assert_eq!(log.places().len(), 6);
    assert!(!reporter.refuses("a") && !reporter.refuses_now());
    reporter
}

/// What may have happened to a log, and what the shim says of it.
type Case = (&'static str, fn(&mut Tree), &'static str);

const CASES: [Case; 4] = [
    ("cut short", |tree| tree.leaves.truncate(2), "it has "),
    (
        "rewritten",
        |tree| tree.leaves[1] = "other".to_owned(),
        "leads to another root",
    ),
    (
        "a record dropped",
        |tree| drop(tree.leaves.remove(3)),
        "leads to another root",
    ),
    (
        "replaced by one as long",
        |tree| *tree = Tree::new("a", 6),
        "leads to another root",
    ),
];

#[tokio::test]
async fn a_log_that_is_not_the_one_it_was_acknowledges_nothing() {
    for (name, change, expected) in CASES {
        let dir = tempfile::tempdir().unwrap();
        let log = log("a", Wrong::default());
        let reporter = holding(dir.path(), &log).await;
        let good = log.tree().clone();
        change(&mut log.tree());
        record(&reporter, 2);
        let refused = reporter.hand_over(log.as_ref()).await.unwrap_err();
        let PdpError::LogRefused { why, .. } = &refused else {
            panic!("{name}: {refused}");
        };
        assert!(why.contains(expected), "{name}: {why}");
        assert!(reporter.refuses("a") && reporter.refuses_now(), "{name}");
        assert!(!reporter.refuses("b"), "{name}");
        assert_eq!(reporter.waiting(), 2, "{name}");
        // Not even when it is as it was, nor after a restart.
        *log.tree() = good.clone();
        reporter.hand_over(log.as_ref()).await.unwrap_err();
        drop(reporter);
        let reporter = open_with(dir.path(), &good);
        assert!(reporter.refuses("a"), "{name}");
        reporter.hand_over(log.as_ref()).await.unwrap_err();
        assert_eq!(reporter.waiting(), 2, "{name}");
        // Until somebody says which checkpoint to trust.
        let slot = dir.path().join("0");
        drop(reporter);
        let mut held = Checkpoints::open(Arc::new(OsFiles), &slot, vec![good.verifier()]).unwrap();
        held.trust("a", &good.note()).unwrap();
        let reporter = open_with(dir.path(), &good);
        drain(&reporter, Arc::clone(&log) as _).await;
        assert!(!reporter.refuses_now(), "{name}");
    }
}

#[tokio::test]
async fn a_log_that_grew_is_asked_for_proofs_now_and_then() {
    let dir = tempfile::tempdir().unwrap();
    let log = log("a", Wrong::default());
    let reporter = holding(dir.path(), &log).await;
    let before = *log.proofs.lock().unwrap();
    for _ in 0..10 {
        record(&reporter, 1);
        drain(&reporter, Arc::clone(&log) as _).await;
    }
    assert_eq!(*log.proofs.lock().unwrap() - before, 1);
}

/// What was acknowledged between two proofs is held to as well.
#[tokio::test]
async fn a_log_that_takes_back_what_it_did_not_prove_yet_is_refused() {
    type Change = fn(&mut Tree);
    let other = "leads to another root";
    let cases: [(Change, usize, &str); 4] = [
        (
            |tree| tree.leaves.truncate(8),
            1,
            "it has 9 records and had 10",
        ),
        (|tree| tree.leaves.truncate(8), 2, "its first 10 records"),
        (|tree| tree.leaves.truncate(8), 4, other),
        (|tree| tree.leaves[9] = "other".to_owned(), 4, other),
    ];
    for (number, (change, events, expected)) in cases.into_iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let log = log("a", Wrong::default());
        let reporter = holding(dir.path(), &log).await;
        // The first report has a proof, the next one comes too early for another.
        for _ in 0..2 {
            record(&reporter, 2);
            drain(&reporter, Arc::clone(&log) as _).await;
        }
        assert_eq!(log.tree().leaves.len(), 10);
        change(&mut log.tree());
        reporter.book().a_while_later();
        record(&reporter, events);
        let refused = reporter.hand_over(log.as_ref()).await.unwrap_err();
        let PdpError::LogRefused { why, .. } = &refused else {
            panic!("{number}: {refused}");
        };
        assert!(why.contains(expected), "{number}: {why}");
        assert!(reporter.refuses("a"), "{number}");
    }
}

#[tokio::test]
async fn a_log_that_signs_no_more_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = log("a", Wrong::default());
    let reporter = holding(dir.path(), &log).await;
    record(&reporter, 1);
    log.wrong.lock().unwrap().unsigned = true;
    let refused = reporter.hand_over(log.as_ref()).await.unwrap_err();
    assert!(
        refused.to_string().contains("gave no checkpoint"),
        "{refused}"
    );
    assert!(!reporter.refuses("a"));
    assert_eq!(reporter.waiting(), 1);
    log.wrong.lock().unwrap().unsigned = false;
    drain(&reporter, Arc::clone(&log) as _).await;
}

#[tokio::test]
async fn the_other_log_takes_the_events_of_a_refused_one() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (log("a", Wrong::default()), log("b", Wrong::default()));
    let pdps: Arc<dyn Pdp> = Arc::new(Failover::new(
        Arc::clone(&a) as _,
        vec![Arc::clone(&b) as _],
    ));
    let reporter = open(dir.path());
    record(&reporter, 2);
    drain(&reporter, Arc::clone(&pdps)).await;
    reporter.book().a_while_later();
    a.tree().leaves[0] = "other".to_owned();
    record(&reporter, 2);
    drain(&reporter, pdps).await;
    assert!(reporter.refuses("a") && !reporter.refuses("b"));
    assert!(!reporter.refuses_now());
    assert_eq!(b.ids().len(), 2);
}

#[tokio::test]
async fn who_signs_with_another_key_is_refused_for_as_long_as_that() {
    let dir = tempfile::tempdir().unwrap();
    let log = log("a", Wrong::default());
    let reporter = holding(dir.path(), &log).await;
    log.tree().seed = 2;
    record(&reporter, 1);
    for _ in 0..2 {
        let refused = reporter.hand_over(log.as_ref()).await.unwrap_err();
        assert!(
            refused.to_string().contains("not signed with key"),
            "{refused}"
        );
        assert!(reporter.refuses_now());
        assert_eq!(reporter.waiting(), 1);
    }
    log.tree().seed = 1;
    drain(&reporter, Arc::clone(&log) as _).await;
    assert!(!reporter.refuses_now());
}
