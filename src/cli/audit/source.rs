//! Which log is read: a directory, or that of a PDP.

use super::super::decide::remote::{Remote, TlsArgs};
use super::super::{CliError, Output};
use super::filters;
use crate::audit::index::{Filter, FindError, IndexError, Order, Reader, scan, segments};
use crate::wire::v1::QueryResponse;
use crate::wire::{TENANT_METADATA, v1};
use clap::Args;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

/// Records that a PDP is asked for at once.
const PAGE_RECORDS: u32 = 500;

/// The log that is read.
#[derive(Clone, Debug, Args)]
pub(super) struct LogArgs {
    /// The log's directory; its index is used if there is one.
    #[arg(long, value_name = "DIR", required_unless_present = "pdp", conflicts_with_all = ["pdp", "tenant", "TlsArgs"])]
    dir: Option<PathBuf>,
    /// A PDP, whose log it is: `unix:/path`, `http://host:port` or `https://host:port`.
    #[arg(long, value_name = "URL", requires = "justification")]
    pdp: Option<String>,
    /// Why the log is read: a PDP records it.
    #[arg(long, value_name = "TEXT")]
    justification: Option<String>,
    /// The tenant; needed of a caller that belongs to several.
    #[arg(long, value_name = "NAME")]
    tenant: Option<MetadataValue<Ascii>>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// A log that is read.
pub(super) enum Source {
    Directory(PathBuf),
    Pdp(Box<Pdp>),
}

/// A PDP that is asked.
pub(super) struct Pdp {
    pub(super) remote: Remote,
    justification: String,
    tenant: Option<MetadataValue<Ascii>>,
}

/// What is done with a record: its seq and its line.
pub(super) type See<'a> = &'a mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>;

impl LogArgs {
    /// Opens it.
    pub(super) fn open(&self) -> Result<Source, CliError> {
        let Some(url) = &self.pdp else {
            return directory(self.dir.as_deref().unwrap_or(Path::new("."))).map(Source::Directory);
        };
        Ok(Source::Pdp(Box::new(Pdp {
            remote: Remote::new(url, &self.tls, None)?,
            justification: self.justification.clone().unwrap_or_default(),
            tenant: self.tenant.clone(),
        })))
    }
}

/// A directory that has a log.
pub(super) fn directory(dir: &Path) -> Result<PathBuf, CliError> {
    let shown = dir.display();
    match segments(dir) {
        Ok(found) if found.is_empty() => Err(CliError::unusable(format!(
            "no audit log in `{shown}`: it has no file `log-<20 digits>.jsonl`"
        ))),
        Ok(_) => Ok(dir.to_owned()),
        Err(error) => Err(CliError::unusable(format!(
            "cannot read `{shown}`: {error}"
        ))),
    }
}

impl Source {
    /// Shows the records that match, in this order, until `see` has enough.
    pub(super) fn find(
        &self,
        output: &Output,
        filter: &Filter,
        order: Order,
        see: See<'_>,
    ) -> Result<(), CliError> {
        match self {
            Self::Directory(dir) => local(output, dir, filter, order, see),
            Self::Pdp(pdp) => pdp.find(filter, order, see),
        }
    }
}

impl Pdp {
    /// A request about the tenant that is named.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = self.remote.request(message);
        if let Some(tenant) = &self.tenant {
            let metadata = request.metadata_mut();
            metadata.insert(TENANT_METADATA, tenant.clone());
        }
        request
    }

    pub(super) fn justification(&self) -> String {
        self.justification.clone()
    }

    fn find(&self, filter: &Filter, order: Order, see: See<'_>) -> Result<(), CliError> {
        let mut asked = filters::asked(filter);
        asked.justification = self.justification();
        asked.page_size = PAGE_RECORDS;
        asked.order = match order {
            Order::NewestFirst => v1::QueryOrder::NewestFirst,
            Order::OldestFirst => v1::QueryOrder::OldestFirst,
        }
        .into();
        loop {
            let found = self.page(asked.clone())?;
            for line in &found.records_json {
                if see(super::record::seq_of(line), line).is_break() {
                    return Ok(());
                }
            }
            if found.next_page_token.is_empty() {
                return Ok(());
            }
            asked.page_token = found.next_page_token;
        }
    }

    fn page(&self, asked: v1::QueryRequest) -> Result<QueryResponse, CliError> {
        let mut audit = self.remote.audit();
        let found = self.remote.wait(audit.query(self.request(asked)))?;
        Ok(found.into_inner())
    }
}

/// Through the index as far as it goes, and line by line where it does not.
fn local(
    output: &Output,
    dir: &Path,
    filter: &Filter,
    order: Order,
    see: See<'_>,
) -> Result<(), CliError> {
    let reader = Reader::open(dir).and_then(|reader| Ok((reader.last_seq()?, reader)));
    let (indexed, mut reader) = match reader {
        Ok((last, reader)) => (last.map_or(0, |last| last + 1), Some(reader)),
        Err(IndexError::Log(error)) if error.kind() == std::io::ErrorKind::NotFound => (0, None),
        Err(error) => {
            output.note(format!(
                "{error}: every line is looked at; `toolgate audit reindex` makes an index"
            ));
            (0, None)
        }
    };
    if order == Order::NewestFirst && scan_back(dir, indexed, filter, see)?.is_break() {
        return Ok(());
    }
    if let Some(reader) = &mut reader
        && indexed > 0
        && pages(reader, filter, order, see)?.is_break()
    {
        return Ok(());
    }
    if order == Order::OldestFirst {
        let scanned = scan(dir, indexed, filter, &mut |seq, line, _| see(seq, &line));
        scanned.map_err(CliError::unusable)?;
    }
    Ok(())
}

fn pages(
    reader: &mut Reader,
    filter: &Filter,
    order: Order,
    see: See<'_>,
) -> Result<ControlFlow<()>, CliError> {
    let mut token = None;
    loop {
        let page = reader.page(filter, order, token, 1_000);
        let page = page.map_err(|error| match error {
            FindError::Gone { .. } => CliError::unusable(error),
            error => CliError::failure(error),
        })?;
        for (seq, line) in &page.records {
            if see(*seq, line).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        match page.next {
            Some(next) => token = Some(next),
            None => return Ok(ControlFlow::Continue(())),
        }
    }
}

/// From the last record back to this one; of each file all that matches is held at once.
fn scan_back(
    dir: &Path,
    first: u64,
    filter: &Filter,
    see: See<'_>,
) -> Result<ControlFlow<()>, CliError> {
    let mut before = u64::MAX;
    let segments = segments(dir).map_err(CliError::unusable)?;
    for segment in segments.into_iter().rev() {
        if before <= first {
            break;
        }
        let mut found = Vec::new();
        let scanned = scan(dir, segment.max(first), filter, &mut |seq, line, _| {
            if seq >= before {
                return ControlFlow::Break(());
            }
            found.push((seq, line));
            ControlFlow::Continue(())
        });
        scanned.map_err(CliError::unusable)?;
        for (seq, line) in found.iter().rev() {
            if see(*seq, line).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        before = segment;
    }
    Ok(ControlFlow::Continue(()))
}
