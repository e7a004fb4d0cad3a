//! What `audit verify` found, told.

use super::super::output::{Colour, Format};
use super::Output;
use super::printable;
use crate::audit::verify::{Checked, Expected, Fault, Paired, ProofFault, Proved};
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// What was found of one log.
pub(super) struct Told {
    dir: String,
    result: Result<Checked, Fault>,
    warnings: Vec<String>,
}

impl Told {
    pub(super) fn new(
        dir: &Path,
        result: Result<Checked, Fault>,
        mut warnings: Vec<String>,
    ) -> Self {
        if let Ok(checked) = &result {
            warnings.extend(doubts(checked));
        }
        Self {
            dir: dir.display().to_string(),
            result,
            warnings,
        }
    }

    pub(super) const fn is_good(&self) -> bool {
        self.result.is_ok()
    }
}

/// What is no proof of tampering, and should be known.
fn doubts(checked: &Checked) -> Vec<String> {
    let mut doubts = Vec::new();
    let report = &checked.report;
    if !report.unknown_types.is_empty() {
        let types = report.unknown_types.iter();
        let types: Vec<_> = types.map(|(kind, n)| format!("`{kind}` ({n})")).collect();
        let more = match report.more_unknown {
            0 => String::new(),
            more => format!(" and {more} of further types"),
        };
        let types = types.join(", ");
        doubts.push(format!(
            "records of types that this program does not know: {types}{more}; chain and tree \
             cover them, their fields were not checked"
        ));
    }
    if report.first_seq > 0 {
        doubts.push(format!(
            "the records before seq {} are archived: of them only the hashes were looked at",
            report.first_seq
        ));
    }
    let shims = &checked.shims;
    let at = shims.first_seq.unwrap_or_default();
    if shims.undeclared > 0 {
        doubts.push(format!(
            "{} numbers of shims' events are missing without a `gap` record (first at seq {at})",
            shims.undeclared
        ));
    }
    if shims.reused > 0 {
        doubts.push(format!(
            "{} events have the number of an earlier one and do not say so (first at seq {at})",
            shims.reused
        ));
    }
    doubts.iter().map(|doubt| printable(doubt)).collect()
}

/// Shows what was found of all logs.
pub(super) fn show(output: &Output, told: &[Told], expected: &Expected, paired: Paired) {
    if output.is_json() {
        output.json(&json(told, expected, paired).into());
        return;
    }
    for (index, log) in told.iter().enumerate() {
        if told.len() > 1 {
            if index > 0 {
                output.line("");
            }
            output.line(output.paint(Colour::Bold, &log.dir));
        }
        match &log.result {
            Ok(checked) => show_good(
                output,
                checked,
                expected,
                (told.len() == 1).then_some(paired),
            ),
            Err(fault) => {
                let broken = output.paint(Colour::Red, "the log is broken:");
                output.line(format!("{broken} {}", printable(&fault.to_string())));
            }
        }
        show_warnings(output, &log.warnings);
        if let Ok(checked) = &log.result {
            show_end(output, checked);
        }
    }
    if told.len() > 1 {
        output.line("");
        output.table(&["ALL LOGS", ""], &pair_rows(paired));
    }
}

fn row(name: &str, value: impl ToString) -> Vec<String> {
    vec![name.to_owned(), value.to_string()]
}

fn show_good(output: &Output, checked: &Checked, expected: &Expected, paired: Option<Paired>) {
    let report = &checked.report;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        row("origin", or_none(&report.origin)),
        row("files", report.files),
        row("records", report.records),
    ];
    for (kind, count) in &report.by_type {
        rows.push(row(&format!("  {kind}"), count));
    }
    rows.push(row("first", or_none(&report.first_time)));
    rows.push(row("last", or_none(&report.last_time)));
    rows.extend(paired.map(pair_rows).unwrap_or_default());
    rows.push(row("shims' events missing", checked.shims.missing));
    rows.extend(tree_rows(checked));
    rows.push(row(
        "head",
        or_none(&report.head.as_ref().map(ToString::to_string)),
    ));
    if expected.checkpoint.is_some() {
        rows.push(row("held checkpoint", "found"));
    }
    if expected.head.is_some() {
        rows.push(row("held head", "found"));
    }
    let rows: Vec<Vec<_>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| printable(cell)).collect())
        .collect();
    output.table(&["LOG", ""], &rows);
}

