//! What tools the server has, as far as its lists said, and the reading of such a list.

use crate::model::json::{Json, Limits, members, parse};
use crate::model::time::Timestamp;
use crate::shim::splice;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Most tools of one server that are remembered.
pub const TOOLS_MAX: usize = 16_384;
/// Most bytes of definitions of one server that are remembered.
pub const DEFINITIONS_BYTES_MAX: usize = 32 << 20;
/// A table younger than this many seconds is believed when it does not have a tool.
pub const TABLE_FRESH_SECONDS: u64 = 5;

/// All tools of the server: names with their raw definitions.
#[derive(Debug)]
pub struct Table {
    tools: HashMap<String, Arc<[u8]>>,
    bytes: usize,
    at: Timestamp,
}

impl Table {
    /// An empty table as of now.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            tools: HashMap::new(),
            bytes: 0,
            at: now,
        }
    }

    /// The raw definition of a tool; `None` if the server has no such tool.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<[u8]>> {
        self.tools.get(name)
    }

    /// Whether the table is too old to be believed about what it does not have.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        now >= self.at.plus(Duration::from_secs(TABLE_FRESH_SECONDS))
    }

    /// Adds a page.
    ///
    /// # Errors
    /// There is more than is remembered.
    pub fn add(&mut self, page: &Page<'_>) -> Result<(), PageError> {
        for entry in &page.entries {
            let Some(name) = &entry.name else {
                continue;
            };
            self.bytes = self.bytes.saturating_add(entry.raw.len());
            self.tools.insert(name.clone(), entry.raw.into());
        }
        let too_much = self.tools.len() > TOOLS_MAX || self.bytes > DEFINITIONS_BYTES_MAX;
        if too_much {
            Err(PageError::TooMuch)
        } else {
            Ok(())
        }
    }
}

/// What is known of the server's tools.
#[derive(Debug, Default)]
pub struct Known {
    table: Option<Arc<Table>>,
    growing: Option<(Table, String)>,
    changes: u64,
}

/// Which tools the client was shown.
#[derive(Debug, Default)]
pub struct Shown(HashSet<String>);

impl Shown {
    /// Notes which tools of a page the client was shown, and which not.
    pub fn note(&mut self, page: &Page<'_>, shown: Vec<String>) {
        for name in page.entries.iter().filter_map(|entry| entry.name.as_ref()) {
            self.0.remove(name);
        }
        if self.0.len().saturating_add(shown.len()) <= TOOLS_MAX {
            self.0.extend(shown);
        }
    }

    /// Whether the client was shown a tool when it last saw a list with it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

impl Known {
    /// The whole table, if a whole list was seen since the last change.
    #[must_use]
    pub fn table(&self) -> Option<Arc<Table>> {
        self.table.clone()
    }

    /// Counts the server's announcements of a change.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The server announced a change.
    pub fn forget(&mut self) {
        (self.table, self.growing) = (None, None);
        self.changes += 1;
    }

    /// Takes a table that was listed when `changes` was this; it is not kept if it is outdated.
    pub fn learn(&mut self, table: &Arc<Table>, changes: u64) {
        if changes == self.changes {
            self.table = Some(Arc::clone(table));
        }
    }

    /// Takes a page that the client asked for. Pages count only if they follow each other from the
    /// first to the last.
    pub fn note(&mut self, cursor: Option<&str>, page: &Page<'_>, now: Timestamp) {
        let begun = match (cursor, self.growing.take()) {
            (None, _) => Some(Table::new(now)),
            (Some(cursor), Some((table, next))) if next == cursor => Some(table),
            _ => None,
        };
        let Some(mut table) = begun else {
            return;
        };
        match (table.add(page), &page.next) {
            (Ok(()), Some(next)) => self.growing = Some((table, next.clone())),
            (Ok(()), None) => self.table = Some(Arc::new(table)),
            (Err(error), _) => tracing::warn!(%error, "the server's tools are not remembered"),
        }
    }
}

/// One page of a list of tools. The parts are slices of the result.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// The result's members, in order.
    pub members: Vec<(String, &'a [u8])>,
    /// The raw array of tools.
    pub array: &'a [u8],
    /// Its items.
    pub entries: Vec<Entry<'a>>,
    /// Where the next page starts; `None` if this is the last.
    pub next: Option<String>,
}

/// One tool of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name; `None` if it has none that can be used: absent, ambiguous, or with control
    /// characters. Such a tool is shown to nobody.
    pub name: Option<String>,
    /// Its definition.
    pub raw: &'a [u8],
}

/// Why a list of tools cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is not of the shape that the protocol has.
    #[error("the server's list of tools is malformed")]
    Malformed,
    /// There is more than is remembered.
    #[error("the server has more tools than {TOOLS_MAX} or {DEFINITIONS_BYTES_MAX} bytes of them")]
    TooMuch,
    /// The server gave no list.
    #[error("the server's tools could not be listed")]
    Unanswered,
}

impl<'a> Page<'a> {
    /// Reads the raw result of `tools/list`.
    ///
    /// # Errors
    /// It is malformed.
    pub fn read(result: &'a [u8]) -> Result<Self, PageError> {
        let members = members(result, Limits::REQUEST).map_err(|_| PageError::Malformed)?;
        let find = |name: &str| {
            let found = members.iter().find(|(key, _)| key == name);
            found.map(|(_, raw)| *raw)
        };
        let array = find("tools").ok_or(PageError::Malformed)?;
        let raws = splice::items(array).ok_or(PageError::Malformed)?;
        let Ok(Json::Array(values)) = parse(array, Limits::REQUEST) else {
            return Err(PageError::Malformed);
        };
        if values.len() != raws.len() {
            return Err(PageError::Malformed);
        }
        let names: Vec<_> = values.iter().map(usable_name).collect();
        let mut times: HashMap<&str, usize> = HashMap::new();
        for name in names.iter().flatten() {
            *times.entry(name).or_default() += 1;
        }
        let once = |name: &&str| times.get(name) == Some(&1);
        let entries = names.iter().zip(raws).map(|(name, raw)| Entry {
            name: name.filter(once).map(str::to_owned),
            raw,
        });
        let entries = entries.collect();
        let next = find("nextCursor").and_then(|raw| parse(raw, Limits::REQUEST).ok());
        let next = next.and_then(|it| it.as_str().filter(|it| !it.is_empty()).map(str::to_owned));
        Ok(Self {
            array,
            entries,
            next,
            members,
        })
    }

    /// The raw value of a member of the result.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.members.iter().find(|(key, _)| key == name);
        found.map(|(_, raw)| *raw)
    }
}

fn usable_name(tool: &Json) -> Option<&str> {
    let name = tool.get("name")?.as_str()?;
    (!name.chars().any(char::is_control)).then_some(name)
}
