//! `toolgate audit export`, and a stranger that reads what it writes.

use super::log;
use crate::programs::tool;
use crate::util::{Workplace, ended};
use std::process::{Command, Stdio};

#[test]
fn pyarrow_reads_what_is_exported_as_parquet() {
    let place = Workplace::new();
    log::write(&place.path("log"), &[2, 1, 0], 10);
    let export = [
        "audit", "export", "log", "--format", "parquet", "--to", "calls", "--output", "json",
    ];
    let summary = place.run(&export).expect(0).json();
    assert_eq!(summary["rows"], 30);
    assert_eq!(place.run(&export).expect(0).json()["rows"], 0);
    let jsonl = [
        "audit",
        "export",
        "log",
        "--format",
        "jsonl",
        "--to",
        "calls.jsonl",
    ];
    place.run(&jsonl).expect(0);
    place.write("read.py", READ);
    let mut python = Command::new(tool("venv/bin/python"));
    let told = ended(python.arg("read.py"), &place.path(""), "").expect(0);
    assert_eq!(told.out, "30 rows, 3 days\n");
}

/// Compares every value of every row with the flat records.
const READ: &str = r#"
import datetime, json, pathlib
import pyarrow.dataset as dataset
import pyarrow.parquet as parquet

rows = dataset.dataset("calls", format="parquet", partitioning="hive").to_table().to_pylist()
days = {row.pop("day") for row in rows}
def flat(row):
    for name in "timestamp", "outcome_time":
        row[name] = row[name].astimezone(datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return row
rows = sorted((flat(row) for row in rows), key=lambda row: row["decision_seq"])
lines = [json.loads(line) for line in open("calls.jsonl")]
assert rows == lines, (rows[0], lines[0])
assert days == {row["timestamp"][:10] for row in rows}
for part in pathlib.Path("calls").glob("day=*/*.parquet"):
    about = parquet.ParquetFile(part).metadata
    assert about.row_group(0).column(0).compression == "ZSTD", about
    first = parquet.read_table(part, partitioning=None).to_pylist()[0]
    assert part.name == f"part-{first['decision_seq']:020}.parquet", part
print(f"{len(rows)} rows, {len(days)} days")
"#;

#[test]
fn an_export_that_was_killed_goes_on() {
    let place = Workplace::new();
    log::write(&place.path("log"), &[1, 0], 3_000);
    for (number, format) in ["jsonl", "parquet"].into_iter().cycle().take(6).enumerate() {
        let to = format!("calls-{number}");
        let arguments = ["audit", "export", "log", "--format", format, "--to", &to];
        let mut child = Command::new(env!("CARGO_BIN_EXE_toolgate"))
            .args(arguments)
            .current_dir(place.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere on its way: each time after it has written more.
        let written = || match format {
            "jsonl" => std::fs::metadata(place.path(&to)).map_or(0, |file| file.len()),
            _ => unfinished(&place.path(&to)),
        };
        let enough = (number as u64) * 300_000;
        while written() < enough && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        place.run(&arguments).expect(0);
        place.write("count.py", COUNT);
        let mut python = Command::new(tool("venv/bin/python"));
        let told = ended(python.args(["count.py", format, &to]), &place.path(""), "").expect(0);
        assert_eq!(told.out, "6000 rows, 6000 calls\n", "{format} {number}");
    }
}

/// The bytes of parts without a name.
fn unfinished(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let days = entries.filter_map(|day| std::fs::read_dir(day.path()).ok());
    let parts = days.flatten().flatten();
    parts
        .map(|part| part.metadata().map_or(0, |file| file.len()))
        .sum()
}

const COUNT: &str = r#"
import json, sys
if sys.argv[1] == "jsonl":
    found = [json.loads(line)["decision_id"] for line in open(sys.argv[2])]
else:
    import pyarrow.dataset as dataset
    found = dataset.dataset(sys.argv[2], format="parquet", partitioning="hive").to_table(["decision_id"])
    found = found.column(0).to_pylist()
print(f"{len(found)} rows, {len(set(found))} calls")
"#;

#[test]
fn the_command_says_what_it_did_and_what_is_wrong() {
    let place = Workplace::new();
    log::write(&place.path("log"), &[0], 3);
    let export = |arguments: &[&str]| place.run(&[&["audit", "export"], arguments].concat());
    export(&["log", "--format", "jsonl"]).expect(64);
    export(&["log", "--format", "csv", "--to", "x"]).expect(64);
    export(&[
        "log",
        "--format",
        "jsonl",
        "--to",
        "x",
        "--since",
        "yesterday",
    ])
    .expect(64);
    export(&["none", "--format", "jsonl", "--to", "x"]).expect(2);
    let told = export(&["log", "--format", "ocsf", "--to", "calls.ocsf"]).expect(0);
    assert!(
        told.out
            .starts_with("to\tcalls.ocsf\nrows\t3\nrows in all\t3\n"),
        "{told:?}"
    );
    let text = std::fs::read_to_string(place.path("calls.ocsf")).unwrap();
    assert_eq!(text.lines().count(), 3);
    export(&["log", "--format", "jsonl", "--to", "calls.ocsf"]).expect(2);
    let file = place.path("log").join(format!("log-{:020}.jsonl", 0));
    let broken = std::fs::read_to_string(&file)
        .unwrap()
        .replacen("c-0", "c-1", 1);
    std::fs::write(file, broken).unwrap();
    let told = export(&["log", "--format", "jsonl", "--to", "y"]).expect(3);
    assert!(told.err.contains("seq 1"), "{told:?}");
}
