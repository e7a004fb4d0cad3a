use super::*;

fn flight() -> Flight {
    Flight {
        kind: Kind::Plain,
        progress_token: Some(Id::Integer(7)),
        since: Instant::now(),
        modern: false,
    }
}

#[tokio::test]
async fn ids_given_up_are_refused_for_a_while() {
    let mut flights = Flights::default();
    for number in 0..=CANCELLED_IDS_MAX {
        let id = Id::Integer(i64::try_from(number).unwrap());
        flights.open(id.clone(), flight()).unwrap();
        assert_eq!(flights.admit(&id), Err(Why::IdInUse));
        assert!(flights.give_up(&id).is_some());
        assert!(flights.give_up(&id).is_none());
    }
    assert_eq!(
        flights.admit(&Id::Integer(0)),
        Ok(()),
        "the oldest is forgotten"
    );
    assert_eq!(flights.admit(&Id::Integer(1)), Err(Why::IdInUse));
    assert!(flights.is_empty());
}

#[tokio::test]
async fn an_answered_id_may_come_again() {
    let mut flights = Flights::default();
    for _ in 0..2 {
        flights.open(Id::Integer(1), flight()).unwrap();
        assert!(flights.expects_progress(&Id::Integer(7)));
        assert_eq!(flights.ids(), [Id::Integer(1)]);
        assert!(flights.close(&Id::Integer(1)).is_some());
        assert!(!flights.expects_progress(&Id::Integer(7)));
        assert!(flights.ids().is_empty());
    }
}

#[tokio::test]
async fn overdue_is_what_was_forwarded_so_long_ago() {
    let mut flights = Flights::default();
    flights.open(Id::Integer(1), flight()).unwrap();
    let after = Duration::from_secs(60);
    let now = Instant::now();
    assert!(flights.overdue(now, after).is_empty());
    assert_eq!(flights.overdue(now + after, after), [Id::Integer(1)]);
}
