use super::{BundleError, ENTRY_BYTES_MAX, entries, push_entry};
use proptest::prelude::*;

#[test]
fn an_entry_that_has_no_end_is_named() {
    let mut bundle = Vec::new();
    assert!(push_entry(&mut bundle, b"one") && push_entry(&mut bundle, b""));
    assert_eq!(bundle, b"\0\x03one\0\0");
    assert_eq!(entries(&bundle), Ok(vec![&b"one"[..], b""]));
    for cut in [1, 2, 4, 6] {
        let entry = usize::from(cut > 5);
        assert_eq!(entries(&bundle[..cut]), Err(BundleError { entry }), "{cut}");
    }
}

#[test]
fn what_is_too_long_changes_nothing() {
    let mut bundle = Vec::new();
    assert!(!push_entry(&mut bundle, &[0; ENTRY_BYTES_MAX + 1]));
    assert!(bundle.is_empty());
    assert!(push_entry(&mut bundle, &[0; ENTRY_BYTES_MAX]));
}

proptest! {
    #[test]
    fn entries_are_read_as_they_were_written(
        all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)
    ) {
        let mut bundle = Vec::new();
        for entry in &all {
            prop_assert!(push_entry(&mut bundle, entry));
        }
        prop_assert_eq!(entries(&bundle), Ok(all.iter().map(Vec::as_slice).collect()));
    }
}
