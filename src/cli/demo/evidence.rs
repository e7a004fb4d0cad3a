//! What the log proves: it checks, it holds no content, and what is changed is found, also where
//! the chain was made to fit.

use super::pdp::{log_files, log_text};
use super::report::Step;
use super::workspace::Workspace;
use crate::audit::layout::SIGNING_KEY_NAME;
use crate::audit::prove::LogProofs;
use crate::audit::sign::SigningKey;
use crate::audit::verify::{
    self, Checked, Directory, Expected, Fault, Pairs, Report, Watch, Wrong, check_proof,
};
use crate::cli::CliError;
use crate::files::OsFiles;
use crate::model::hex::hex;
use crate::model::json::{Json, Limits, Object, parse};
use crate::tlog::VerifierKey;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What was in arguments and results and must not be in the log.
const CONTENT: [&str; 4] = [
    "anna.weber@example.com",
    "DE89 3704 0044 0532 0130 00",
    "ES91 2100 0418 4502 0005 1332",
    "told Anna Weber",
];
/// A part of a record that can be changed so that the record is still well-formed.
const TOOL: &[u8] = b"\"tool_name\":\"";
/// Where a record holds the hash of the one before it.
const PREV: &str = "\"prev\":\"";
/// Whose log the demo writes.
const ORIGIN: &str = "toolgate";

/// Checks the log, then a copy of it in which a byte is changed; gives a summary for programs.
pub fn examine(workspace: &Workspace) -> Result<(Vec<Step>, Object), CliError> {
    let dir = workspace.audit();
    let text = log_text(&dir).map_err(CliError::failure)?;
    let (sound, report) = check_log(&dir, &text)?;
    let copy = workspace.root().join("altered");
    let (broken, seq) = alter(&dir, &copy)?;
    let rewritten = rewrite(&dir, &workspace.root().join("rewritten"))?;
    let proved = prove(&dir, &text)?;
    let summary = Object::from_iter([
        ("records", Json::from(report.records)),
        ("by_type", counts(&report)),
        ("altered_record", seq.into()),
        ("found", broken.result.as_str().into()),
        ("found_in_rewritten", rewritten.result.as_str().into()),
        ("key", key(&dir)?.to_string().into()),
    ]);
    Ok((vec![sound, proved, broken, rewritten], summary))
}

fn counts(report: &Report) -> Json {
    let counts = report.by_type.iter();
    Json::object(counts.map(|(kind, count)| (kind.as_str(), *count)))
}

fn check_log(dir: &Path, text: &[u8]) -> Result<(Step, Report), CliError> {
    let started = Instant::now();
    let checked = check(dir)?.map_err(CliError::failure)?;
    let took = started.elapsed();
    let report = checked.report;
    let counts = report.by_type.iter();
    let counts: Vec<_> = counts
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let mut step = Step {
        who: "an auditor".to_owned(),
        what: "verifies the log".to_owned(),
        verdict: "whole".to_owned(),
        reasons: vec![format!("{} records", report.records)],
        result: counts.join(", "),
        took,
        ..Step::default()
    };
    let granted = granted_calls(text);
    let outcomes = report.by_type.get("outcome").copied().unwrap_or_default();
    step.check(outcomes == granted, || {
        format!("{granted} calls through shims were granted, {outcomes} have an outcome")
    });
    step.check(report.torn.is_none(), || "the last line is torn".to_owned());
    step.check(checked.signed.covered == report.records, || {
        format!("{} records are signed", checked.signed.covered)
    });
    let written = String::from_utf8_lossy(text);
    for content in CONTENT {
        step.check(!written.contains(content), || {
            format!("`{content}` is in the log")
        });
    }
    Ok((step, report))
}

/// How many calls to the demo's server were granted: each must have an outcome.
fn granted_calls(text: &[u8]) -> u64 {
    let lines = text.split(|byte| *byte == b'\n');
    let records = lines.filter_map(|line| parse(line, Limits::REQUEST).ok());
    let granted = records.filter(|record| {
        let is = |member: &str, text: &str| record.get(member).and_then(Json::as_str) == Some(text);
        let grants = is("effect", "allow") || is("effect", "constrain");
        is("tool_server", "demo") && is("phase", "call") && grants
    });
    granted.count() as u64
}

/// The public half of the key that the log is signed with.
fn key(dir: &Path) -> Result<VerifierKey, CliError> {
    let key = SigningKey::read(&dir.join(SIGNING_KEY_NAME), &OsFiles).map_err(CliError::failure)?;
    let none = || CliError::failure("the log's origin names no key");
    key.verifier(ORIGIN).ok_or_else(none)
}

/// All that there is to check of a log, with the key.
fn check(dir: &Path) -> Result<Result<Checked, Fault>, CliError> {
    let expected = Expected {
        keys: vec![key(dir)?],
        ..Expected::default()
    };
    let log = Directory(dir);
    let mut pairs = Pairs::default();
    Ok(verify::check(&log, &expected, &mut pairs, &mut Unwatched))
}

struct Unwatched;

impl Watch for Unwatched {
    fn passed(&mut self, _: u64) {}

    fn notable(&mut self, _: &Object) {}
}

