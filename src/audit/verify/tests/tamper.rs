//! Every way to change a log is tried, and none is missed.

use super::*;

/// Each value in each record, at any depth, and each name, is edited in turn, in every record.
#[test]
fn every_edit_of_a_field_is_named() {
    let (log, head) = log();
    let lines = log.lines();
    let mut edits = 0;
    for (at, (file, line)) in lines.iter().enumerate() {
        for edited in edits_of(&json(line)) {
            let mut altered = lines.clone();
            altered[at].1 = String::from_utf8(edited.canonical()).unwrap();
            let fault = log.with_lines(&altered).check(Some(&head)).unwrap_err();
            assert_eq!(fault.seq, at as u64, "{fault}: {}", altered[at].1);
            assert_eq!(fault.file, log.0[*file].0);
            assert_eq!(fault.line, line_in_file(&lines, at), "{fault}");
            // Without a head the last record alone can be changed unseen.
            if at + 2 < lines.len() {
                let blind = log.with_lines(&altered).check(None).unwrap_err();
                assert_eq!(blind.seq, at as u64, "{blind}: {}", altered[at].1);
            }
            edits += 1;
        }
    }
    assert!(edits > 400, "{edits}");
}

/// The value with one thing changed, in every way there is a place for.
fn edits_of(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => vec![false.into()],
        Json::Bool(value) => vec![(!*value).into()],
        Json::Number(number) => vec![(number.as_u64().unwrap() + 1).into(), Json::Null],
        Json::String(text) => {
            let cut: String = text.chars().skip(1).collect();
            let other = if text.is_empty() { "x".into() } else { cut };
            vec![other.into(), format!("{text} ").into()]
        }
        Json::Array(items) => {
            let mut out = vec![[items.clone(), vec![Json::Null]].concat().into()];
            for (at, item) in items.iter().enumerate() {
                let edited = edits_of(item).into_iter().map(|edited| {
                    let mut items = items.clone();
                    items[at] = edited;
                    items.into()
                });
                out.extend(edited);
            }
            out
        }
        Json::Object(object) => {
            let mut out = Vec::new();
            for (name, value) in object.iter() {
                let mut removed = object.clone();
                removed.remove(name);
                let mut renamed = removed.clone();
                renamed.insert(format!("{name}_"), value.clone());
                out.extend([removed.into(), renamed.into()]);
                out.extend(edits_of(value).into_iter().map(|edited| {
                    let mut object = object.clone();
                    object.insert(name, edited);
                    object.into()
                }));
            }
            out
        }
    }
}

#[test]
fn every_swap_drop_and_insertion_is_named() {
    let (log, head) = log();
    let lines = log.lines();
    let last = lines.len() - 1;
    let check = |altered: &[(usize, String)], seq: usize, what: &str| {
        let fault = log.with_lines(altered).check(Some(&head)).unwrap_err();
        assert_eq!(fault.seq, seq as u64, "{what}: {fault}");
    };
    for first in 0..=last {
        for second in first + 1..=last {
            let mut swapped = lines.clone();
            swapped[first].1 = lines[second].1.clone();
            swapped[second].1 = lines[first].1.clone();
            check(&swapped, first, "swap");
        }
        let mut dropped = lines.clone();
        dropped.remove(first);
        check(&dropped, first, "drop");
        for copied in 0..=last {
            let mut inserted = lines.clone();
            inserted.insert(first, (lines[first].0, lines[copied].1.clone()));
            // A copy of itself in front of a record is the record; the one after it is too many.
            let seq = if copied == first { first + 1 } else { first };
            if (first, copied) == (last, last) {
                let fault = log.with_lines(&inserted).check(Some(&head)).unwrap_err();
                assert!(
                    matches!(fault.what, Wrong::Seq { found } if found == last as u64),
                    "{fault}"
                );
            } else {
                check(&inserted, seq, "insertion");
            }
        }
    }
}

#[test]
fn every_flip_of_a_bit_is_detected() {
    let (log, head) = log();
    let mut flips = 0;
    for file in 0..log.0.len() {
        for at in 0..log.0[file].1.len() {
            let mut flipped = log.clone();
            flipped.0[file].1[at] ^= 1 << (at % 8);
            let fault = flipped.check(Some(&head)).unwrap_err();
            let ends: Vec<_> = log.0[..file]
                .iter()
                .flat_map(|(_, content)| content)
                .collect();
            let before = ends.iter().filter(|byte| ***byte == b'\n').count();
            let here = log.0[file].1[..at]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            assert_eq!(
                fault.seq,
                (before + here) as u64,
                "byte {at} of file {file}: {fault}"
            );
            flips += 1;
        }
    }
    assert!(flips > 4_000, "{flips}");
}

#[test]
fn every_truncation_is_detected_against_a_held_head() {
    let (log, head) = log();
    let whole: usize = log.0.iter().map(|(_, content)| content.len()).sum();
    for kept in 0..whole {
        let mut left = kept;
        let mut cut = log.clone();
        for (_, content) in &mut cut.0 {
            content.truncate(left);
            left -= content.len();
        }
        cut.0.retain(|(_, content)| !content.is_empty());
        let fault = cut.check(Some(&head)).unwrap_err();
        assert!(
            matches!(fault.what, Wrong::Truncated { held } if held == head.seq),
            "{kept}: {fault}"
        );
        // Without one it looks like a crash, and says so.
        let report = cut.check(None).unwrap();
        let is_end = cut
            .0
            .last()
            .is_none_or(|(_, content)| content.ends_with(b"\n"));
        assert_eq!(report.torn.is_none(), is_end);
    }
}

#[test]
fn a_rewritten_log_is_detected_against_a_held_head() {
    let (log, _) = log();
    for at in 0..10_u64 {
        let hash = crate::audit::hash::sha256_hex(b"the record that was there");
        let fault = log.check(Some(&Head { seq: at, hash })).unwrap_err();
        assert_eq!(fault.seq, at);
        assert!(matches!(fault.what, Wrong::HeadDiffers), "{fault}");
    }
}
