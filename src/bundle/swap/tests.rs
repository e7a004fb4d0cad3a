use super::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

const DEADLINE: Duration = Duration::from_secs(20);

fn revision(version: u64) -> Revision {
    Revision {
        version,
        revision: format!("r{version}"),
        digest: format!("sha256:{version}"),
    }
}

fn compiled<T>(set: T, version: u64) -> Compiled<T> {
    Compiled {
        recompiled: true,
        set,
        revision: revision(version),
        packages: Vec::new(),
        warnings: vec![format!("w{version}")],
        findings: Vec::new(),
        changes: Vec::new(),
    }
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}

fn refusal(reason: &str) -> Refusal {
    Refusal {
        stage: Stage::Verify,
        reason: reason.to_owned(),
        findings: Vec::new(),
        digest: None,
        since: at(5),
    }
}

#[test]
fn the_status_follows_what_happens() {
    let store = PolicyStore::new().unwrap();
    let mut changes = store.subscribe();
    assert_eq!(store.status(), Status::default());
    assert!(store.current().is_none());
    assert_eq!(store.next_version(), 1);
    assert_eq!(store.status().stale_for(at(9)), None);

    store.refuse(refusal("first"));
    assert_eq!(store.status().refused, Some(refusal("first")));
    assert!(store.status().active.is_none());

    store.publish(compiled("set", 1), at(10));
    assert_eq!(store.current().as_deref(), Some(&"set"));
    assert_eq!(store.with(|set| set.copied()), Some("set"));
    assert_eq!(store.next_version(), 2);
    let active = Active {
        revision: revision(1),
        since: at(10),
        warnings: vec!["w1".into()],
        findings: Vec::new(),
    };
    let mut expected = Status {
        active: Some(active),
        refused: None,
        confirmed: Some(at(10)),
        ..Status::default()
    };
    assert_eq!(store.status(), expected);

    store.refuse(refusal("second"));
    expected.refused = Some(refusal("second"));
    assert_eq!(store.status(), expected);
    assert_eq!(
        store.status().stale_for(at(30)),
        Some(Duration::from_nanos(20))
    );
    assert_eq!(store.status().stale_for(at(3)), Some(Duration::ZERO));

    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    store.confirm(at(40));
    assert!(changes.has_changed().unwrap(), "a refusal was withdrawn");
    changes.mark_unchanged();
    store.confirm(at(50));
    assert!(!changes.has_changed().unwrap(), "nothing but a time");
    expected.refused = None;
    expected.confirmed = Some(at(50));
    assert_eq!(store.status(), expected);
}

/// Says on which thread it was dropped.
struct Tattle(u64, mpsc::Sender<(u64, Option<String>)>);

impl Drop for Tattle {
    fn drop(&mut self) {
        let thread = thread::current().name().map(str::to_owned);
        let _ = self.1.send((self.0, thread));
    }
}

#[test]
fn a_replaced_set_is_dropped_by_the_janitor_once_it_is_read_no_more() {
    let (tell, told) = mpsc::channel();
    let store = PolicyStore::new().unwrap();
    store.publish(compiled(Tattle(1, tell.clone()), 1), at(1));
    let reader = store.current().unwrap();
    store.publish(compiled(Tattle(2, tell.clone()), 2), at(2));
    store.publish(compiled(Tattle(3, tell), 3), at(3));
    let janitor = Some("policy-janitor".to_owned());
    // The second goes although the first, which came before it, is still read.
    assert_eq!(told.recv_timeout(DEADLINE), Ok((2, janitor.clone())));
    assert_eq!(reader.0, 1);
    drop(reader);
    assert_eq!(told.recv_timeout(DEADLINE), Ok((1, janitor)));
}

#[test]
fn sets_that_are_read_forever_do_not_stop_publishing() {
    let (tell, told) = mpsc::channel();
    let store = PolicyStore::new().unwrap();
    let mut readers = Vec::new();
    for version in 1..=50 {
        store.publish(compiled(Tattle(version, tell.clone()), version), at(0));
        readers.extend(store.current());
    }
    assert_eq!(store.status().active.unwrap().revision.version, 50);
    assert!(told.try_recv().is_err());
    drop(readers);
    let mut dropped: Vec<u64> = (1..50)
        .map(|_| told.recv_timeout(DEADLINE).unwrap().0)
        .collect();
    dropped.sort_unstable();
    assert_eq!(dropped, (1..50).collect::<Vec<_>>());
}

/// A set of two parts that belong together.
struct Pair(u64, Box<u64>);

#[test]
fn readers_see_whole_sets_in_order_through_a_thousand_publishes() {
    const PUBLISHES: u64 = 1000;
    let store = PolicyStore::new().unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    store.publish(compiled(Pair(1, Box::new(1)), 1), at(0));
    thread::scope(|scope| {
        for kept in [true, false] {
            let (store, done, reads) = (&store, &done, &reads);
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::Acquire) || last < PUBLISHES {
                    let (a, b) = match kept {
                        true => store.current().map(|set| (set.0, *set.1)).unwrap(),
                        false => store.with(|set| set.map(|set| (set.0, *set.1))).unwrap(),
                    };
                    assert_eq!(a, b, "half a set");
                    assert!(a >= last, "an older set after a newer one");
                    last = a;
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for version in 2..=PUBLISHES {
            store.publish(compiled(Pair(version, Box::new(version)), version), at(0));
        }
        done.store(true, Ordering::Release);
    });
    assert!(reads.load(Ordering::Relaxed) >= 2);
    assert_eq!(store.status().active.unwrap().revision, revision(PUBLISHES));
}
