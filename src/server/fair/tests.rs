use super::*;

fn limit(max: usize) -> Arc<FairLimit> {
    let callers = ["a", "b", "c"].map(str::to_owned);
    FairLimit::new(max, Limited::Decisions, callers)
}

/// As many permits as this caller gets.
fn flood(limit: &Arc<FairLimit>, caller: Option<&str>) -> Vec<FairPermit> {
    let caller = caller.map(Arc::from);
    std::iter::from_fn(|| limit.admit(caller.as_ref(), 1).ok()).collect()
}

#[test]
fn whoever_floods_leaves_room_for_the_next() {
    for (max, expected) in [
        (1, [1, 0, 0, 0]),
        (2, [1, 1, 0, 0]),
        (16, [8, 4, 2, 1]),
        (100, [50, 25, 13, 6]),
    ] {
        let limit = limit(max);
        let floods = [Some("a"), Some("b"), Some("c"), None];
        let held = floods.map(|caller| flood(&limit, caller));
        assert_eq!(held.each_ref().map(Vec::len), expected, "of {max}");
        assert!(limit.under_way() <= max);
        drop(held);
        assert_eq!(limit.under_way(), 0);
        assert_eq!(limit.unknown.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn who_is_not_known_has_one_share_with_all_others() {
    let limit = limit(8);
    let held = flood(&limit, None);
    assert_eq!(held.len(), 4);
    // A name that no entry has is nobody's.
    let refused = limit.admit(Some(&Arc::from("stranger")), 1).unwrap_err();
    assert_eq!(
        refused,
        Overload::Caller {
            what: Limited::Decisions,
            limit: 8
        }
    );
    assert!(limit.admit(Some(&Arc::from("a")), 4).is_ok());
}

#[test]
fn a_batch_counts_each_call_and_half_of_all_at_most() {
    let limit = limit(8);
    let caller = Arc::from("a");
    let batch = limit.admit(Some(&caller), 100).unwrap();
    assert_eq!(limit.under_way(), 4);
    let other = Arc::from("b");
    let refused = limit.admit(Some(&other), 5).unwrap();
    assert_eq!(limit.under_way(), 8);
    let all = limit.admit(None, 1).unwrap_err();
    assert_eq!(
        all,
        Overload::All {
            what: Limited::Decisions,
            limit: 8
        }
    );
    drop((batch, refused));
    let empty = limit.admit(Some(&caller), 0).unwrap();
    assert_eq!(limit.under_way(), 1);
    drop(empty);
}

#[test]
fn many_threads_never_take_more_than_there_is() {
    let limit = limit(16);
    let most = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for caller in ["a", "a", "b", "c"] {
            let (limit, most, caller) = (&limit, &most, Arc::from(caller));
            scope.spawn(move || {
                for _ in 0..10_000 {
                    if let Ok(permit) = limit.admit(Some(&caller), 3) {
                        most.fetch_max(limit.under_way(), Ordering::Relaxed);
                        drop(permit);
                    }
                }
            });
        }
    });
    assert!((3..=16).contains(&most.into_inner()));
    assert_eq!(limit.under_way(), 0);
}

#[tokio::test]
async fn who_waits_hears_of_room() {
    let limit = limit(1);
    let held = limit.admit(None, 1).unwrap();
    let waiting = (0..8).map(|_| {
        let limit = Arc::clone(&limit);
        tokio::spawn(async move { drop(limit.wait(Some(&Arc::from("a"))).await) })
    });
    let waiting: Vec<_> = waiting.collect();
    tokio::task::yield_now().await;
    assert!(waiting.iter().all(|one| !one.is_finished()));
    drop(held);
    for one in waiting {
        one.await.unwrap();
    }
    assert_eq!(limit.under_way(), 0);
}