fn pair_rows(paired: Paired) -> Vec<Vec<String>> {
    let mut rows = vec![
        row("calls granted", paired.granted),
        row("  without outcome", paired.without_outcome()),
        row("outcomes", paired.outcomes),
        row("  without decision", paired.without_decision()),
    ];
    if paired.forgotten > 0 {
        rows.push(row(
            "  too far apart to be paired, at most",
            paired.forgotten,
        ));
    }
    rows
}

fn tree_rows(checked: &Checked) -> Vec<Vec<String>> {
    let signed = &checked.signed;
    let mut rows = vec![
        row("root", checked.root),
        row("tiles", checked.tiles),
        row("checkpoints", signed.checkpoints),
        row("signatures", trust(checked)),
    ];
    // Without a key to check them with, nobody knows which records are signed.
    if signed.checkpoints == 0 || !signed.keys.is_empty() {
        let not_signed = checked.report.next_seq() - signed.covered;
        rows.push(row("signed records", signed.covered));
        rows.push(row("not signed yet", not_signed));
    }
    rows.extend(signed.keys.iter().map(|key| row("key", key)));
    rows.extend(signed.witnesses.iter().map(|witness| {
        let time = printed_time(witness.time_s);
        row(
            "witness",
            format!("{} at size {}, {time}", witness.name, witness.size),
        )
    }));
    rows
}

fn printed_time(time_s: u64) -> String {
    let nanos = i64::try_from(time_s).unwrap_or(i64::MAX);
    Timestamp::from_nanos(nanos.saturating_mul(NANOS_PER_SECOND)).rfc3339()
}

/// What the signatures are worth.
fn trust(checked: &Checked) -> &'static str {
    let signed = &checked.signed;
    match (signed.checkpoints, signed.keys.is_empty()) {
        (0, _) => "none: the log has no checkpoint",
        (_, true) => "not checked: give the log's key with --key",
        (_, false) if signed.is_by_given_key => "checked with the key given",
        (_, false) => "checked with keys that the log itself names: give one with --key",
    }
}

fn show_warnings(output: &Output, warnings: &[String]) {
    let label = output.paint(Colour::Yellow, "warning:");
    for warning in warnings {
        output.line(format!("{label} {warning}"));
    }
}

fn show_end(output: &Output, checked: &Checked) {
    if let Some(torn) = &checked.report.torn {
        output.line(format!(
            "{} the last line of `{}` has no end: {} bytes from byte {}; a crash leaves this, and the next start drops it",
            output.paint(Colour::Yellow, "warning:"),
            torn.file,
            torn.bytes,
            torn.offset_bytes,
        ));
    }
    if output.format == Format::Table {
        let good = output.paint(Colour::Green, "the log is whole");
        output.line(format!("{good}; keep the head or a checkpoint elsewhere"));
    }
}

fn json(told: &[Told], expected: &Expected, paired: Paired) -> Object {
    let mut logs: Vec<_> = told.iter().map(|log| log_json(log, expected)).collect();
    let pairing = Json::object([
        ("granted", paired.granted),
        ("without_outcome", paired.without_outcome()),
        ("outcomes", paired.outcomes),
        ("without_decision", paired.without_decision()),
        ("repeated", paired.repeated),
        ("forgotten", paired.forgotten),
    ]);
    let mut all = match logs.len() {
        1 => logs.swap_remove(0),
        _ => {
            let mut all = Object::new();
            all.insert("valid", told.iter().all(Told::is_good));
            all.insert("logs", Json::array(logs));
            all
        }
    };
    all.insert("pairing", pairing);
    all
}

