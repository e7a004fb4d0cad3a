//! Taking records in: the rows of one transaction.

use super::lines::Line;
use super::names::Names;
use super::row::Row;
use super::store::integer;
use rusqlite::{Connection, Result, Statement, Transaction, params};
use std::collections::HashSet;

/// Records whose earliest and latest time are kept together, so that a range of time is found
/// though times are not in order.
pub(super) const BLOCK_RECORDS: u64 = 1_024;
/// Records of which it is kept together what they have in fields with few values.
pub(super) const SPAN_RECORDS: u64 = 128;
/// Fields with few values, many records of which have the same. An entry for each record would cost
/// more than all the rest: it is kept in which spans of records a value occurs, and the records of
/// those are looked at. First comes what tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Field {
    Agent,
    Caller,
    Tool,
    /// By revision and by digest.
    Policy,
    /// That a record is of none of the common types.
    Rare,
    Server,
    Status,
    Effect,
    Kind,
}

/// Types that have so many records that looking them up by type would be of no use.
pub(super) const COMMON_KINDS: [&str; 2] = ["decision", "outcome"];

const INSERT: &str = "INSERT INTO records VALUES
  (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_SPAN: &str = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?)";
const INSERT_REASON: &str = "INSERT INTO reasons VALUES (?, ?)";
const WIDEN_BLOCK: &str = "INSERT INTO blocks VALUES (?1, ?2, ?3) ON CONFLICT (block) DO UPDATE SET
  earliest = min(earliest, ?2), latest = max(latest, ?3)";
/// What is known to be in the table of spans, of the last one.
#[derive(Default)]
pub(super) struct Spanned {
    span: i64,
    known: HashSet<(Field, i64)>,
}

/// A transaction that takes records in.
pub(super) struct Taking<'a> {
    database: &'a Connection,
    names: &'a mut Names,
    spanned: &'a mut Spanned,
    insert: Statement<'a>,
    insert_reason: Statement<'a>,
    insert_span: Statement<'a>,
    widen_block: Statement<'a>,
    /// The block that the last record is in, with the earliest and latest time of those taken in.
    block: Option<[i64; 3]>,
}

impl<'a> Taking<'a> {
    pub(super) fn prepare(
        database: &'a Transaction<'_>,
        names: &'a mut Names,
        spanned: &'a mut Spanned,
    ) -> Result<Self> {
        Ok(Self {
            insert: database.prepare(INSERT)?,
            insert_reason: database.prepare(INSERT_REASON)?,
            insert_span: database.prepare(INSERT_SPAN)?,
            widen_block: database.prepare(WIDEN_BLOCK)?,
            block: None,
            database,
            names,
            spanned,
        })
    }

    pub(super) fn take(&mut self, line: &Line, row: &Row) -> Result<()> {
        let seq = integer(line.seq);
        let numbers = Numbers::of(self.names, self.database, row)?;
        self.insert.execute(params![
            seq,
            integer(line.segment),
            integer(line.offset_bytes),
            integer(line.bytes.len() as u64),
            row.time_micros,
            numbers.kind,
            row.decision_id,
            numbers.principal,
            numbers.caller,
            numbers.user,
            numbers.agent,
            numbers.server,
            numbers.tool,
            numbers.effect,
            numbers.status,
            row.session_id,
            row.correlation_id,
            numbers.policy,
        ])?;
        for code in &row.reasons {
            let code = self.names.number(self.database, code)?;
            self.insert_reason.execute([code, seq])?;
        }
        self.put_spans(line.seq, &numbers, row)?;
        self.widen(integer(line.seq / BLOCK_RECORDS), row.time_micros)
    }

    fn widen(&mut self, block: i64, time: i64) -> Result<()> {
        match &mut self.block {
            Some([of, earliest, latest]) if *of == block => {
                *earliest = time.min(*earliest);
                *latest = time.max(*latest);
                Ok(())
            }
            _ => {
                self.write_block()?;
                self.block = Some([block, time, time]);
                Ok(())
            }
        }
    }

    fn write_block(&mut self) -> Result<()> {
        match self.block.take() {
            Some(block) => self.widen_block.execute(block).map(drop),
            None => Ok(()),
        }
    }

    /// Writes what is kept back until the last record is taken in.
    pub(super) fn finish(mut self) -> Result<()> {
        self.write_block()
    }

    fn put_spans(&mut self, seq: u64, numbers: &Numbers, row: &Row) -> Result<()> {
        let span = integer(seq / SPAN_RECORDS);
        if self.spanned.span != span {
            self.spanned.known.clear();
            self.spanned.span = span;
        }
        let is_common = COMMON_KINDS.contains(&row.kind.as_str());
        for (field, value) in [
            (Field::Agent, numbers.agent),
            (Field::Caller, numbers.caller),
            (Field::Tool, numbers.tool),
            (Field::Policy, numbers.revision),
            (Field::Policy, numbers.digest),
            (Field::Rare, (!is_common).then_some(0)),
            (Field::Server, numbers.server),
            (Field::Status, numbers.status),
            (Field::Effect, numbers.effect),
            (Field::Kind, Some(numbers.kind)),
        ] {
            if let Some(value) = value
                && self.spanned.known.insert((field, value))
            {
                self.insert_span.execute([field as i64, value, span])?;
            }
        }
        Ok(())
    }
}

/// The numbers of a record's texts.
struct Numbers {
    kind: i64,
    principal: Option<i64>,
    caller: Option<i64>,
    user: Option<i64>,
    agent: Option<i64>,
    server: Option<i64>,
    tool: Option<i64>,
    effect: Option<i64>,
    status: Option<i64>,
    revision: Option<i64>,
    digest: Option<i64>,
    policy: Option<i64>,
}

impl Numbers {
    fn of(names: &mut Names, database: &Connection, row: &Row) -> Result<Self> {
        let policy = names.policy(database, row)?;
        let kind = names.number(database, &row.kind)?;
        let mut number = |name: &Option<String>| names.optional(database, name.as_ref());
        Ok(Self {
            kind,
            principal: number(&row.principal)?,
            caller: number(&row.caller)?,
            user: number(&row.user)?,
            agent: number(&row.agent)?,
            server: number(&row.server)?,
            tool: number(&row.tool)?,
            effect: number(&row.effect)?,
            status: number(&row.status)?,
            revision: number(&row.revision)?,
            digest: number(&row.digest)?,
            policy,
        })
    }
}
