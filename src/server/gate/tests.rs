use super::*;

#[test]
fn a_deadline_is_read_as_grpc_writes_it() {
    for (text, expected) in [
        ("1H", Some(Duration::from_secs(3600))),
        ("2M", Some(Duration::from_secs(120))),
        ("3S", Some(Duration::from_secs(3))),
        ("4m", Some(Duration::from_millis(4))),
        ("5u", Some(Duration::from_micros(5))),
        ("99999999n", Some(Duration::from_nanos(99_999_999))),
        ("999999999n", None),
        ("S", None),
        ("", None),
        ("1", None),
        ("-1S", None),
        ("1x", None),
        ("1 S", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().unwrap());
        assert_eq!(grpc_timeout(&headers), expected, "`{text}`");
    }
    assert_eq!(grpc_timeout(&HeaderMap::new()), None);
}
