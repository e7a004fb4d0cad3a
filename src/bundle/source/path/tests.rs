use super::*;
use proptest::prelude::*;

#[test]
fn a_path_is_normalized_or_refused() {
    for (raw, expected) in [
        ("a/b.rego", "a/b.rego"),
        ("/a/b.rego", "a/b.rego"),
        ("././a//b.rego", "a/b.rego"),
        ("..data/x", "..data/x"),
        ("ä/b.rego", "ä/b.rego"),
        ("", ""),
    ] {
        assert_eq!(
            normalize(raw.as_bytes(), &Limits::DEFAULT).unwrap(),
            expected
        );
    }
    let long = "x".repeat(PATH_BYTES_MAX + 1);
    let error = normalize(long.as_bytes(), &Limits::DEFAULT).unwrap_err();
    let shown = "x".repeat(200);
    assert_eq!(
        error.to_string(),
        format!("`{shown}` has more than 1024 bytes in its path: rename the file")
    );
}

proptest! {
    #[test]
    fn a_normalized_path_stays_as_it_is(raw in ".{0,60}") {
        if let Ok(path) = normalize(raw.as_bytes(), &Limits::DEFAULT) {
            prop_assert_eq!(normalize(path.as_bytes(), &Limits::DEFAULT).unwrap(), path);
        }
    }
}
