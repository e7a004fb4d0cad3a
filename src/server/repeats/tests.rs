use super::*;
use crate::model::subject::Token;

const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000);
const KEPT: Duration = Duration::from_secs(30);

fn request(id: &str, params: &str) -> v1::DecideRequest {
    let context = (0..16).map(|number| (format!("key{number}"), "value".to_owned()));
    v1::DecideRequest {
        request_id: id.to_owned(),
        params_json: params.into(),
        context: context.collect(),
        ..v1::DecideRequest::default()
    }
}

#[test]
fn the_same_request_of_the_same_caller_has_one_answer() {
    let repeats = Repeats::default();
    let ask = |caller, id, params, now| {
        repeats.answer((caller, &Peer::UnixUid(1)), &request(id, params), KEPT, now)
    };
    let first = ask("a", "1", "{}", NOW).unwrap();
    let again = ask("a", "1", "{}", NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(ask("a", "1", "[]", NOW).unwrap_err(), OtherRequest);
    let mut in_other_words = request("1", "{}");
    in_other_words.context.remove("key7");
    let refused = repeats.answer(("a", &Peer::UnixUid(1)), &in_other_words, KEPT, NOW);
    assert_eq!(refused.unwrap_err(), OtherRequest);
    let others = ask("b", "1", "[]", NOW).unwrap();
    assert!(!Arc::ptr_eq(&first, &others));
    // One entry may be for several, and one subject may have several tokens.
    let of_pattern = |caller, token: &str| {
        let peer = Peer::Token(Token::new(token));
        repeats.answer((caller, &peer), &request("1", "{}"), KEPT, NOW)
    };
    let one = of_pattern("agents@a", "t1").unwrap();
    let other = of_pattern("agents@b", "t2").unwrap();
    assert!(!Arc::ptr_eq(&one, &other));
    assert!(Arc::ptr_eq(&one, &of_pattern("agents@a", "t1").unwrap()));
    assert_eq!(of_pattern("agents@a", "t3").unwrap_err(), OtherRequest);
    // A verdict that is not used by then must be asked again.
    let late = ask("a", "1", "[]", NOW.plus(KEPT)).unwrap();
    assert!(!Arc::ptr_eq(&first, &late));
}

#[test]
fn what_is_kept_is_bounded_by_caller() {
    let repeats = Repeats::default();
    let first = repeats
        .answer(("quiet", &Peer::UnixUid(1)), &request("1", "{}"), KEPT, NOW)
        .unwrap();
    for number in 0..REPEATS_PER_CALLER_MAX + 10 {
        let request = request(&number.to_string(), "{}");
        repeats
            .answer(("a", &Peer::UnixUid(1)), &request, KEPT, NOW)
            .unwrap();
    }
    let large = "x".repeat(1 << 20);
    for number in 0..20 {
        let request = request(&number.to_string(), &large);
        repeats
            .answer(("b", &Peer::UnixUid(1)), &request, KEPT, NOW)
            .unwrap();
    }
    let kept = |caller: &str| {
        let callers = repeats.0.lock().unwrap();
        let own = &callers[caller];
        assert_eq!(own.by_id.len(), own.oldest_first.len());
        (own.by_id.len(), own.bytes)
    };
    assert_eq!(kept("a").0, REPEATS_PER_CALLER_MAX);
    assert!(kept("b").1 <= REPEAT_BYTES_PER_CALLER_MAX + large.len() + 1024);
    let again = repeats
        .answer(("quiet", &Peer::UnixUid(1)), &request("1", "{}"), KEPT, NOW)
        .unwrap();
    assert!(Arc::ptr_eq(&first, &again));
}
