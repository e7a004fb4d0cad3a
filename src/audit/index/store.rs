//! The database: its tables, and taking records in.

use super::lines::{Line, Lines};
use super::names::Names;
use super::row::Row;
use super::scan::record_of;
use super::taking::{Spanned, Taking};
use super::{IndexError, index_path};
use crate::audit::hash::sha256_hex;
use crate::model::json::Json;
use rusqlite::{Connection, OptionalExtension, params};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// The tables' version: another one is made anew.
const SCHEMA_VERSION: i64 = 2;
/// How long a reader's lock is waited for, in milliseconds.
const BUSY_MS_MAX: u64 = 1_000;
/// What the database keeps in memory, in KiB.
const CACHE_KIB: i64 = 8_192;
const SCHEMA: &str = "
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 0), origin TEXT NOT NULL,
  seq INTEGER NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE policies (id INTEGER PRIMARY KEY, revision TEXT, digest TEXT);
CREATE TABLE records (seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL, start INTEGER NOT NULL,
  bytes INTEGER NOT NULL, time INTEGER NOT NULL, kind INTEGER NOT NULL, decision_id TEXT,
  principal INTEGER, caller INTEGER, user INTEGER, agent INTEGER, server INTEGER, tool INTEGER,
  effect INTEGER, status INTEGER, session_id TEXT, correlation_id TEXT, policy INTEGER);
CREATE TABLE spans (field INTEGER NOT NULL, value INTEGER NOT NULL, span INTEGER NOT NULL,
  PRIMARY KEY (field, value, span)) WITHOUT ROWID;
CREATE TABLE reasons (code INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (code, seq))
  WITHOUT ROWID;
CREATE TABLE blocks (block INTEGER PRIMARY KEY, earliest INTEGER NOT NULL, latest INTEGER NOT NULL);
";

/// The columns with an index each: few records have the same value.
pub(super) const LOOKED_UP: [&str; 5] = [
    "decision_id",
    "correlation_id",
    "session_id",
    "user",
    "principal",
];

const SET_STATE: &str = "INSERT OR REPLACE INTO state VALUES (0, ?, ?, ?, ?, ?)";

/// How far an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) origin: String,
    /// The last record that it has.
    pub(super) seq: u64,
    segment: u64,
    start: u64,
    hash: String,
}

/// The database, open for taking records in.
pub(super) struct Store {
    database: Connection,
    names: Names,
    spanned: Spanned,
    indexed: Option<Indexed>,
    /// Device and number of the file: another one of its name is another index.
    pub(super) file: (u64, u64),
}

impl Store {
    /// Opens the index beside this log, or makes one.
    ///
    /// # Errors
    /// It cannot be opened, or does not fit the log.
    pub(super) fn open(dir: &Path) -> Result<Self, IndexError> {
        let path = index_path(dir);
        // What SQLite puts beside it gets the same permissions.
        let mut private = OpenOptions::new();
        private.write(true).create(true).truncate(false).mode(0o600);
        drop(private.open(&path)?);
        let database = Connection::open(&path)?;
        database.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
        database.pragma_update(None, "cache_size", -CACHE_KIB)?;
        // After a crash it is whole, if perhaps a little behind.
        database.pragma_update(None, "synchronous", "normal")?;
        let version = version(&database)?;
        if version == 0 {
            create(&database)?;
        } else if version != SCHEMA_VERSION {
            return Err(IndexError::Unfit("it is of another version"));
        }
        let indexed = indexed(&database)?;
        if let Some(indexed) = &indexed {
            indexed.check(dir)?;
        }
        Ok(Self {
            database,
            names: Names::default(),
            spanned: Spanned::default(),
            indexed,
            file: file_of(dir)?,
        })
    }

    /// The seq of the record that it needs next.
    pub(super) fn next_seq(&self) -> u64 {
        self.indexed.as_ref().map_or(0, |indexed| indexed.seq + 1)
    }

    /// The lines that it has not got yet.
    pub(super) fn lines(&self, dir: &Path) -> io::Result<Lines> {
        match &self.indexed {
            None => Lines::from_seq(dir, 0),
            Some(last) => {
                let mut lines = Lines::at(dir, last.seq, last.segment, last.start)?;
                lines.next()?;
                Ok(lines)
            }
        }
    }

