use super::*;

/// Too many open files.
fn emfile() -> io::Error {
    io::Error::from_raw_os_error(24)
}

#[test]
fn failures_are_waited_out_and_said_once_in_a_while() {
    let mut failures = Failures::default();
    let start = Instant::now();
    let waits: Vec<_> = (0..12)
        .map(|_| failures.another(&emfile(), start))
        .collect();
    let millis: Vec<_> = waits.iter().map(Duration::as_millis).collect();
    assert_eq!(
        millis,
        [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000]
    );
    assert_eq!((failures.unsaid, failures.last_said), (11, Some(start)));
    let later = start + LOG_INTERVAL;
    failures.another(&emfile(), later);
    assert_eq!((failures.unsaid, failures.last_said), (0, Some(later)));
    failures.none();
    assert_eq!(failures.another(&emfile(), later), BACKOFF_FIRST);
}

#[test]
fn a_client_that_went_away_holds_nobody_up() {
    let mut failures = Failures::default();
    let gone = io::ErrorKind::ConnectionAborted.into();
    assert_eq!(failures.another(&gone, Instant::now()), Duration::ZERO);
    assert_eq!((failures.in_a_row, failures.unsaid), (0, 0));
}
