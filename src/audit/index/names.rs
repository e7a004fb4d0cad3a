//! Texts that many records share, each kept once.

use super::row::Row;
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::collections::HashMap;

/// Texts and policy sets that are remembered while records are taken in.
const NAMES_CACHED_MAX: usize = 8_192;

/// The numbers of texts, for whoever takes records in.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashMap<String, i64>,
    policies: HashMap<(Option<String>, Option<String>), i64>,
}

impl Names {
    /// The number of a text, which gets one if it has none.
    pub(super) fn number(&mut self, database: &Connection, name: &str) -> Result<i64> {
        if let Some(number) = self.names.get(name) {
            return Ok(*number);
        }
        let number = match number(database, name)? {
            Some(number) => number,
            None => {
                database.execute("INSERT INTO names (name) VALUES (?)", [name])?;
                database.last_insert_rowid()
            }
        };
        if self.names.len() >= NAMES_CACHED_MAX {
            self.names.clear();
        }
        self.names.insert(name.to_owned(), number);
        Ok(number)
    }

    pub(super) fn optional(
        &mut self,
        database: &Connection,
        name: Option<&String>,
    ) -> Result<Option<i64>> {
        name.map(|name| self.number(database, name)).transpose()
    }

    /// The number of a record's policy set.
    pub(super) fn policy(&mut self, database: &Connection, row: &Row) -> Result<Option<i64>> {
        if row.revision.is_none() && row.digest.is_none() {
            return Ok(None);
        }
        let key = (row.revision.clone(), row.digest.clone());
        if let Some(number) = self.policies.get(&key) {
            return Ok(Some(*number));
        }
        let found = "SELECT id FROM policies WHERE revision IS ? AND digest IS ?";
        let values = params![key.0, key.1];
        let found = database.query_row(found, values, |row| row.get(0));
        let number = match found.optional()? {
            Some(number) => number,
            None => {
                let new = "INSERT INTO policies (revision, digest) VALUES (?, ?)";
                database.execute(new, values)?;
                database.last_insert_rowid()
            }
        };
        if self.policies.len() >= NAMES_CACHED_MAX {
            self.policies.clear();
        }
        self.policies.insert(key, number);
        Ok(Some(number))
    }
}

/// The number of a text; `None`: no record has it.
pub(super) fn number(database: &Connection, name: &str) -> Result<Option<i64>> {
    let found = "SELECT id FROM names WHERE name = ?";
    database
        .query_row(found, [name], |row| row.get(0))
        .optional()
}

/// The numbers of the policy sets of this revision or digest.
pub(super) fn policies(database: &Connection, name: &str) -> Result<Vec<i64>> {
    let found = "SELECT id FROM policies WHERE revision = ?1 OR digest = ?1";
    let mut found = database.prepare(found)?;
    let numbers = found.query_map([name], |row| row.get(0))?;
    numbers.collect()
}
