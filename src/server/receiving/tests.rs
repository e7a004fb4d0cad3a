use super::*;

#[test]
fn a_caller_has_half_and_strangers_have_little() {
    let max = 8 * STRANGERS_BYTES_MAX;
    let receiving = Receiving::new(max, ["a", "b"].map(str::to_owned));
    let caller = |name: &str| Some(Arc::from(name));
    let mut loud = receiving.begin(caller("a"));
    loud.hold(max / 2).unwrap();
    let refused = loud.hold(max / 2 + 1).unwrap_err();
    let (what, limit) = (Limited::RequestBytes, max);
    assert_eq!(refused, Overload::Caller { what, limit });
    assert_eq!(loud.bytes(), max / 2);
    let mut other = receiving.begin(caller("b"));
    other.hold(max / 4).unwrap();
    // A name that no entry has is nobody's.
    let mut strangers = [None, caller("c")].map(|it| receiving.begin(it));
    strangers[0].hold(STRANGERS_BYTES_MAX / 2).unwrap();
    strangers[1].hold(1).unwrap();
    let refused = strangers[1].hold(STRANGERS_BYTES_MAX / 2 + 1).unwrap_err();
    let limit = STRANGERS_BYTES_MAX;
    assert_eq!(refused, Overload::Caller { what, limit });
    assert_eq!(
        receiving.bytes(),
        max / 2 + max / 4 + STRANGERS_BYTES_MAX / 2 + 1
    );
    drop((other, strangers));
    loud.hold(10).unwrap();
    assert_eq!(receiving.bytes(), 10);
    drop(loud);
    assert_eq!(receiving.bytes(), 0);
    assert_eq!(receiving.of_strangers.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_not_complete_is_counted_however_it_is_cut() {
    let message = |length: u8| [&[0, 0, 0, 0, length][..], &vec![7; length.into()]].concat();
    let body = [message(3), message(0), message(200), message(1)].concat();
    let ends = [8, 13, 218, 224];
    for cut in [1, 2, 4, 5, 7, 64, 224] {
        let mut messages = Messages::default();
        let mut came = 0;
        for part in body.chunks(cut) {
            messages.follow(part);
            came += part.len();
            let complete = ends.iter().copied().filter(|end| *end <= came).max();
            let expected = came - complete.unwrap_or_default();
            assert_eq!(messages.partial_bytes(), expected, "{came} by {cut}");
        }
    }
}
