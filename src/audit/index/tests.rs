mod following;
mod random;

use super::*;
use crate::audit::log::{Log, Options};
use crate::audit::record::Record;
use crate::audit::record::samples::all;
use crate::files::OsFiles;
use crate::model::time::Timestamp;
use random::{filters, record, time};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use tempfile::TempDir;

fn open(dir: &Path) -> Log {
    let options = Options {
        segment_bytes_max: 20_000,
        ..Options::new("pdp/1")
    };
    Log::open(dir, options, Arc::new(OsFiles)).unwrap().0
}

fn append(log: &Log, records: impl IntoIterator<Item = (Timestamp, Record)>) {
    for (time, record) in records {
        log.post(time, &record).unwrap();
    }
    log.flush().unwrap().wait().unwrap();
}

fn random(seeds: std::ops::Range<u64>) -> impl Iterator<Item = (Timestamp, Record)> {
    seeds.map(|seed| (time(seed), record(seed)))
}

/// A closed log of so many random records, and one of each type.
fn log_of(records: u64) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, random(0..records));
    append(&log, all().into_iter().map(|record| (time(1), record)));
    log.close().unwrap();
    dir
}

/// What a scan finds, in this order, up to this seq.
fn scanned(dir: &Path, filter: &Filter, order: Order, through: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    scan(dir, 0, filter, &mut |seq, line, _| {
        if seq <= through {
            found.push((seq, line));
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    if order == Order::NewestFirst {
        found.reverse();
    }
    found
}

/// What all pages have.
fn paged(dir: &Path, filter: &Filter, order: Order, per_page: usize) -> Vec<(u64, Vec<u8>)> {
    let mut reader = Reader::open(dir).unwrap();
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = reader.page(filter, order, token, per_page).unwrap();
        assert!(page.records.len() <= per_page);
        found.extend(page.records);
        match page.next {
            Some(next) => {
                let text = next.encode();
                token = Some(PageToken::decode(&text, filter, order).unwrap());
            }
            None => return found,
        }
    }
}

#[test]
fn every_filter_finds_through_the_index_what_a_scan_finds() {
    let dir = log_of(800);
    let rebuilt = rebuild(dir.path(), &mut |_| ()).unwrap();
    assert_eq!(rebuilt.records, 800 + all().len() as u64);
    let mut records = Vec::new();
    scan(
        dir.path(),
        0,
        &Filter::default(),
        &mut |seq, line, record| {
            records.push((seq, line, record));
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    let (mut empty, mut found) = (0, 0);
    for filter in filters(400) {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let matching = records.iter().filter(|(_, _, it)| filter.matches(it));
            let mut expected: Vec<_> = matching.map(|it| (it.0, it.1.clone())).collect();
            if order == Order::NewestFirst {
                expected.reverse();
            }
            for per_page in [7, 1_000] {
                let paged = paged(dir.path(), &filter, order, per_page);
                assert!(paged == expected, "{filter:?} {order:?} {per_page}");
            }
            match expected.is_empty() {
                true => empty += 1,
                false => found += 1,
            }
        }
    }
    assert!(found > 200 && empty > 50, "{found} {empty}");
}

#[test]
fn every_line_is_given_as_it_is_in_the_log_by_the_filters_of_its_own_fields() {
    let dir = log_of(60);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    let everything = scanned(dir.path(), &Filter::default(), Order::OldestFirst, u64::MAX);
    let types: BTreeSet<_> = all()
        .iter()
        .map(|record| record.kind().to_owned())
        .collect();
    for kind in &types {
        let filter = Filter {
            types: vec![kind.clone()],
            ..Filter::default()
        };
        let found = paged(dir.path(), &filter, Order::OldestFirst, 100);
        assert!(!found.is_empty(), "{kind}");
        let wanted = format!("\"type\":\"{kind}\"");
        for (_, line) in found {
            assert!(String::from_utf8(line).unwrap().contains(&wanted));
        }
    }
    let found = paged(dir.path(), &Filter::default(), Order::OldestFirst, 9);
    assert_eq!(found, everything);
}

#[test]
fn pages_stay_the_same_while_records_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, random(0..100));
    rebuild(dir.path(), &mut |_| ()).unwrap();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let filter = Filter::default();
        let mut reader = Reader::open(dir.path()).unwrap();
        let first = reader.page(&filter, order, None, 30).unwrap();
        let through = first.through_seq.unwrap();
        let expected = scanned(dir.path(), &filter, order, through);
        let (mut found, mut next) = (first.records, first.next);
        while let Some(token) = next {
            append(&log, random(200..210));
            let mut store = store::Store::open(dir.path()).unwrap();
            let mut lines = store.lines(dir.path()).unwrap();
            let batch = lines.batch(u64::MAX, 100, 1 << 20).unwrap();
            assert_eq!(batch.len(), 10);
            store.take_in(&batch).unwrap();
            let page = reader.page(&filter, order, Some(token), 30).unwrap();
            assert_eq!(page.through_seq, Some(through));
            found.extend(page.records);
            next = page.next;
        }
        assert_eq!(found, expected, "{order:?}");
    }
}