fn log_json(log: &Told, expected: &Expected) -> Object {
    let mut json = match &log.result {
        Ok(checked) => good_json(checked, expected),
        Err(fault) => {
            let mut wrong = Object::new();
            wrong.insert("file", fault.file.as_str());
            wrong.insert("line", fault.line);
            wrong.insert("seq", fault.seq);
            wrong.insert("what", fault.what.to_string());
            Object::from_iter([("valid", Json::Bool(false)), ("wrong", wrong.into())])
        }
    };
    let warnings = log.warnings.iter().map(String::as_str);
    json.insert("warnings", Json::array(warnings));
    json.insert("dir", log.dir.as_str());
    json
}

fn counts(counts: &BTreeMap<String, u64>) -> Json {
    Json::object(
        counts
            .iter()
            .map(|(kind, n)| (kind.as_str(), Json::from(*n))),
    )
}

fn good_json(checked: &Checked, expected: &Expected) -> Object {
    let report = &checked.report;
    let text = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
    let torn = report.torn.as_ref().map_or(Json::Null, |torn| {
        Json::object([
            ("file", Json::from(torn.file.as_str())),
            ("offset_bytes", torn.offset_bytes.into()),
            ("bytes", torn.bytes.into()),
        ])
    });
    let mut json = Object::from_iter([
        ("valid", Json::Bool(true)),
        ("origin", text(&report.origin)),
        ("files", report.files.into()),
        ("first_seq", report.first_seq.into()),
        ("records", report.records.into()),
        ("by_type", counts(&report.by_type)),
        ("unknown_types", counts(&report.unknown_types)),
        ("first_time", text(&report.first_time)),
        ("last_time", text(&report.last_time)),
        ("head", text(&report.head.as_ref().map(ToString::to_string))),
        ("torn", torn),
        ("tree", tree_json(checked)),
        ("shims", shims_json(checked)),
    ]);
    if expected.head.is_some() {
        json.insert("held_head", "found");
    }
    if expected.checkpoint.is_some() {
        json.insert("held_checkpoint", "found");
    }
    json
}

fn tree_json(checked: &Checked) -> Json {
    let signed = &checked.signed;
    let witnesses = signed.witnesses.iter().map(|witness| {
        Json::object([
            ("name", Json::from(witness.name.as_str())),
            ("size", witness.size.into()),
            ("time", printed_time(witness.time_s).into()),
        ])
    });
    Json::object([
        ("root", Json::from(checked.root.to_string())),
        ("tiles", checked.tiles.into()),
        ("checkpoints", signed.checkpoints.into()),
        ("latest", signed.latest.map_or(Json::Null, Json::from)),
        ("signatures", trust(checked).into()),
        ("is_by_given_key", signed.is_by_given_key.into()),
        ("covered", signed.covered.into()),
        (
            "not_covered",
            (checked.report.next_seq() - signed.covered).into(),
        ),
        ("keys", Json::array(signed.keys.iter().map(String::as_str))),
        ("witnesses", Json::array(witnesses)),
    ])
}

fn shims_json(checked: &Checked) -> Json {
    let shims = &checked.shims;
    Json::object([
        ("streams", shims.streams),
        ("missing", shims.missing),
        ("undeclared", shims.undeclared),
        ("reused", shims.reused),
        ("unfollowed", shims.unfollowed),
    ])
}

/// Shows what a proof has shown.
pub(super) fn show_proof(output: &Output, result: &Result<Proved, ProofFault>) {
    match (result, output.is_json()) {
        (Ok(proved), true) => output.json(&Json::object([
            ("valid", Json::Bool(true)),
            ("origin", proved.origin.as_str().into()),
            ("seq", proved.seq.into()),
            ("size", proved.size.into()),
        ])),
        (Ok(proved), false) => {
            let good = output.paint(Colour::Green, "the proof holds:");
            let (seq, origin, size) = (proved.seq, printable(&proved.origin), proved.size);
            output.line(format!(
                "{good} the record is seq {seq} of log `{origin}`, by its checkpoint over {size} records"
            ));
        }
        (Err(fault), true) => output.json(&Json::object([
            ("valid", Json::Bool(false)),
            ("wrong", fault.to_string().into()),
        ])),
        (Err(fault), false) => {
            let broken = output.paint(Colour::Red, "the proof does not hold:");
            output.line(format!("{broken} {}", printable(&fault.to_string())));
        }
    }
}
