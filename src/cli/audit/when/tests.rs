use super::*;

#[test]
fn times_are_read_as_people_say_them() {
    let at = |text: &str| Timestamp::parse_rfc3339(text).unwrap();
    let now = at("2026-11-21T10:20:30Z");
    for (text, expected) in [
        ("now", Some("2026-11-21T10:20:30Z")),
        ("today", Some("2026-11-21T00:00:00Z")),
        ("yesterday", Some("2026-11-20T00:00:00Z")),
        ("30s", Some("2026-11-21T10:20:00Z")),
        ("20m", Some("2026-11-21T10:00:30Z")),
        ("24h", Some("2026-11-20T10:20:30Z")),
        ("2d", Some("2026-11-19T10:20:30Z")),
        ("1w", Some("2026-11-14T10:20:30Z")),
        ("2026-11-19", Some("2026-11-19T00:00:00Z")),
        ("2026-11-19T08:00:00+02:00", Some("2026-11-19T06:00:00Z")),
        ("", None),
        ("h", None),
        ("-1h", None),
        ("1.5h", None),
        ("24", None),
        ("3 days", None),
        ("tomorrow", None),
        ("2026-13-01", None),
        ("99999999999999w", None),
    ] {
        assert_eq!(read(text, now), expected.map(at), "{text}");
    }
    let told = "tomorrow".parse::<When>().unwrap_err().to_string();
    assert!(
        told.starts_with("`tomorrow` is no time: write `24h`"),
        "{told}"
    );
}