/// Proves the last record to somebody who has its line, the proof and the key.
fn prove(dir: &Path, text: &[u8]) -> Result<Step, CliError> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    let lines: Vec<_> = lines.split(|byte| *byte == b'\n').collect();
    let seq = lines.len().saturating_sub(1);
    let started = Instant::now();
    let proofs = LogProofs::new(dir, Arc::new(OsFiles));
    let proof = proofs.inclusion(seq as u64, 0).map_err(CliError::failure)?;
    let key = key(dir)?;
    let line = lines.last().copied().unwrap_or_default();
    let proved = check_proof(&proof.to_string(), line, &key);
    let mut step = Step {
        who: "an auditor".to_owned(),
        what: "proves a record to somebody else".to_owned(),
        verdict: "proved".to_owned(),
        reasons: vec![format!("record {seq}")],
        result: format!("by {} hashes and the log's signature", proof.hashes.len()),
        took: started.elapsed(),
        ..Step::default()
    };
    step.check(proved.is_ok(), || format!("record {seq} is not proved"));
    Ok(step)
}

/// Changes a byte in a copy of the log and makes the chain after it fit, as somebody can who has
/// no key: lines and names are in order then, and the signed tree is not.
fn rewrite(dir: &Path, copy: &Path) -> Result<Step, CliError> {
    copy_all(dir, copy).map_err(CliError::failure)?;
    let seq = flip(copy).and_then(|seq| rechain(copy).map(|()| seq));
    let seq = seq.map_err(CliError::failure)?;
    let started = Instant::now();
    let found = check(copy)?;
    let took = started.elapsed();
    let chain = verify::verify(copy);
    let result = match &found {
        Ok(_) => "nothing".to_owned(),
        Err(fault) => fault.to_string(),
    };
    let mut step = Step {
        who: "an auditor".to_owned(),
        what: "verifies one rewritten without the key".to_owned(),
        verdict: "broken".to_owned(),
        reasons: vec![format!("record {seq}")],
        result,
        took,
        ..Step::default()
    };
    step.check(chain.is_ok(), || "the chain was not made to fit".to_owned());
    step.check(found.is_err(), || {
        format!("record {seq} was rewritten, and nothing was found")
    });
    Ok(step)
}

/// Every line after the first holds the hash of the one before it again.
fn rechain(dir: &Path) -> std::io::Result<()> {
    let mut prev: Option<String> = None;
    for file in log_files(dir)? {
        let mut rewritten = String::new();
        for line in fs::read_to_string(&file)?.lines() {
            let mut line = line.to_owned();
            let at = line.find(PREV).map(|at| at + PREV.len());
            if let (Some(at), Some(prev)) = (at, prev) {
                line.replace_range(at..at + prev.len(), &prev);
            }
            prev = Some(hex(&Sha256::digest(line.as_bytes())));
            rewritten += &line;
            rewritten.push('\n');
        }
        fs::write(&file, rewritten)?;
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?, to.to_owned());
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &to)?,
            false => fs::copy(entry.path(), to).map(drop)?,
        }
    }
    Ok(())
}

/// Changes a byte in the middle of a copy of the log: the verifier must name that record.
fn alter(dir: &Path, copy: &Path) -> Result<(Step, u64), CliError> {
    fs::create_dir(copy).map_err(CliError::failure)?;
    for file in log_files(dir).map_err(CliError::failure)? {
        let name = file.file_name().unwrap_or_default();
        fs::copy(&file, copy.join(name)).map_err(CliError::failure)?;
    }
    let seq = flip(copy).map_err(CliError::failure)?;
    let started = Instant::now();
    let found = verify::verify(copy);
    let took = started.elapsed();
    let result = match &found {
        Ok(_) => "nothing".to_owned(),
        Err(fault) => fault.to_string(),
    };
    let mut step = Step {
        who: "an auditor".to_owned(),
        what: "verifies a copy with one byte changed".to_owned(),
        verdict: "broken".to_owned(),
        reasons: vec![format!("record {seq}")],
        result,
        took,
        ..Step::default()
    };
    let named =
        matches!(&found, Err(fault) if fault.seq == seq && matches!(fault.what, Wrong::Hash));
    let found = step.result.clone();
    step.check(named, || {
        format!("record {seq} was altered; found: {found}")
    });
    Ok((step, seq))
}

/// Flips the lowest bit of the first letter of a tool's name, in a record near the middle of the
/// first file; gives the record's seq.
fn flip(dir: &Path) -> std::io::Result<u64> {
    let none = || std::io::Error::other("the log has no record to change");
    let file = log_files(dir)?.into_iter().next().ok_or_else(none)?;
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    let after = bytes.get(middle..).unwrap_or_default();
    let found = after.windows(TOOL.len()).position(|part| part == TOOL);
    let at = middle + found.ok_or_else(none)? + TOOL.len();
    let before = bytes.get(..at).unwrap_or_default();
    let seq = before.iter().filter(|byte| **byte == b'\n').count() as u64;
    *bytes.get_mut(at).ok_or_else(none)? ^= 1;
    fs::write(&file, bytes)?;
    Ok(seq)
}
