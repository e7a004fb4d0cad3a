//! Other people's readers, and one in plain Python, on the same log: they take it as it is, and
//! refuse it when it was tampered with.

use super::log::{Files, Made, made, write};
use super::mutation::mutate;
use super::random::Random;
use crate::programs::tool;
use crate::util::repository;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Enough for two full tiles and a partial one.
const RECORDS: u64 = 600;
/// Changed logs that the Python verifier sees; each takes it a moment.
const MUTATIONS: u64 = 60;

fn directory(files: &Files) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write(files, dir.path());
    dir
}

fn python(made: &Made, dir: &Path, held: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new(tool("venv/bin/python"));
    command.arg(repository("docs/verify.py")).arg(dir);
    command.arg("--key").arg(made.key.to_string());
    if let Some(held) = held {
        command.arg("--checkpoint").arg(held);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.code() {
        Some(0) => Ok(text(output.stdout)),
        // It does not read a log of which a note says that its beginning is elsewhere.
        Some(2) if dir.join("pruned").exists() => Err(text(output.stderr)),
        Some(1) => Err(text(output.stderr)),
        other => panic!("{other:?}: {}", text(output.stderr)),
    }
}

#[test]
fn the_verifier_in_python_agrees_on_good_and_on_tampered_logs() {
    let made = made(RECORDS);
    let held_dir = tempfile::tempdir().unwrap();
    let held = held_dir.path().join("held");
    std::fs::write(&held, &made.held).unwrap();
    let good = directory(&made.files);
    let said = python(&made, good.path(), Some(&held)).unwrap();
    let report = made.check(&made.files, true).unwrap().report;
    let head = report.head.unwrap();
    let expected = format!(
        "{} records, head {head}; {} of them vouched for by the key given\n",
        report.records, report.records
    );
    assert_eq!(said, expected);
    for number in 0..MUTATIONS {
        let mut random = Random::new(number);
        let mutated = mutate(&made, number.is_multiple_of(2), &mut random);
        let dir = directory(&mutated.files);
        let said = python(&made, dir.path(), mutated.is_held.then_some(&held));
        let error = said.expect_err(&format!("{}: {}", mutated.kind, mutated.what));
        assert!(!error.contains("Traceback"), "{}: {error}", mutated.what);
    }
    // What was cut off and rolled back is good to who holds nothing.
    let older = directory(&made.older);
    assert!(python(&made, older.path(), None).is_ok());
}

#[test]
fn the_verifier_in_python_says_that_it_needs_the_whole_log() {
    let mut files = made(60).files;
    files.insert("pruned".to_owned(), b"{}\n".to_vec().into());
    let dir = directory(&files);
    let mut command = Command::new(tool("venv/bin/python"));
    command.arg(repository("docs/verify.py")).arg(dir.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`toolgate audit restore` it before"),
        "{said}"
    );
}

#[test]
fn the_verifier_in_python_is_short() {
    let text = std::fs::read_to_string(repository("docs/verify.py")).unwrap();
    assert!(text.lines().count() < 150);
    let imports = text
        .lines()
        .filter(|line| line.starts_with("import") || line.starts_with("from"));
    let others: Vec<_> = imports
        .filter(|line| !line.starts_with("from cryptography."))
        .collect();
    assert_eq!(
        others,
        ["import argparse, base64, hashlib, json, pathlib, re, sys"]
    );
}

/// A program of Go, by `make test-tools`.
fn go_program(name: &str) -> Command {
    Command::new(tool(&format!("bin/{name}")))
}

/// Whether Go's `sumdb/note` and `sumdb/tlog` take the log.
fn sumdb(made: &Made, dir: &Path) -> Result<String, String> {
    let mut command = go_program("tlog-check");
    let output = command.arg(dir).arg(made.key.to_string()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// Whether Tessera's `fsck` takes the log. It says `Invalid` of a range that it refuses and waits
/// then for ever, or it ends with 0 and says whether it failed.
fn fsck(made: &Made, dir: &Path) -> Result<(), String> {
    let key_dir = tempfile::tempdir().unwrap();
    let key = key_dir.path().join("key");
    std::fs::write(&key, made.key.to_string()).unwrap();
    let mut child = go_program("fsck")
        .args(["-ui=false", "-logtostderr", "-v=1"])
        .arg(format!("-storage_url=file://{}", dir.display()))
        .arg(format!("-public_key={}", key.display()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let (mut is_complete, mut refused) = (false, None);
    for line in lines.map_while(Result::ok) {
        is_complete |= line.contains("Completed ranges");
        if line.contains("fsck failed") || line.contains("Invalid") {
            refused = Some(line);
            break;
        }
    }
    let _ended = child.kill();
    child.wait().unwrap();
    match refused {
        Some(line) => Err(line),
        None => {
            assert!(is_complete, "fsck says nothing");
            Ok(())
        }
    }
}

#[test]
fn tessera_and_gos_own_libraries_read_the_log_as_it_is() {
    let made = made(RECORDS);
    let good = directory(&made.files);
    let entries = format!(
        "{} entries\n",
        made.check(&made.files, true).unwrap().report.records
    );
    assert_eq!(sumdb(&made, good.path()), Ok(entries));
    fsck(&made, good.path()).unwrap();
    let size = 1 + made.held.len() / 2;
    for (path, at) in [
        ("checkpoint", size),
        ("tile/0/000", 77),
        ("tile/entries/001", 1_000),
    ] {
        let mut files = made.files.clone();
        let mut content = files[path].to_vec();
        content[at] ^= 1;
        files.insert(path.to_owned(), content.into());
        let dir = directory(&files);
        sumdb(&made, dir.path()).expect_err(path);
        fsck(&made, dir.path()).expect_err(path);
    }
}
