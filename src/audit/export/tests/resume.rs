//! Runs that end anywhere, and the next one that goes on.

use super::*;
use crate::audit::verify::Pruned;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::fs::File;
use std::ops::Range;

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Writes calls whose outcomes come a while later or never, in any order, some of them twice.
fn write(log: &mut LogWriter, calls: Range<u64>, random: &mut Random) {
    let mut outcomes = Vec::new();
    for number in calls.clone() {
        let call = call(&number.to_string());
        let second = number * 60;
        log.write(second, &call.decision);
        if random.below(10) > 0 {
            outcomes.push(call.outcome);
        }
        while outcomes.len() as u64 > random.below(8) {
            let at = random.below(outcomes.len() as u64);
            let outcome = outcomes.swap_remove(usize::try_from(at).unwrap());
            log.write(second, &outcome);
            if random.below(10) == 0 {
                log.write(second, &outcome);
            }
        }
        if random.below(12) == 0 {
            log.segment();
        }
    }
    for outcome in outcomes {
        log.write(calls.end * 60, &outcome);
    }
}

/// Decision and outcome of every row, in order of the decisions.
fn exported(options: &Options) -> Vec<(u64, Option<u64>)> {
    let mut found = match options.format {
        Format::Parquet => parts(&options.to),
        _ => lines(&options.to)
            .iter()
            .map(|row| {
                let row = row.get("data").unwrap_or(row);
                let number = |name| row.get(name).unwrap().as_u64();
                (number("decision_seq").unwrap(), number("outcome_seq"))
            })
            .collect(),
    };
    found.sort_unstable();
    found
}

fn parts(dir: &Path) -> Vec<(u64, Option<u64>)> {
    let place = |name| {
        COLUMNS
            .iter()
            .position(|column| column.name == name)
            .unwrap()
    };
    let (decision, outcome) = (place("decision_seq"), place("outcome_seq"));
    let mut found = Vec::new();
    let days = fs::read_dir(dir).unwrap().map(|day| day.unwrap().path());
    for day in days.filter(|day| day.is_dir()) {
        for part in fs::read_dir(&day).unwrap() {
            let path = part.unwrap().path();
            assert!(path.extension().unwrap() == "parquet", "{path:?}");
            assert!(
                !path.file_name().unwrap().to_str().unwrap().starts_with('.'),
                "{path:?}"
            );
            let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
            for row in reader.get_row_iter(None).unwrap() {
                let row = row.unwrap();
                let number = |at| row.get_long(at).ok().map(|n| u64::try_from(n).unwrap());
                found.push((number(decision).unwrap(), number(outcome)));
            }
        }
    }
    found
}

const FORMATS: [Format; 3] = [Format::Jsonl, Format::CloudEvents, Format::Parquet];

#[test]
fn an_export_that_was_stopped_anywhere_is_as_one_that_was_not() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    write(&mut log, 0..24, &mut Random(1));
    for format in FORMATS {
        let whole = options(
            &[&log.dir],
            &place.path().join(format!("{format:?}")),
            format,
        );
        let mut steps = 0_u64;
        export(&whole, much_later(), &mut |_| {
            steps += 1;
            Ok(())
        })
        .unwrap();
        let expected = exported(&whole);
        assert_eq!(expected.len(), 24);
        for stop in 0..steps + 10 {
            let mut asked = whole.clone();
            asked.to = place.path().join(format!("{format:?}-{stop}"));
            asked.commit_records_max = 7 + stop % 5;
            // Ended twice, at steps that differ.
            for stop in [stop, stop / 2 + 1] {
                let mut left = stop;
                let ended = export(&asked, much_later(), &mut |_| {
                    left = left.checked_sub(1).ok_or(io::ErrorKind::Interrupted)?;
                    Ok(())
                });
                drop(ended);
            }
            run(&asked);
            assert_eq!(exported(&asked), expected, "{format:?} stopped at {stop}");
            assert_eq!(run(&asked).rows, 0);
        }
    }
}

