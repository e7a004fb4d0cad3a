use super::*;

#[test]
fn keeps_so_many_of_a_kind_and_counts_the_rest() {
    let sampler = Sampler::new();
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let ask = |kind: &'static str, milliseconds| {
        sampler.admits(kind, 2, at(milliseconds), || {
            format!("{kind} at {milliseconds}")
        })
    };
    let left = |kind: &str, lines| Left {
        kind: kind.to_owned(),
        lines,
    };
    // What comes within an interval.
    for (milliseconds, expected) in [(0, true), (1, true), (2, false), (9_999, false)] {
        assert_eq!(ask("flood", milliseconds), expected, "{milliseconds}");
    }
    assert!(ask("other", 3), "another kind is another matter");
    assert_eq!(sampler.left_out(at(9_999)), []);
    // Its interval goes on until what was left out is said.
    assert!(!ask("flood", 10_500));
    assert_eq!(sampler.left_out(at(10_500)), [left("flood at 0", 3)]);
    assert_eq!(sampler.left_out(at(10_600)), []);
    // And a new one begins.
    assert!(ask("flood", 11_000) && ask("flood", 11_001) && !ask("flood", 11_002));
    assert_eq!(sampler.left_out(at(21_000)), [left("flood at 11000", 1)]);
}

#[test]
fn who_is_slow_is_never_left_out() {
    let sampler = Sampler::new();
    let start = Instant::now();
    for seconds in 0..100 {
        let now = start + Duration::from_secs(seconds * 5);
        assert!(sampler.admits("slow", 2, now, String::new), "{seconds}");
    }
    let later = start + Duration::from_secs(1000);
    assert_eq!(sampler.left_out(later), []);
}
