//! `toolgate audit export`.

use super::super::{CliError, Exit, Output};
use super::printable;
use crate::audit::export::{
    COMMIT_RECORDS_MAX, ExportError, Format, OUTCOME_WAIT_SECONDS_MAX, Options, Step, Summary,
    export,
};
use crate::model::json::Json;
use crate::model::time::Timestamp;
use crate::telemetry::now;
use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// So many records are read between two changes of the line about progress.
const PROGRESS_RECORDS: u64 = 10_000;

/// Write a log's calls in another format.
#[derive(Debug, Args)]
pub struct Export {
    /// The directories of logs; of several, an event in two of them is one.
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// What to write: one JSON object a line of the flat record, a CloudEvents 1.0 event or an OCSF
    /// API Activity, or Parquet files, one directory a day.
    #[arg(long, value_enum)]
    format: Kind,
    /// The file, or the directory of Parquet files. Beside it, or in it, is kept how far it is.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Only calls decided from then on, such as `2026-11-21T00:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only calls decided before then.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Only calls whose decision has this seq or a later one.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from_seq: u64,
    /// A granted call without an outcome that is younger than this at the end of the log is left
    /// to the next run.
    #[arg(long, value_name = "SECONDS", default_value_t = OUTCOME_WAIT_SECONDS_MAX,
          value_parser = clap::value_parser!(u64).range(..=OUTCOME_WAIT_SECONDS_MAX))]
    wait: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The flat record.
    Jsonl,
    /// CloudEvents 1.0, structured JSON.
    Cloudevents,
    /// OCSF API Activity.
    Ocsf,
    /// Parquet, partitioned by day.
    Parquet,
}

impl From<Kind> for Format {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Jsonl => Self::Jsonl,
            Kind::Cloudevents => Self::CloudEvents,
            Kind::Ocsf => Self::Ocsf,
            Kind::Parquet => Self::Parquet,
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = Timestamp::parse_rfc3339(text);
    time.ok_or_else(|| "expected a time such as `2026-11-21T00:00:00Z`".to_owned())
}

impl Export {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let options = Options {
            dirs: self.dirs.clone(),
            to: self.to.clone(),
            format: self.format.into(),
            since: self.since,
            until: self.until,
            from_seq: self.from_seq,
            wait_seconds: self.wait,
            commit_records_max: COMMIT_RECORDS_MAX,
        };
        let mut progress = Progress::new();
        let exported = export(&options, now(), &mut |step| {
            progress.tell(step);
            Ok(())
        });
        progress.end();
        match exported {
            Ok(summary) => {
                show(output, &options, &summary);
                Ok(Exit::Done)
            }
            Err(error @ ExportError::Broken { .. }) => {
                output.error(printable(&error.to_string()));
                Ok(Exit::No)
            }
            Err(error @ ExportError::Write { .. }) => Err(CliError::failure(error)),
            Err(error) => Err(CliError::unusable(error)),
        }
    }
}

/// A line on a terminal that is written over, and nothing elsewhere.
struct Progress {
    is_shown: bool,
    is_begun: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            is_begun: false,
        }
    }

    fn tell(&mut self, step: Step) {
        if let Step::Read(records) = step
            && self.is_shown
            && records.is_multiple_of(PROGRESS_RECORDS)
        {
            self.is_begun = true;
            let _unread = write!(std::io::stderr(), "\r{records} records read");
        }
    }

    fn end(&self) {
        if self.is_begun {
            let _unread = writeln!(std::io::stderr());
        }
    }
}

fn show(output: &Output, options: &Options, summary: &Summary) {
    let counts = [
        ("rows", summary.rows),
        ("rows in all", summary.rows_in_all),
        ("records read", summary.records),
        ("duplicates left out", summary.duplicates),
        ("without outcome", summary.without_outcome),
        ("outcomes without call", summary.unpaired_outcomes),
        ("left to the next run", summary.waiting),
    ];
    let to = options.to.display().to_string();
    if output.is_json() {
        let mut json = crate::model::json::Object::new();
        json.insert("format", options.format.as_str());
        json.insert("to", to);
        for (name, count) in [
            ("rows", summary.rows),
            ("rows_in_all", summary.rows_in_all),
            ("records", summary.records),
            ("duplicates", summary.duplicates),
            ("without_outcome", summary.without_outcome),
            ("unpaired_outcomes", summary.unpaired_outcomes),
            ("waiting", summary.waiting),
        ] {
            json.insert(name, count);
        }
        output.json(&Json::Object(json));
        return;
    }
    let counts = counts.map(|(name, count)| vec![name.to_owned(), count.to_string()]);
    let mut rows = vec![vec!["to".to_owned(), to]];
    rows.extend(counts);
    output.table(&["EXPORTED", ""], &rows);
}