#[test]
fn a_page_ends_before_it_is_too_large_and_has_at_least_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut large = crate::audit::record::samples::decision();
    large.labels = (0..250).map(|n| format!("{n:0200}")).collect();
    let records = (0..80).map(|_| (time(1), Record::Decision(Box::new(large.clone()))));
    append(&log, records);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let page = reader.page(&Filter::default(), Order::OldestFirst, None, 1_000);
    let page = page.unwrap();
    let bytes: usize = page.records.iter().map(|(_, line)| line.len()).sum();
    assert!(
        bytes <= page::PAGE_BYTES_MAX && page.next.is_some(),
        "{bytes}"
    );
    let found = paged(dir.path(), &Filter::default(), Order::OldestFirst, 1_000);
    assert_eq!(found.len(), 80);
}

#[test]
fn tokens_are_for_their_question_alone() {
    let filter = Filter {
        tool: "read".to_owned(),
        ..Filter::default()
    };
    let token = PageToken::new(90, 40, &filter, Order::NewestFirst);
    let text = token.encode();
    let decode = |text: &str, filter: &Filter, order| PageToken::decode(text, filter, order);
    assert_eq!(decode(&text, &filter, Order::NewestFirst), Ok(token));
    let other = Filter {
        tool: "write".to_owned(),
        ..Filter::default()
    };
    let beyond = PageToken::new(40, 41, &filter, Order::NewestFirst).encode();
    for (text, filter, order) in [
        (text.as_str(), &filter, Order::OldestFirst),
        (text.as_str(), &other, Order::NewestFirst),
        (beyond.as_str(), &filter, Order::NewestFirst),
        ("", &filter, Order::NewestFirst),
        ("AA", &filter, Order::NewestFirst),
        (text.get(1..).unwrap(), &filter, Order::NewestFirst),
        (&format!("{text}A"), &filter, Order::NewestFirst),
        (&format!("{text}="), &filter, Order::NewestFirst),
    ] {
        assert_eq!(decode(text, filter, order), Err(PageTokenError), "{text}");
    }
    // One that names records that are not there yet is of no answer.
    let dir = log_of(3);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    let far = PageToken::new(9_000, 40, &Filter::default(), Order::OldestFirst);
    let mut reader = Reader::open(dir.path()).unwrap();
    let page = reader.page(&Filter::default(), Order::OldestFirst, Some(far), 5);
    assert!(matches!(page, Err(FindError::Token(_))), "{page:?}");
}

#[test]
fn a_record_whose_file_is_gone_is_named_and_what_remains_is_found() {
    let dir = log_of(300);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    std::fs::remove_file(lines::segment_path(dir.path(), 0)).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let gone = reader.page(&Filter::default(), Order::OldestFirst, None, 5);
    let gone = gone.unwrap_err();
    assert!(matches!(gone, FindError::Gone { seq: 0, segment: 0 }));
    let told = "the record of seq 0 is not here any more: restore `log-00000000000000000000.jsonl`";
    assert_eq!(gone.to_string(), told);
    let page = reader.page(&Filter::default(), Order::NewestFirst, None, 5);
    assert_eq!(page.unwrap().records.len(), 5);
    // An index that is made anew has what is there.
    let kept = scanned(dir.path(), &Filter::default(), Order::OldestFirst, u64::MAX);
    assert!(kept[0].0 > 0);
    let rebuilt = rebuild(dir.path(), &mut |_| ()).unwrap();
    assert_eq!(rebuilt.records, kept.len() as u64);
    assert_eq!(
        paged(dir.path(), &Filter::default(), Order::OldestFirst, 50),
        kept
    );
}

#[test]
fn times_that_are_set_back_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
    // More than a block, one of which has an early record among late ones.
    let records = (0..3_000).map(|n| {
        let seconds = if n == 2_500 { 10 } else { 1_000_000 + n };
        (at(seconds), Record::Heartbeat(Default::default()))
    });
    append(&log, records);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    for (from, until, expected) in [
        (None, Some(at(11)), vec![2_500]),
        (Some(at(10)), Some(at(10)), vec![]),
        (Some(at(1_002_999)), None, vec![2_999]),
        (Some(at(1_001_000)), Some(at(1_001_002)), vec![1_000, 1_001]),
        (
            Some(Timestamp::from_nanos(1_002_998_000_000_001)),
            None,
            vec![2_999],
        ),
    ] {
        let filter = Filter {
            from,
            until,
            ..Filter::default()
        };
        let found = paged(dir.path(), &filter, Order::OldestFirst, 10);
        let seqs: Vec<_> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, expected, "{filter:?}");
    }
}

#[test]
fn an_index_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = log_of(5);
    rebuild(dir.path(), &mut |_| ()).unwrap();
    let mode = std::fs::metadata(index_path(dir.path())).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}