    /// Takes in lines that follow those that it has: all, or none.
    ///
    /// # Errors
    /// A line that is no record; the database.
    pub(super) fn take_in(&mut self, lines: &[Line]) -> Result<(), IndexError> {
        let taken = self.try_take_in(lines);
        if taken.is_err() {
            // Numbers that were given meanwhile are not: nothing was committed.
            self.names = Names::default();
            self.spanned = Spanned::default();
        }
        taken
    }

    fn try_take_in(&mut self, lines: &[Line]) -> Result<(), IndexError> {
        let Some(last) = lines.last() else {
            return Ok(());
        };
        let transaction = self.database.transaction()?;
        let mut origin = String::new();
        let mut taking = Taking::prepare(&transaction, &mut self.names, &mut self.spanned)?;
        for line in lines {
            let record = record_of(line)?;
            let own = record.get("origin").and_then(Json::as_str);
            origin = own.unwrap_or_default().to_owned();
            taking.take(line, &Row::of(&record))?;
        }
        taking.finish()?;
        if self.indexed.as_ref().is_some_and(|it| it.origin != origin) {
            return Err(IndexError::Unfit("it is of another origin"));
        }
        let indexed = Indexed {
            origin,
            seq: last.seq,
            segment: last.segment,
            start: last.offset_bytes,
            hash: sha256_hex(&last.bytes),
        };
        indexed.write(&transaction)?;
        transaction.commit()?;
        self.indexed = Some(indexed);
        Ok(())
    }
}

impl Indexed {
    fn write(&self, database: &Connection) -> rusqlite::Result<()> {
        let (seq, segment, start) = (self.seq, self.segment, self.start);
        let [seq, segment, start] = [seq, segment, start].map(integer);
        let values = params![self.origin, seq, segment, start, self.hash];
        database.execute(SET_STATE, values).map(drop)
    }

    /// Whether the log's files have the last record that the index has, as it was.
    pub(super) fn check(&self, dir: &Path) -> Result<(), IndexError> {
        let line = match Lines::at(dir, self.seq, self.segment, self.start) {
            Ok(mut lines) => lines.next().ok().flatten(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let is_same = line.is_some_and(|line| sha256_hex(&line.bytes) == self.hash);
        is_same.then_some(()).ok_or(IndexError::Unfit(
            "the last record that it has is not in the log, or is another one",
        ))
    }
}

fn version(database: &Connection) -> rusqlite::Result<i64> {
    database.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn create(database: &Connection) -> rusqlite::Result<()> {
    // Readers and the one writer do not wait for each other.
    database.pragma_update(None, "journal_mode", "wal")?;
    let mut schema = format!("BEGIN;{SCHEMA}");
    for column in LOOKED_UP {
        schema.push_str(&format!(
            "CREATE INDEX by_{column} ON records ({column}) WHERE {column} IS NOT NULL;\n"
        ));
    }
    schema.push_str(&format!("PRAGMA user_version = {SCHEMA_VERSION};COMMIT;"));
    database.execute_batch(&schema)
}

/// How far the index is; `None`: it has no record.
pub(super) fn indexed(database: &Connection) -> Result<Option<Indexed>, IndexError> {
    if version(database)? != SCHEMA_VERSION {
        return Err(IndexError::Unfit("it is of another version"));
    }
    let state = "SELECT origin, seq, segment, start, hash FROM state";
    let found = database.query_row(state, [], |row| {
        let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)?.unsigned_abs());
        Ok(Indexed {
            origin: row.get(0)?,
            seq: number(1)?,
            segment: number(2)?,
            start: number(3)?,
            hash: row.get(4)?,
        })
    });
    Ok(found.optional()?)
}

/// Device and number of the index's file.
pub(super) fn file_of(dir: &Path) -> io::Result<(u64, u64)> {
    let found = fs::metadata(index_path(dir))?;
    Ok((found.dev(), found.ino()))
}

/// Removes the index, and what SQLite put beside it.
pub(super) fn remove(dir: &Path) -> io::Result<()> {
    let path = index_path(dir);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match fs::remove_file(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// As SQLite has integers; those of a log are below 2^53.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
