//! `toolgate audit`.

use super::output::{Colour, Format};
use super::{CliError, Exit, Output};
use crate::audit::verify::{Fault, Head, Report, Wrong, verify, verify_with_head};
use crate::model::json::{Json, Object};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Read audit logs.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check a log: every record's form, place and hash.
    ///
    /// Prints the head: keep it elsewhere, and give it with `--head` the next time, so that records
    /// that were taken away or rewritten since are seen. Exits with 3 and names the first wrong
    /// record if there is one, with 2 if the log cannot be read.
    Verify(Verify),
}

/// Check a log.
#[derive(Debug, Args)]
pub struct Verify {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A head that an earlier check printed.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
}

impl Audit {
    /// Runs the command.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let Self::Verify(verify) = self;
        verify.run(output)
    }
}

impl Verify {
    fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let checked = match &self.head {
            Some(head) => verify_with_head(&self.dir, head),
            None => verify(&self.dir),
        };
        match checked {
            Ok(report) if report.last_file.is_none() => Err(CliError::unusable(format!(
                "no audit log in `{}`: it has no file `log-<20 digits>.jsonl`",
                self.dir.display()
            ))),
            Ok(report) => {
                show(output, &report);
                Ok(Exit::Done)
            }
            Err(fault) => match &fault.what {
                Wrong::Unreadable(error) => {
                    let path = match fault.file.is_empty() {
                        true => self.dir.clone(),
                        false => self.dir.join(&fault.file),
                    };
                    let path = path.display();
                    Err(CliError::unusable(format!("cannot read `{path}`: {error}")))
                }
                _ => {
                    show_fault(output, &fault);
                    Ok(Exit::No)
                }
            },
        }
    }
}

fn show(output: &Output, report: &Report) {
    if output.is_json() {
        output.json(&report_json(report));
        return;
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let head = report.head.as_ref().map(ToString::to_string);
    let mut rows = vec![
        vec!["origin".to_owned(), or_none(&report.origin)],
        vec!["files".to_owned(), report.files.to_string()],
        vec!["records".to_owned(), report.records.to_string()],
    ];
    for (kind, count) in &report.by_type {
        rows.push(vec![format!("  {kind}"), count.to_string()]);
    }
    rows.push(vec!["first".to_owned(), or_none(&report.first_time)]);
    rows.push(vec!["last".to_owned(), or_none(&report.last_time)]);
    rows.push(vec!["head".to_owned(), or_none(&head)]);
    output.table(&["LOG", ""], &rows);
    if let Some(torn) = &report.torn {
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
        output.line(format!("{good}; keep the head elsewhere"));
    }
}

fn report_json(report: &Report) -> Json {
    let text = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
    let by_type = report.by_type.iter();
    let by_type = Json::object(by_type.map(|(kind, count)| (kind.as_str(), Json::from(*count))));
    let torn = report.torn.as_ref().map_or(Json::Null, |torn| {
        Json::object([
            ("file", Json::from(torn.file.as_str())),
            ("offset_bytes", torn.offset_bytes.into()),
            ("bytes", torn.bytes.into()),
        ])
    });
    Json::object([
        ("valid", Json::Bool(true)),
        ("origin", text(&report.origin)),
        ("files", report.files.into()),
        ("records", report.records.into()),
        ("by_type", by_type),
        ("first_time", text(&report.first_time)),
        ("last_time", text(&report.last_time)),
        ("head", text(&report.head.as_ref().map(ToString::to_string))),
        ("torn", torn),
    ])
}

fn show_fault(output: &Output, fault: &Fault) {
    if output.is_json() {
        let mut wrong = Object::new();
        wrong.insert("file", fault.file.as_str());
        wrong.insert("line", fault.line);
        wrong.insert("seq", fault.seq);
        wrong.insert("what", fault.what.to_string());
        output.json(&Json::object([
            ("valid", Json::Bool(false)),
            ("wrong", wrong.into()),
        ]));
    } else {
        let broken = output.paint(Colour::Red, "the log is broken:");
        output.line(format!("{broken} {fault}"));
    }
}
