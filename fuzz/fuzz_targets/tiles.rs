//! A bundle that is read is written as it was; a path of a tile has one form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate::tlog::{TilePath, entries, push_entry};

fuzz_target!(|data: &[u8]| {
    if let Ok(entries) = entries(data) {
        let mut bundle = Vec::new();
        for entry in entries {
            assert!(push_entry(&mut bundle, entry));
        }
        assert_eq!(bundle, data);
    }
    let path = std::str::from_utf8(data).ok();
    if let Some((text, Ok(tile))) = path.map(|text| (text, text.parse::<TilePath>())) {
        assert_eq!(tile.to_string(), text);
        assert!((1..=256).contains(&tile.width));
    }
});
