//! Parquet: a directory with one partition a day, read as such by Spark, DuckDB, Athena and others.

use super::row::{COLUMNS, Cell, Column, Kind, Row};
use super::sink::{Sink, Written};
use crate::files::{Files, OsFiles, create_dir};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows of one row group: they are in memory until it is full.
const GROUP_ROWS_MAX: usize = 2_048;
/// Days that are written at once: calls of midnight do not come in order.
const OPEN_DAYS_MAX: usize = 3;
/// Readable by the owner alone: it names people.
const MODE_PRIVATE: u32 = 0o600;
/// What a part is called until the cursor has it. Readers leave out what starts with a point.
const UNFINISHED_PREFIX: &str = ".unfinished-";
/// Characters of a day, `2026-11-21`, at the start of a time.
const DAY_CHARACTERS: usize = 10;

/// A directory of parts.
pub struct Parts {
    dir: PathBuf,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    /// Whether there are several logs: then a part's name says of which one its first row is.
    names_log: bool,
    open: BTreeMap<String, Part>,
    /// Complete and durable, without their names.
    complete: Vec<String>,
}

struct Part {
    /// `day=2026-11-21/part-00000000000000000007.parquet`
    name: String,
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    rows: Vec<Row>,
}

impl Parts {
    /// Goes on with a directory, in which these parts are complete. What else is unfinished there
    /// was never committed, and is removed.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn open(dir: &Path, complete: &[String], names_log: bool) -> io::Result<Self> {
        create_dir(&OsFiles, dir)?;
        let schema = parse_message_type(&schema()).map_err(io_error)?;
        let level = ZstdLevel::try_new(3).map_err(io_error)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("toolgate ", env!("CARGO_PKG_VERSION")).to_owned());
        let mut parts = Self {
            dir: dir.to_owned(),
            schema: Arc::new(schema),
            properties: Arc::new(properties.build()),
            names_log,
            open: BTreeMap::new(),
            complete: Vec::new(),
        };
        parts.publish(&Written {
            file_bytes: 0,
            parts: complete.to_vec(),
        })?;
        parts.remove_unfinished()?;
        Ok(parts)
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for day in OsFiles.names(&self.dir)? {
            let day = self.dir.join(day);
            if !day.is_dir() {
                continue;
            }
            for name in OsFiles.names(&day)? {
                if name.starts_with(UNFINISHED_PREFIX) {
                    fs::remove_file(day.join(name))?;
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, day: &str, log: usize, row: &Row) -> io::Result<&mut Part> {
        if !self.open.contains_key(day) {
            if self.open.len() >= OPEN_DAYS_MAX
                && let Some((_, part)) = self.open.pop_first()
            {
                self.finish(part)?;
            }
            let part = self.start(day, log, row)?;
            self.open.insert(day.to_owned(), part);
        }
        let missing = || io::Error::other("no part for the day");
        self.open.get_mut(day).ok_or_else(missing)
    }

    fn start(&self, day: &str, log: usize, row: &Row) -> io::Result<Part> {
        let seq = row.number("decision_seq").unwrap_or_default();
        let of_log = match self.names_log {
            true => format!("-log{log}"),
            false => String::new(),
        };
        let folder = format!("day={day}");
        let name = format!("{folder}/part-{seq:020}{of_log}.parquet");
        create_dir(&OsFiles, &self.dir.join(folder))?;
        let path = self.unfinished(&name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = options.mode(MODE_PRIVATE).open(&path)?;
        let (schema, properties) = (self.schema.clone(), self.properties.clone());
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(io_error)?;
        Ok(Part {
            name,
            path,
            writer,
            rows: Vec::new(),
        })
    }

    fn finish(&mut self, mut part: Part) -> io::Result<()> {
        part.flush()?;
        part.writer.close().map_err(io_error)?;
        File::open(&part.path)?.sync_all()?;
        if let Some(parent) = part.path.parent() {
            OsFiles.sync_dir(parent)?;
        }
        self.complete.push(part.name);
        Ok(())
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        let (folder, file) = name.split_once('/').unwrap_or(("", name));
        self.dir
            .join(folder)
            .join(format!("{UNFINISHED_PREFIX}{file}"))
    }
}

impl Sink for Parts {
    fn push(&mut self, log: usize, row: &Row) -> io::Result<()> {
        let time = row.time().rfc3339_micros();
        let day = time.get(..DAY_CHARACTERS).unwrap_or_default();
        let part = self.part(day, log, row)?;
        part.rows.push(row.clone());
        match part.rows.len() >= GROUP_ROWS_MAX {
            true => part.flush(),
            false => Ok(()),
        }
    }

    fn complete(&mut self) -> io::Result<Written> {
        while let Some((_, part)) = self.open.pop_first() {
            self.finish(part)?;
        }
        Ok(Written {
            file_bytes: 0,
            parts: std::mem::take(&mut self.complete),
        })
    }

    fn publish(&mut self, written: &Written) -> io::Result<()> {
        for name in &written.parts {
            let path = self.dir.join(name);
            match fs::rename(self.unfinished(name), &path) {
                // It has its name already.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {}
                other => other?,
            }
            if let Some(parent) = path.parent() {
                OsFiles.sync_dir(parent)?;
            }
        }
        Ok(())
    }
}

impl Part {
    /// Writes the rows as one row group.
    fn flush(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(io_error)?;
        for (at, column) in COLUMNS.iter().enumerate() {
            let writer = group.next_column().map_err(io_error)?;
            let missing = || io::Error::other("the schema has fewer columns");
            let mut writer = writer.ok_or_else(missing)?;
            let cells = self.rows.iter().filter_map(|row| row.cell(at));
            write_column(&mut writer, column, cells).map_err(io_error)?;
            writer.close().map_err(io_error)?;
        }
        group.close().map_err(io_error)?;
        self.rows.clear();
        Ok(())
    }
}

fn write_column<'a>(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    cells: impl Iterator<Item = &'a Cell>,
) -> Result<(), ParquetError> {
    let (mut levels, mut texts, mut numbers, mut flags) = (vec![], vec![], vec![], vec![]);
    for cell in cells {
        levels.push(i16::from(*cell != Cell::Null));
        match cell {
            Cell::Null => {}
            Cell::Text(text) => texts.push(ByteArray::from(text.as_ref())),
            Cell::Number(number) => numbers.push(i64::try_from(*number).unwrap_or(i64::MAX)),
            Cell::Flag(flag) => flags.push(*flag),
            Cell::Time(time) => numbers.push(time.as_nanos() / 1_000),
        }
    }
    let levels = Some(levels.as_slice());
    match column.kind {
        Kind::Text => {
            let typed = writer.typed::<ByteArrayType>();
            typed.write_batch(&texts, levels, None)
        }
        Kind::Number | Kind::Time => {
            let typed = writer.typed::<Int64Type>();
            typed.write_batch(&numbers, levels, None)
        }
        Kind::Flag => writer.typed::<BoolType>().write_batch(&flags, levels, None),
    }?;
    Ok(())
}

fn schema() -> String {
    let column = |column: &Column| {
        let name = column.name;
        match column.kind {
            Kind::Text => format!("optional binary {name} (STRING);"),
            Kind::Number => format!("optional int64 {name};"),
            Kind::Flag => format!("optional boolean {name};"),
            Kind::Time => format!("optional int64 {name} (TIMESTAMP(MICROS,true));"),
        }
    };
    let columns: Vec<_> = COLUMNS.iter().map(column).collect();
    format!("message call {{ {} }}", columns.join(" "))
}

fn io_error(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
