//! How far an export has come: replaced in one durable step, with what was written up to there.

use super::ExportError;
use crate::files::{Files, OsFiles, replace};
use crate::model::json::{Json, Limits, parse};
use std::io;
use std::path::Path;

/// Longest cursor, in bytes: every waiting call has a number in it.
const CURSOR_BYTES_MAX: u64 = 4 << 20;
/// What this is a version of.
const VERSION: u64 = 1;

/// Where one log is to be read on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whose log.
    pub origin: String,
    /// The seq of the first record that was not read.
    pub position: u64,
    /// Records before it that wait for their counterpart, in order.
    pub waiting: Vec<u64>,
}

/// What was exported, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The options that must be the same the next time, as text.
    pub options: String,
    /// Rows written in all.
    pub rows: u64,
    /// How long the file is; 0 of a directory.
    pub file_bytes: u64,
    /// Parts of a directory that were written and may not have their names yet.
    pub parts: Vec<String>,
    /// The logs.
    pub places: Vec<Place>,
}

impl Cursor {
    /// Reads the cursor in this file; `None` if there is no such file.
    ///
    /// # Errors
    /// If it cannot be read, or is no cursor.
    pub fn read(path: &Path) -> Result<Option<Self>, ExportError> {
        let bytes = match OsFiles.read(path, CURSOR_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ExportError::writing(path)(error)),
        };
        let no_cursor = || ExportError::NoCursor {
            path: path.display().to_string(),
        };
        Self::parse(&bytes).map(Some).ok_or_else(no_cursor)
    }

    /// Replaces the cursor, durably.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        replace(&OsFiles, path, &self.json().canonical())
    }

    fn json(&self) -> Json {
        let places = self.places.iter().map(|place| {
            Json::object([
                ("origin", Json::from(place.origin.as_str())),
                ("position", place.position.into()),
                ("waiting", Json::array(place.waiting.iter().copied())),
            ])
        });
        Json::object([
            ("version", Json::from(VERSION)),
            ("options", self.options.as_str().into()),
            ("rows", self.rows.into()),
            ("file_bytes", self.file_bytes.into()),
            ("parts", Json::array(self.parts.iter().map(String::as_str))),
            ("places", Json::array(places)),
        ])
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let limits = Limits {
            bytes_max: bytes.len(),
            depth_max: 8,
            values_max: bytes.len(),
        };
        let json = parse(bytes, limits).ok()?;
        let number = |name| json.get(name)?.as_u64();
        let list = |name| json.get(name)?.as_array();
        let text = |value: &Json| value.as_str().map(str::to_owned);
        (number("version") == Some(VERSION)).then_some(Self {
            options: json.get("options").and_then(text)?,
            rows: number("rows")?,
            file_bytes: number("file_bytes")?,
            parts: list("parts")?.iter().map(text).collect::<Option<_>>()?,
            places: list("places")?.iter().map(place).collect::<Option<_>>()?,
        })
    }
}

fn place(json: &Json) -> Option<Place> {
    let waiting = json.get("waiting")?.as_array()?;
    Some(Place {
        origin: json.get("origin")?.as_str()?.to_owned(),
        position: json.get("position")?.as_u64()?,
        waiting: waiting.iter().map(Json::as_u64).collect::<Option<_>>()?,
    })
}
