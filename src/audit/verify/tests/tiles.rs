//! The tiles beside a log: each that exists is compared, and each that is needed exists.

use super::stored::{Stored, made};
use super::*;
use crate::tlog::{HASH_BYTES, TileKind, TilePath, entries, partial_tiles};

fn tiles(log: &Stored) -> Vec<TilePath> {
    log.files
        .keys()
        .filter_map(|path| path.parse().ok())
        .collect()
}

/// The seq of the first record under a byte of a tile.
fn seq_at(log: &Stored, tile: &TilePath, at: usize) -> u64 {
    let content = &log.files[&tile.to_string()];
    let (place, leaves) = match tile.kind {
        TileKind::Hashes { level } => (at / HASH_BYTES, 256_u64.pow(level.into())),
        TileKind::Entries => {
            let mut end = 0;
            let ends = entries(content).unwrap().into_iter().map(|entry| {
                end += entry.len() + 2;
                end
            });
            (ends.filter(|end| *end <= at).count(), 1)
        }
    };
    (tile.index * 256 + place as u64) * leaves
}

/// The log with partial tiles of when it was shorter, which nobody has taken away.
fn with_older(log: &Stored) -> Stored {
    let mut log = log.clone();
    for (path, width) in [("000", 100), ("000", 255), ("001", 1)] {
        let hashes = log.files[&format!("tile/0/{path}")][..width * HASH_BYTES].to_vec();
        log.files.insert(format!("tile/0/{path}.p/{width}"), hashes);
    }
    let bundle = &log.files["tile/entries/001"];
    let bytes: usize = entries(bundle)
        .unwrap()
        .iter()
        .take(30)
        .map(|entry| entry.len() + 2)
        .sum();
    let start = bundle[..bytes].to_vec();
    log.files.insert("tile/entries/001.p/30".to_owned(), start);
    log
}

#[test]
fn each_tile_that_exists_is_compared_from_its_first_byte_to_its_last() {
    let made = made();
    let whole = with_older(&made.log);
    let all = tiles(&whole);
    let checked = whole.check(&made.expected()).unwrap();
    assert_eq!((checked.tiles, all.len()), (11, 11));
    for tile in all {
        let path = tile.to_string();
        let length = whole.files[&path].len();
        for at in (0..length).step_by(2_003).chain([31, length - 1]) {
            let mut log = whole.clone();
            log.files.get_mut(&path).unwrap()[at] ^= 1;
            let fault = log.check(&made.expected()).unwrap_err();
            assert!(matches!(fault.what, Wrong::Tile), "{path} {at}: {fault}");
            let place = (path.clone(), 0, seq_at(&whole, &tile, at));
            assert_eq!((fault.file, fault.line, fault.seq), place, "byte {at}");
        }
        for change in [
            |content: &mut Vec<u8>| content.push(0),
            |content: &mut Vec<u8>| content.truncate(content.len() - 1),
            |content: &mut Vec<u8>| content.clear(),
        ] {
            let mut log = whole.clone();
            change(log.files.get_mut(&path).unwrap());
            let fault = log.check(&made.expected()).unwrap_err();
            assert!(matches!(fault.what, Wrong::Tile), "{path}: {fault}");
            assert_eq!(fault.file, path);
        }
    }
}

#[test]
fn tiles_that_the_checkpoint_needs_have_to_exist_and_no_others() {
    let made = made();
    let size = made.log.check(&made.expected()).unwrap().signed.covered;
    let needed = partial_tiles(size);
    let mut missing = 0;
    let whole = with_older(&made.log);
    for tile in tiles(&whole) {
        let mut log = whole.clone();
        log.files.remove(&tile.to_string());
        let found = log.check(&made.expected());
        if !tile.is_full() && !needed.contains(&tile) {
            found.unwrap();
            continue;
        }
        let fault = found.unwrap_err();
        let is_missing = matches!(fault.what, Wrong::TileMissing { size: of } if of == size);
        assert!(is_missing, "{tile}: {fault}");
        assert_eq!(fault.file, tile.to_string());
        missing += 1;
    }
    // Leaves and entries: two full ones and a partial one each; one partial one above.
    assert_eq!(missing, 7);
}

