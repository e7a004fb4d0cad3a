//! How tests came out, as people and programs read it.

use super::junit;
use crate::cli::Output;
use crate::cli::output::{Colour, Format};
use crate::engine::FileCoverage;
use crate::model::json::{Json, Object};
use std::time::Duration;

/// Every test that was run.
pub(super) struct Report {
    /// One row a test.
    pub(super) rows: Vec<Row>,
    /// What was covered, where that was asked for.
    pub(super) coverage: Option<Vec<FileCoverage>>,
}

/// One test.
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// `file:line` of a rule; the file of a table.
    pub(super) place: String,
    pub(super) status: Status,
    /// Why it did not pass.
    pub(super) details: Vec<String>,
    pub(super) took: Duration,
    pub(super) prints: Vec<String>,
}

/// What kind of test.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Rego,
    Table,
}

/// How one test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pass,
    Fail,
    Error,
    /// The two evaluators gave different verdicts.
    Differ,
    Skip,
}

impl Status {
    const ALL: [Self; 5] = [
        Self::Pass,
        Self::Fail,
        Self::Error,
        Self::Differ,
        Self::Skip,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Differ => "engines_differ",
            Self::Skip => "skip",
        }
    }

    const fn shown(self) -> (Colour, &'static str) {
        match self {
            Self::Pass => (Colour::Green, "PASS"),
            Self::Fail => (Colour::Red, "FAIL"),
            Self::Error => (Colour::Red, "ERROR"),
            Self::Differ => (Colour::Red, "ENGINES DIFFER"),
            Self::Skip => (Colour::Dim, "SKIPPED"),
        }
    }
}

impl Report {
    pub(super) fn has_failures(&self) -> bool {
        let harmless = [Status::Pass, Status::Skip];
        self.rows.iter().any(|row| !harmless.contains(&row.status))
    }

    fn count(&self, status: Status) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }

    pub(super) fn show(&self, output: &Output) {
        if output.is_json() {
            output.json(&self.json());
            return;
        }
        if output.format == Format::Junit {
            output.line(junit::document(self).trim_end());
            return;
        }
        for row in &self.rows {
            row.show(output);
        }
        if let Some(files) = &self.coverage {
            show_coverage(output, files);
        }
        if !self.rows.is_empty() {
            output.line(self.summary(output));
        }
    }

    fn summary(&self, output: &Output) -> String {
        let counted = Status::ALL.into_iter().filter_map(|status| {
            let (colour, label) = status.shown();
            let count = self.count(status);
            (count > 0).then(|| format!("{} {count}", output.paint(colour, label)))
        });
        let counted: Vec<_> = counted.collect();
        format!("{} tests: {}", self.rows.len(), counted.join(", "))
    }

    fn json(&self) -> Json {
        let mut all = Object::new();
        all.insert("tests", Json::array(self.rows.iter().map(Row::json)));
        let counts = Status::ALL.map(|status| (status.as_str(), number(self.count(status))));
        all.insert("counts", Json::object(counts));
        if let Some(files) = &self.coverage {
            all.insert("coverage", coverage_json(files));
        }
        Json::Object(all)
    }
}

impl Row {
    fn show(&self, output: &Output) {
        let (colour, label) = self.status.shown();
        let label = output.paint(colour, label);
        let took = format!("{:.2} ms", self.took.as_secs_f64() * 1000.0);
        match output.format {
            Format::Table => {
                let took = output.paint(Colour::Dim, &format!("({took})"));
                output.line(format!("{label} {} {took}", self.name));
            }
            Format::Text | Format::Json | Format::Junit => {
                output.line(format!("{label}\t{}\t{took}", self.name))
            }
        }
        if !self.details.is_empty() {
            output.line(format!("  at {}", self.place));
        }
        for detail in &self.details {
            output.line(format!("  {}", detail.replace('\n', "\n  ")));
        }
        for print in &self.prints {
            output.line(format!("  print: {print}"));
        }
    }

    fn json(&self) -> Json {
        let kind = match self.kind {
            Kind::Rego => "rego",
            Kind::Table => "table",
        };
        let nanos = u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX);
        Json::object([
            ("name", Json::from(self.name.as_str())),
            ("kind", kind.into()),
            ("place", self.place.as_str().into()),
            ("outcome", self.status.as_str().into()),
            (
                "details",
                Json::array(self.details.iter().map(String::as_str)),
            ),
            ("duration_ns", nanos.into()),
            (
                "output",
                Json::array(self.prints.iter().map(String::as_str)),
            ),
        ])
    }
}

fn number(count: usize) -> Json {
    Json::from(u64::try_from(count).unwrap_or(u64::MAX))
}

/// Covered lines of all, in percent with one decimal; of nothing, everything is covered.
fn percent(covered: usize, all: usize) -> String {
    let permille = (covered * 1000).checked_div(all).unwrap_or(1000);
    format!("{}.{}", permille / 10, permille % 10)
}

fn percent_json(covered: usize, all: usize) -> Json {
    let text = percent(covered, all);
    let limits = crate::model::json::Limits::REQUEST;
    crate::model::json::parse(text.as_bytes(), limits).unwrap_or(Json::Null)
}

fn of_file(file: &FileCoverage) -> (usize, usize) {
    let covered = file.covered.len();
    (covered, covered + file.not_covered.len())
}

fn of_all(files: &[FileCoverage]) -> (usize, usize) {
    let add = |(covered, all), (more, more_all)| (covered + more, all + more_all);
    files.iter().map(of_file).fold((0, 0), add)
}

fn coverage_json(files: &[FileCoverage]) -> Json {
    let file = |file: &FileCoverage| {
        let lines = |lines: &std::collections::BTreeSet<u32>| {
            Json::array(lines.iter().map(|line| u64::from(*line)))
        };
        let (covered, all) = of_file(file);
        Json::object([
            ("file", Json::from(file.path.as_str())),
            ("percent", percent_json(covered, all)),
            ("covered_lines", lines(&file.covered)),
            ("not_covered_lines", lines(&file.not_covered)),
        ])
    };
    let (covered, all) = of_all(files);
    Json::object([
        ("files", Json::array(files.iter().map(file))),
        ("percent", percent_json(covered, all)),
    ])
}

fn show_coverage(output: &Output, files: &[FileCoverage]) {
    let row = |name: &str, (covered, all): (usize, usize), missing: String| {
        vec![
            name.to_owned(),
            format!("{} %", percent(covered, all)),
            missing,
        ]
    };
    let mut rows: Vec<_> = files
        .iter()
        .map(|file| row(&file.path, of_file(file), ranges(file)))
        .collect();
    rows.push(row("total", of_all(files), String::new()));
    output.table(&["FILE", "COVERED", "NOT COVERED"], &rows);
}

/// Lines that were not covered, neighbours as a range: `3-5,9`.
fn ranges(file: &FileCoverage) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in &file.not_covered {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *line => *last = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let shown = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(",")
}