#[test]
fn an_export_of_a_log_that_grows_is_as_one_of_the_whole() {
    let place = tempfile::tempdir().unwrap();
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut log = LogWriter::new(&place.path().join(format!("log-{seed}")), "pdp/1");
        let to = place.path().join(format!("grown-{seed}"));
        let mut grown = options(&[&log.dir], &to, Format::Jsonl);
        grown.wait_seconds = OUTCOME_WAIT_SECONDS_MAX;
        grown.commit_records_max = 1 + random.below(20);
        let mut number = 0;
        let mut pending = Vec::new();
        while number < 60 {
            let call = call(&number.to_string());
            log.write(number, &call.decision);
            pending.push(call.outcome);
            number += 1;
            if random.below(4) == 0 {
                export(&grown, later(number), &mut |_| Ok(())).unwrap();
            }
            while pending.len() as u64 > random.below(6) {
                log.write(number, &pending.remove(0));
            }
        }
        run(&grown);
        let mut whole = grown.clone();
        whole.to = place.path().join(format!("whole-{seed}"));
        run(&whole);
        assert_eq!(exported(&grown), exported(&whole), "seed {seed}");
        assert_eq!(exported(&whole).len(), 60);
    }
}

#[test]
fn a_call_without_an_outcome_is_left_to_a_later_run_until_its_time_is_up() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    log.write(0, &call("one").decision);
    let to = place.path().join("calls.jsonl");
    let mut asked = options(&[&log.dir], &to, Format::Jsonl);
    asked.wait_seconds = 600;
    let at = |seconds| export(&asked, later(seconds), &mut |_| Ok(())).unwrap();
    assert_eq!((at(599).rows, at(599).waiting), (0, 1));
    let summary = at(600);
    assert_eq!(
        (summary.rows, summary.without_outcome, summary.waiting),
        (1, 1, 0)
    );
    // Too late: it was exported once, and is not again.
    log.write(700, &call("one").outcome);
    let summary = at(9_000);
    assert_eq!((summary.rows, summary.unpaired_outcomes), (0, 1));
    assert_eq!(exported(&asked), [(0, None)]);
}

#[test]
fn the_log_itself_tells_that_an_outcome_will_not_come() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    log.write(0, &call("lost").decision);
    log.write(OUTCOME_WAIT_SECONDS_MAX + 1, &call("next").decision);
    let to = place.path().join("calls.jsonl");
    let mut asked = options(&[&log.dir], &to, Format::Jsonl);
    asked.wait_seconds = OUTCOME_WAIT_SECONDS_MAX;
    let summary = export(&asked, TIME, &mut |_| Ok(())).unwrap();
    assert_eq!((summary.rows, summary.waiting), (1, 1));
}

#[test]
fn a_pruned_log_is_exported_from_where_it_begins_and_never_with_a_hole() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    log.write(0, &call("one").decision);
    log.write(0, &call("one").outcome);
    let first = log.file();
    let note = Pruned {
        origin: "pdp/1".into(),
        first_seq: log.next_seq(),
        prev: log.prev().to_owned(),
    };
    log.segment();
    log.write(0, &call("two").decision);
    let to = place.path().join("before.jsonl");
    let before = options(&[&log.dir], &to, Format::Jsonl);
    // This one has read nothing when the log is pruned.
    let stopped = export(&before, TIME, &mut |_| {
        Err(io::ErrorKind::Interrupted.into())
    });
    assert!(stopped.is_err());
    let to = place.path().join("half.jsonl");
    let mut half = options(&[&log.dir], &to, Format::Jsonl);
    half.commit_records_max = 1;
    let mut left = 1;
    let stopped = export(&half, TIME, &mut |step| match step {
        Step::Committed if left == 0 => Err(io::ErrorKind::Interrupted.into()),
        Step::Committed => {
            left -= 1;
            Ok(())
        }
        _ => Ok(()),
    });
    assert!(stopped.is_err());
    fs::write(log.dir.join("pruned"), note.to_bytes()).unwrap();
    fs::remove_file(first).unwrap();
    run(&before);
    assert_eq!(exported(&before), [(2, None)]);
    run(&half);
    assert_eq!(exported(&half), [(0, Some(1)), (2, None)]);
    // Read up to the middle of what is gone.
    let to = place.path().join("hole.jsonl");
    let hole = options(&[&log.dir], &to, Format::Jsonl);
    let place_of = cursor::Place {
        origin: "pdp/1".into(),
        position: 1,
        waiting: vec![0],
    };
    let held = cursor::Cursor {
        options: "--format jsonl --since - --until - --from-seq 0".into(),
        places: vec![place_of],
        ..Default::default()
    };
    held.write(&to.with_added_extension("cursor.json")).unwrap();
    let error = export(&hole, TIME, &mut |_| Ok(())).unwrap_err();
    assert!(
        matches!(error, ExportError::Pruned { seq: 0, .. }),
        "{error}"
    );
}
