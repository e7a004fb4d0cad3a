//! `toolgate audit tail`.

use super::super::{CliError, Exit, Output};
use super::filters::{Filters, asked};
use super::query::print;
use super::record::seq_of;
use super::source::{LogArgs, Pdp, Source};
use crate::audit::index::{Filter, Lines, Order, record_of};
use crate::wire::v1;
use clap::Args;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Builder;

/// How often a directory is looked at, in milliseconds.
const LOOK_MS: u64 = 200;

/// Show the last records, and the next ones as they come.
#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    filters: Filters,
    /// So many of the last records first.
    #[arg(short = 'n', long, value_name = "RECORDS", default_value_t = 10)]
    lines: usize,
    /// End with the last record, instead of waiting for the next.
    #[arg(long)]
    no_follow: bool,
}

impl Tail {
    /// Prints until it is ended.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let source = self.log.open()?;
        let filter = self.filters.filter();
        let mut last = Vec::new();
        source.find(output, &filter, Order::NewestFirst, &mut |seq, line| {
            if last.len() < self.lines {
                last.push((seq, line.to_vec()));
            }
            match last.len() < self.lines {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        let mut from_seq = None;
        for (seq, line) in last.iter().rev() {
            print(output, line);
            from_seq = Some(seq + 1);
        }
        if self.no_follow {
            return Ok(Exit::Done);
        }
        match &source {
            Source::Directory(dir) => follow(output, dir, &filter, from_seq),
            Source::Pdp(pdp) => stream(output, pdp, &filter, from_seq.unwrap_or(0)),
        }
    }
}

/// Looks at the files again and again.
fn follow(
    output: &Output,
    dir: &Path,
    filter: &Filter,
    from_seq: Option<u64>,
) -> Result<Exit, CliError> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(CliError::failure)?;
    let mut lines = Lines::from_seq(dir, from_seq.unwrap_or(0)).map_err(CliError::unusable)?;
    if from_seq.is_none() {
        // Nothing has matched so far: only what comes from now on can.
        while lines.next().map_err(CliError::unusable)?.is_some() {}
    }
    runtime.block_on(async {
        let mut again = tokio::time::interval(Duration::from_millis(LOOK_MS));
        loop {
            while let Some(line) = lines.next().map_err(CliError::unusable)? {
                let record = record_of(&line).map_err(CliError::unusable)?;
                if filter.matches(&record) {
                    print(output, &line.bytes);
                }
            }
            again.tick().await;
        }
    })
}

/// Has them sent by the PDP, for as long as it lives.
fn stream(output: &Output, pdp: &Pdp, filter: &Filter, from_index: u64) -> Result<Exit, CliError> {
    let mut from_index = from_index;
    let asked = v1::TailRequest {
        justification: pdp.justification(),
        from_index,
        matching: Some(asked(filter)),
    };
    let mut audit = pdp.remote.audit();
    let streamed = pdp.remote.wait(audit.tail(pdp.request(asked)))?;
    let mut records = streamed.into_inner();
    loop {
        let next = pdp.remote.wait_on(records.message())?;
        let Some(next) = next else {
            return Err(CliError::failure(format!(
                "the PDP ended the stream; the next record is {from_index}"
            )));
        };
        from_index = seq_of(&next.record_json) + 1;
        print(output, &next.record_json);
    }
}
