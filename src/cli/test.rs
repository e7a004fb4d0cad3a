//! `toolgate test`.

mod expect;
mod junit;
mod report;
mod table;
#[cfg(test)]
mod tests;

use super::{CliError, Exit, Output, bundles, findings, watch};
use crate::bundle::library;
use crate::bundle::verify::Verified;
use crate::engine::{Outcome, TestPlan, TestResult, run_tests};
use crate::model::bundle::{Module, Sources};
use clap::{ArgGroup, Args};
use report::{Kind, Report, Row, Status};
use std::path::PathBuf;
use std::time::Instant;

/// Run a bundle's tests: rules named `test_…` in `*_test.rego`, and tables in `*_test.yaml`.
///
/// Rego tests run in the interpreter, as `opa test` runs them. Each case of a table is decided on
/// both evaluators; where they differ, that is a failure of its own kind. Exits with 3 if a test
/// failed, with 2 if the bundle or a table cannot be used or there is no test.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["paths", "library"]))]
pub struct Test {
    /// Bundles that decide together: directories, `.rego` files or OPA `.tar.gz` archives.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run the tests of the embedded policy library instead.
    #[arg(long, conflicts_with = "paths")]
    library: bool,
    /// Run only tests whose name contains this text.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    run: String,
    /// Also tell which lines of the policies the Rego tests evaluated.
    #[arg(long)]
    coverage: bool,
    /// Run the tests again whenever a bundle changes, until the command is ended.
    #[arg(long, conflicts_with = "library")]
    watch: bool,
}

impl Test {
    /// Runs the tests and prints how they came out.
    ///
    /// # Errors
    /// Bundles or tables that cannot be used.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        if self.watch {
            watch::repeat(bundles::sources(&self.paths), output, || self.once(output));
        }
        self.once(output)
    }

    fn once(&self, output: &Output) -> Result<Exit, CliError> {
        let report = match self.library {
            true => self.rego(&library_alone())?,
            false => self.bundles(output)?,
        };
        if report.rows.is_empty() && !self.run.is_empty() {
            return Err(CliError::unusable(format!(
                "no test has `{}` in its name: `toolgate test` without `--run` lists all",
                self.run
            )));
        }
        if report.rows.is_empty() {
            return Err(CliError::unusable(
                "no tests found: write rules named `test_…` into `*_test.rego`, or tables into `*_test.yaml`",
            ));
        }
        report.show(output);
        Ok(match report.has_failures() {
            true => Exit::No,
            false => Exit::Done,
        })
    }

    fn bundles(&self, output: &Output) -> Result<Report, CliError> {
        let verified = bundles::read(&self.paths)?;
        for warning in verified.warnings() {
            output.note(format!("warning: {warning}"));
        }
        let mut report = self.rego(&verified)?;
        report.rows.extend(self.tables(&verified)?);
        Ok(report)
    }

    fn rego(&self, sources: &Sources) -> Result<Report, CliError> {
        let begin = Instant::now();
        let plan = TestPlan {
            wanted: &|name| name.contains(&self.run),
            coverage: self.coverage,
            clock: &|| begin.elapsed(),
        };
        let run = run_tests(sources, &plan).map_err(|refused| findings::refused(&refused))?;
        Ok(Report {
            rows: run.results.into_iter().map(rego_row).collect(),
            coverage: self.coverage.then_some(run.coverage),
        })
    }

    fn tables(&self, verified: &Verified<Sources>) -> Result<Vec<Row>, CliError> {
        let is_table = |module: &&Module| !module.path.ends_with(".rego");
        let mut cases = Vec::new();
        for file in verified.tests.iter().filter(is_table) {
            let read = table::read(&file.path, &file.source).map_err(CliError::unusable)?;
            cases.extend(
                read.into_iter()
                    .filter(|case| case.name.contains(&self.run)),
            );
        }
        if cases.is_empty() {
            return Ok(Vec::new());
        }
        let sets = table::Sets::compile(verified).map_err(|refused| findings::refused(&refused))?;
        Ok(cases.into_iter().map(|case| sets.run(case)).collect())
    }
}

/// The library as a bundle of its own, so that coverage tells of it.
fn library_alone() -> Sources {
    Sources {
        modules: library::modules(),
        tests: library::test_modules(),
        ..Sources::default()
    }
}

fn rego_row(result: TestResult) -> Row {
    let (status, details) = match result.outcome {
        Outcome::Pass => (Status::Pass, Vec::new()),
        Outcome::Fail => (Status::Fail, vec!["the rule is not true".to_owned()]),
        Outcome::Error(message) => (Status::Error, vec![message]),
        Outcome::Skip => (Status::Skip, Vec::new()),
    };
    Row {
        kind: Kind::Rego,
        name: result.name,
        place: format!("{}:{}", result.path, result.line),
        status,
        details,
        took: result.took,
        prints: result.prints,
    }
}
