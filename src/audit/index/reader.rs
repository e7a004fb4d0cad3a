//! Finding records through an index.

use super::filter::{Filter, Order};
use super::lines::segment_path;
use super::page::{PAGE_BYTES_MAX, Page, PageToken, PageTokenError, RECORDS_PER_PAGE_MAX};
use super::sql::statement;
use super::store::{Indexed, file_of, indexed};
use super::{IndexError, index_path};
use crate::audit::layout::{LINE_BYTES_MAX, segment_name};
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, params_from_iter};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Files of the log that a reader keeps open.
const FILES_OPEN_MAX: usize = 8;
/// What its database keeps in memory, in KiB.
const CACHE_KIB: i64 = 4_096;

/// Why nothing can be given.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The page token.
    #[error(transparent)]
    Token(#[from] PageTokenError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A file that holds one of the records is not there any more.
    #[error("the record of seq {seq} is not here any more: restore `{}`", segment_name(*.segment))]
    Gone {
        /// The record.
        seq: u64,
        /// The first record of its file.
        segment: u64,
    },
    /// It was given up.
    #[error("the query was given up")]
    Interrupted,
    /// The index has not got the last records yet, or is not there.
    #[error(
        "the index of the audit log is not ready ({0}): ask again; records and decisions are not concerned"
    )]
    NotReady(String),
}

impl From<rusqlite::Error> for FindError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Interrupted,
            _ => Self::Index(error.into()),
        }
    }
}

/// An index, open for finding records.
pub struct Reader {
    dir: PathBuf,
    database: Connection,
    files: Vec<(u64, File)>,
    pub(super) file: (u64, u64),
}

struct Place {
    seq: u64,
    segment: u64,
    start: u64,
    bytes: usize,
}

impl Reader {
    /// Opens the index beside this log. It changes nothing.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        let file = file_of(dir)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(index_path(dir), flags)?;
        database.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(Self {
            dir: dir.to_owned(),
            database,
            files: Vec::new(),
            file,
        })
    }

    /// The last record that the index has; `None`: it has none.
    ///
    /// # Errors
    /// It cannot be read, or does not fit the log.
    pub fn last_seq(&self) -> Result<Option<u64>, IndexError> {
        let indexed = indexed(&self.database)?;
        if let Some(indexed) = &indexed {
            indexed.check(&self.dir)?;
        }
        Ok(indexed.map(|indexed| indexed.seq))
    }

    /// Ends what is being looked for, from another thread.
    #[must_use]
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.database.get_interrupt_handle()
    }

    /// A page of the records that match, at least one and at most so many.
    ///
    /// # Errors
    /// As `FindError` says.
    pub fn page(
        &mut self,
        filter: &Filter,
        order: Order,
        token: Option<PageToken>,
        records_max: usize,
    ) -> Result<Page, FindError> {
        let Some(Indexed { seq: newest, .. }) = indexed(&self.database)? else {
            return Ok(Page::default());
        };
        let through = token.map_or(newest, |token| token.through_seq);
        if through > newest {
            return Err(PageTokenError.into());
        }
        let range = match (token, order) {
            (None, _) => (0, through),
            (Some(token), Order::NewestFirst) if token.at_seq == 0 => return Ok(end(through)),
            (Some(token), Order::NewestFirst) => (0, token.at_seq - 1),
            (Some(token), Order::OldestFirst) => (token.at_seq + 1, through),
        };
        let records_max = records_max.clamp(1, RECORDS_PER_PAGE_MAX);
        let places = self.places(filter, order, range, records_max + 1)?;
        let mut page = end(through);
        let mut bytes = 0;
        for place in &places {
            bytes += place.bytes;
            let is_full = page.records.len() == records_max || bytes > PAGE_BYTES_MAX;
            if let (true, Some((at, _))) = (is_full, page.records.last()) {
                page.next = Some(PageToken::new(through, *at, filter, order));
                break;
            }
            page.records.push((place.seq, self.line(place)?));
        }
        Ok(page)
    }

    fn places(
        &self,
        filter: &Filter,
        order: Order,
        range: (u64, u64),
        rows_max: usize,
    ) -> Result<Vec<Place>, FindError> {
        let Some(asked) = statement(&self.database, filter, order, range, rows_max)? else {
            return Ok(Vec::new());
        };
        let mut prepared = self.database.prepare(&asked.text)?;
        let rows = prepared.query_map(params_from_iter(asked.values), |row| {
            let number =
                |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)?.unsigned_abs());
            Ok(Place {
                seq: number(0)?,
                segment: number(1)?,
                start: number(2)?,
                bytes: usize::try_from(number(3)?).unwrap_or(usize::MAX),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The line at this place, which has to be the record's.
    fn line(&mut self, place: &Place) -> Result<Vec<u8>, FindError> {
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FindError::Gone {
                seq: place.seq,
                segment: place.segment,
            },
            io::ErrorKind::UnexpectedEof => FindError::Index(UNFIT),
            _ => FindError::Index(error.into()),
        };
        let file = self.segment(place.segment).map_err(unreadable)?;
        let mut line = vec![0; place.bytes.min(LINE_BYTES_MAX) + 1];
        file.read_exact_at(&mut line, place.start)
            .map_err(unreadable)?;
        let has_end = line.pop() == Some(b'\n');
        let seq = format!(",\"seq\":{},", place.seq);
        let is_record = line.first() == Some(&b'{')
            && line.last() == Some(&b'}')
            && line.windows(seq.len()).any(|part| part == seq.as_bytes());
        if has_end && is_record {
            Ok(line)
        } else {
            Err(UNFIT.into())
        }
    }

    fn segment(&mut self, segment: u64) -> io::Result<&File> {
        let at = self.files.iter().position(|(first, _)| *first == segment);
        let open = match at {
            Some(at) => self.files.remove(at),
            None => (segment, File::open(segment_path(&self.dir, segment))?),
        };
        self.files.truncate(FILES_OPEN_MAX - 1);
        self.files.insert(0, open);
        let first = self.files.first().map(|(_, file)| file);
        first.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

const UNFIT: IndexError = IndexError::Unfit("a record is not where it says");

fn end(through_seq: u64) -> Page {
    Page {
        through_seq: Some(through_seq),
        ..Page::default()
    }
}
