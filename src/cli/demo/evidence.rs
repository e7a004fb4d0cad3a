//! What the log proves: it checks, it holds no content, and a changed byte is found.

use super::pdp::{log_files, log_text};
use super::report::Step;
use super::workspace::Workspace;
use crate::audit::verify::{self, Report, Wrong};
use crate::cli::CliError;
use crate::model::json::{Json, Limits, Object, parse};
use std::fs;
use std::path::Path;
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

/// Checks the log, then a copy of it in which a byte is changed; gives a summary for programs.
pub fn examine(workspace: &Workspace) -> Result<(Vec<Step>, Object), CliError> {
    let dir = workspace.audit();
    let text = log_text(&dir).map_err(CliError::failure)?;
    let (sound, report) = check_log(&dir, &text)?;
    let copy = workspace.root().join("altered");
    let (broken, seq) = alter(&dir, &copy)?;
    let summary = Object::from_iter([
        ("records", Json::from(report.records)),
        ("by_type", counts(&report)),
        ("altered_record", seq.into()),
        ("found", broken.result.as_str().into()),
    ]);
    Ok((vec![sound, broken], summary))
}

fn counts(report: &Report) -> Json {
    let counts = report.by_type.iter();
    Json::object(counts.map(|(kind, count)| (kind.as_str(), *count)))
}

fn check_log(dir: &Path, text: &[u8]) -> Result<(Step, Report), CliError> {
    let started = Instant::now();
    let report = verify::verify(dir).map_err(CliError::failure)?;
    let took = started.elapsed();
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
