use super::{TileKind, TilePath, partial_tiles};
use proptest::prelude::*;

fn kind() -> impl Strategy<Value = TileKind> {
    prop_oneof![
        Just(TileKind::Entries),
        (0_u8..=63).prop_map(|level| TileKind::Hashes { level })
    ]
}

#[test]
fn paths_are_those_of_the_specification() {
    let cases = [
        (
            TileKind::Hashes { level: 0 },
            1_234_067,
            256,
            "tile/0/x001/x234/067",
        ),
        (TileKind::Hashes { level: 63 }, 0, 1, "tile/63/000.p/1"),
        (TileKind::Entries, 999, 255, "tile/entries/999.p/255"),
        (TileKind::Entries, 1000, 256, "tile/entries/x001/000"),
    ];
    for (kind, index, width, text) in cases {
        let tile = TilePath { kind, index, width };
        assert_eq!(tile.to_string(), text);
        assert_eq!(text.parse(), Ok(tile));
    }
}

#[test]
fn other_forms_are_other_paths() {
    let wrong = [
        "",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/1000",
        "tile/data/000",
        "tile/0/../000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/+01",
    ];
    for text in wrong {
        assert!(text.parse::<TilePath>().is_err(), "{text}");
    }
}

#[test]
fn the_right_edge_is_that_of_the_specifications_example() {
    let edge = |size| -> Vec<String> {
        partial_tiles(size)
            .iter()
            .map(TilePath::to_string)
            .collect()
    };
    assert_eq!(
        edge(70_000),
        [
            "tile/entries/273.p/112",
            "tile/0/273.p/112",
            "tile/1/001.p/17",
            "tile/2/000.p/1"
        ]
    );
    assert_eq!(edge(256), ["tile/1/000.p/1"]);
    assert!(edge(0).is_empty());
}

proptest! {
    #[test]
    fn a_path_is_read_as_it_was_written(kind in kind(), index in any::<u64>(), width in 1_u64..=256) {
        let tile = TilePath { kind, index, width };
        prop_assert_eq!(tile.to_string().parse(), Ok(tile));
    }

    #[test]
    fn no_text_panics(text in "tile/(\\PC|[0-9xp./]){0,40}") {
        let _ = text.parse::<TilePath>();
    }
}
