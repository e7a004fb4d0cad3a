//! Segments wherever they are: in memory, in the store, on the disk.

use super::names::{Archived, Tier, prefix};
use super::store::{Objects, digest};
use super::{ArchiveError, OBJECT_BYTES_MAX};
use crate::audit::layout::{first_seq, segment_name};
use crate::audit::verify::{
    FILE_BYTES_MAX, Fault, Head, PRUNED_NAME, Pruned, Report, Segments, walk,
};
use crate::files::Files;
use crate::model::json::Object;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

/// How much is compressed: 1 to 22.
const ZSTD_LEVEL: i32 = 9;

/// Compresses a segment.
pub fn compress(content: &[u8]) -> io::Result<Vec<u8>> {
    zstd::encode_all(content, ZSTD_LEVEL)
}

/// The segment of an object; a small object that would become a huge one is an error.
pub fn decompress(object: &[u8]) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let reader = zstd::Decoder::new(object)?;
    let read = reader
        .take(OBJECT_BYTES_MAX + 1)
        .read_to_end(&mut content)?;
    match read as u64 > OBJECT_BYTES_MAX {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(content),
    }
}

/// One segment, and the record before it.
struct One<'a> {
    name: String,
    content: &'a [u8],
    note: Option<Pruned>,
}

impl Segments for One<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        let note = self.note.iter().map(|_| PRUNED_NAME.to_owned());
        Ok(note.chain([self.name.clone()]).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match (&self.note, name == PRUNED_NAME) {
            (Some(note), true) => Ok(note.to_bytes()),
            _ => Ok(self.content.to_vec()),
        }
    }
}

/// Checks every line of a segment that follows this record of this origin; `None`: it is the first.
pub fn check(
    first_seq: u64,
    content: &[u8],
    before: Option<(&Head, &str)>,
    see: &mut dyn FnMut(&Object),
) -> Result<Report, Fault> {
    let note = before.map(|(head, origin)| Pruned {
        origin: origin.to_owned(),
        first_seq: head.seq + 1,
        prev: head.hash.clone(),
    });
    let one = One {
        name: segment_name(first_seq),
        content,
        note,
    };
    walk(&one, None, see)
}

/// What the store has of one log, by seq. A segment that is there twice, since a move was not
/// ended, is taken from the younger tier, which has it for certain.
pub fn list(
    objects: &dyn Objects,
    origin: &str,
) -> Result<BTreeMap<u64, Vec<Archived>>, ArchiveError> {
    let mut found: BTreeMap<u64, Vec<Archived>> = BTreeMap::new();
    for tier in Tier::ALL {
        for name in objects.list(&prefix(tier, origin))? {
            let last = name.rsplit('/').next().unwrap_or_default();
            if let Some(archived) = Archived::parse(tier, last) {
                found.entry(archived.first_seq).or_default().push(archived);
            }
        }
    }
    Ok(found)
}

/// The segment in the store under this name.
pub fn fetch(objects: &dyn Objects, name: &str) -> Result<Vec<u8>, ArchiveError> {
    let object = objects.get(name)?;
    decompress(&object).map_err(|error| ArchiveError::Differs {
        name: name.to_owned(),
        what: format!("it cannot be decompressed: {error}"),
    })
}

/// Whether the store has exactly this content under this name.
pub fn compare(objects: &dyn Objects, name: &str, content: &[u8]) -> Result<(), ArchiveError> {
    let found = fetch(objects, name)?;
    if found == content {
        return Ok(());
    }
    Err(ArchiveError::Differs {
        name: name.to_owned(),
        what: format!(
            "it holds {}, and the log {}",
            digest(&found),
            digest(content)
        ),
    })
}

/// A whole log: what is on the disk from there, all else from the store. For checking it.
pub struct Everywhere<'a> {
    dir: &'a Path,
    files: &'a dyn Files,
    objects: &'a dyn Objects,
    origin: String,
    archived: BTreeMap<u64, Vec<Archived>>,
}

impl<'a> Everywhere<'a> {
    /// The log of this origin.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn new(
        dir: &'a Path,
        origin: &str,
        objects: &'a dyn Objects,
        files: &'a dyn Files,
    ) -> Result<Self, ArchiveError> {
        Ok(Self {
            dir,
            files,
            archived: list(objects, origin)?,
            objects,
            origin: origin.to_owned(),
        })
    }
}

impl Segments for Everywhere<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = self.files.names(self.dir)?;
        // Nothing is gone where the store has it.
        names.retain(|name| name != PRUNED_NAME);
        names.extend(self.archived.keys().map(|seq| segment_name(*seq)));
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self.files.read(&self.dir.join(name), FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        let copies = first_seq(name).and_then(|seq| self.archived.get(&seq));
        let first = copies.and_then(|copies| copies.first());
        let first = first.ok_or(io::ErrorKind::NotFound)?;
        fetch(self.objects, &first.name(&self.origin)).map_err(io::Error::other)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        // Tiles and checkpoints stay on the disk, but for bundles of what is gone.
        match self.files.names(&self.dir.join(dir)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }

    fn bundles_from(&self) -> io::Result<u64> {
        match self.files.read(&self.dir.join(PRUNED_NAME), FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            note => Ok(Pruned::read(&note?).map_or(0, |note| note.first_seq)),
        }
    }
}