#[test]
fn tiles_over_records_that_are_not_there_are_found() {
    let made = made();
    let cases = [
        ("tile/0/003", true),
        ("tile/0/002", true),
        ("tile/0/002.p/89", true),
        ("tile/0/002.p/87", false),
        ("tile/entries/002.p/89", true),
        ("tile/entries/003.p/1", true),
        ("tile/1/000", true),
        ("tile/1/000.p/3", true),
        ("tile/2/000.p/1", true),
        ("tile/63/000", true),
        ("tile/0/x001/000", true),
        ("tile/0/x999/x999/x999/x999/x999/999", true),
        // No tiles.
        ("tile/0/3", false),
        ("tile/0/000.p/256", false),
        ("tile/zero/003", false),
        ("tile/0/note.txt", false),
        ("other/0/003", false),
    ];
    for (path, is_found) in cases {
        let mut log = made.log.clone();
        let is_tile = path.parse::<TilePath>().is_ok();
        let content = match is_found || !is_tile {
            true => b"anything".to_vec(),
            false => log.files["tile/0/002.p/88"][..87 * HASH_BYTES].to_vec(),
        };
        log.files.insert(path.to_owned(), content);
        match (is_found, log.check(&made.expected())) {
            (true, Err(fault)) => {
                assert!(matches!(fault.what, Wrong::TileBeyond), "{fault}");
                assert_eq!(fault.file, path);
            }
            (false, Ok(_)) => {}
            (_, other) => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn the_rest_of_a_pruned_log_has_the_root_of_the_whole() {
    let made = made();
    let whole = made.log.check(&made.expected()).unwrap();
    let starts = made.log.starts();
    assert!(starts.iter().any(|start| *start > 256) && starts.iter().any(|start| *start < 256));
    assert!(starts.iter().any(|start| *start > 512), "{starts:?}");
    for start in starts {
        let rest = made.log.pruned(start);
        let checked = rest.check(&made.expected()).unwrap();
        assert_eq!(
            (checked.root, checked.report.first_seq),
            (whole.root, start)
        );
        assert_eq!(checked.report.records, whole.report.records - start);
        assert_eq!(checked.signed.covered, whole.signed.covered);
        // What is gone is vouched for by tiles: each of its hashes counts, and has to be there.
        for leaf in [0, start / 2, start - 1] {
            let (index, place) = (leaf / 256, (leaf % 256) as usize);
            let start_of_path = format!("tile/0/{index:03}");
            let paths = rest
                .files
                .keys()
                .filter(|path| path.starts_with(&start_of_path));
            let paths: Vec<_> = paths.cloned().collect();
            let mut altered = rest.clone();
            for path in &paths {
                if let Some(byte) = altered.files.get_mut(path).unwrap().get_mut(place * 32) {
                    *byte ^= 1;
                }
            }
            let fault = altered.check(&made.expected()).unwrap_err();
            assert!(
                matches!(fault.what, Wrong::Root { .. } | Wrong::Tile),
                "{start}: {fault}"
            );
            let mut without = rest.clone();
            without.files.retain(|path, _| !paths.contains(path));
            let fault = without.check(&made.expected()).unwrap_err();
            assert!(
                matches!(fault.what, Wrong::TileMissing { .. }),
                "{start}: {fault}"
            );
        }
    }
}

#[test]
fn what_is_left_of_a_bundle_is_compared() {
    let made = made();
    for start in made.log.starts() {
        let rest = made.log.pruned(start);
        let path = match rest.files.contains_key("tile/entries/001") {
            true if start >= 256 => "tile/entries/001",
            true => "tile/entries/000",
            false => "tile/entries/002.p/88",
        };
        let last = rest.files[path].len() - 1;
        let mut altered = rest.clone();
        altered.files.get_mut(path).unwrap()[last] ^= 1;
        let fault = altered.check(&made.expected()).unwrap_err();
        assert!(matches!(fault.what, Wrong::Tile), "{fault}");
        let tile: TilePath = path.parse().unwrap();
        let seq = tile.index * 256 + tile.width - 1;
        assert_eq!((fault.file.as_str(), fault.seq), (path, seq));
    }
}

/// Lines from the archive, everything else from the disk: bundles went with their segments.
#[test]
fn bundles_of_what_was_archived_may_be_missing_and_no_others() {
    let made = made();
    let whole = made.log.check(&made.expected()).unwrap();
    for (start, gone, missing) in [
        (0, 0, None),
        (256, 256, None),
        (300, 256, None),
        (512, 512, None),
        (255, 256, Some("tile/entries/000")),
        (511, 512, Some("tile/entries/001")),
        (0, 256, Some("tile/entries/000")),
    ] {
        let mut log = made.log.clone();
        log.bundles_from = start;
        log.without_bundles(gone);
        match (missing, log.check(&made.expected())) {
            (None, Ok(checked)) => assert_eq!(checked.root, whole.root),
            (Some(path), Err(fault)) => {
                assert!(matches!(fault.what, Wrong::TileMissing { .. }), "{fault}");
                assert_eq!(fault.file, path);
            }
            (_, other) => panic!("{start}: {other:?}"),
        }
    }
    let mut log = made.log.clone();
    log.bundles_from = 600;
    log.files.get_mut("tile/entries/000").unwrap()[9] ^= 1;
    let fault = log.check(&made.expected()).unwrap_err();
    assert!(matches!(fault.what, Wrong::Tile), "{fault}");
    // Hashes never go.
    log = made.log.clone();
    log.bundles_from = 600;
    log.files.remove("tile/0/000");
    let fault = log.check(&made.expected()).unwrap_err();
    assert!(matches!(fault.what, Wrong::TileMissing { .. }), "{fault}");
}
