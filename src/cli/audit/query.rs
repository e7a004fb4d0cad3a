//! `toolgate audit query`.

use super::super::output::Format;
use super::super::{CliError, Exit, Output};
use super::filters::Filters;
use super::record::{HEADINGS, read, row};
use super::source::LogArgs;
use crate::audit::index::Order;
use clap::Args;
use std::ops::ControlFlow;

/// Find records.
#[derive(Debug, Args)]
pub struct Query {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filters: Filters,
    /// At most so many records; 0: all.
    #[arg(long, value_name = "RECORDS", default_value_t = 100)]
    limit: u64,
    /// The first record first, instead of the last one.
    #[arg(long)]
    oldest_first: bool,
}

impl Query {
    /// Finds and prints.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let order = match self.oldest_first {
            true => Order::OldestFirst,
            false => Order::NewestFirst,
        };
        let (mut rows, mut records, mut are_more) = (Vec::new(), 0, false);
        let source = self.log.open()?;
        source.find(output, &self.filters.filter(), order, &mut |_, line| {
            if self.limit > 0 && records == self.limit {
                are_more = true;
                return ControlFlow::Break(());
            }
            records += 1;
            match output.format {
                Format::Table => rows.push(row(output, &read(line))),
                _ => print(output, line),
            }
            ControlFlow::Continue(())
        })?;
        if output.format == Format::Table {
            output.table(&HEADINGS, &rows);
        }
        if are_more {
            output.note(format!(
                "there are more than {records} records: narrow it down, or give --limit"
            ));
        }
        Ok(Exit::Done)
    }
}

/// Prints a record: as it is in the log for programs, else its cells.
pub(super) fn print(output: &Output, line: &[u8]) {
    match output.is_json() {
        true => output.line(String::from_utf8_lossy(line)),
        false => output.line(row(output, &read(line)).join("\t")),
    }
}
