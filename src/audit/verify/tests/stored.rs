//! A signed log in memory, as the writer makes it, with everything below its directory.

use super::*;
use crate::audit::layout::first_seq;
use crate::audit::log::{Cadence, Signing};
use crate::audit::record::{Heartbeat, Record};
use crate::audit::sign::SigningKey;
use crate::model::json::Object;
use crate::tlog::VerifierKey;
use std::io::Cursor;
use std::sync::OnceLock;

pub(super) const ORIGIN: &str = "pdp/1";
/// Two full tiles of leaves and a partial one.
const RECORDS: u64 = 600;
/// The record that makes the second key the log's.
pub(super) const ROTATED: u64 = 300;
const SEGMENT_BYTES_MAX: u64 = 16_000;

/// Paths below the log's directory, and contents.
#[derive(Clone, Default)]
pub(super) struct Stored {
    pub files: BTreeMap<String, Vec<u8>>,
    pub bundles_from: u64,
}

impl Segments for Stored {
    fn names(&self) -> io::Result<Vec<String>> {
        self.list("")
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let found = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(found.clone())
    }

    fn open<'a>(&'a self, name: &str) -> io::Result<Box<dyn io::Read + 'a>> {
        let found = self.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(found.as_slice())))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let start = match dir {
            "" => String::new(),
            dir => format!("{dir}/"),
        };
        let below = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&start));
        let mut names: Vec<_> = below
            .map(|path| path.split('/').next().unwrap().to_owned())
            .collect();
        names.dedup();
        Ok(names)
    }

    fn bundles_from(&self) -> io::Result<u64> {
        Ok(self.bundles_from)
    }
}

impl Stored {
    pub fn of(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        collect(dir, "", &mut files);
        files.remove("lock");
        Self {
            files,
            bundles_from: 0,
        }
    }

    pub fn check(&self, expected: &Expected) -> Result<Checked, Fault> {
        check(self, expected, &mut Pairs::default(), &mut Unwatched)
    }

    /// The seqs that segments begin with, but for the first.
    pub fn starts(&self) -> Vec<u64> {
        let starts = self.files.keys().filter_map(|name| first_seq(name));
        starts.filter(|start| *start > 0).collect()
    }

    /// As archiving and pruning leaves the log that begins at `start` from then on.
    pub fn pruned(&self, start: u64) -> Self {
        let mut rest = self.clone();
        let gone = self.files.iter().filter_map(|(name, content)| {
            first_seq(name).filter(|seq| *seq < start)?;
            Some((name.clone(), content.clone()))
        });
        let last = Memory(gone.collect()).check(None).unwrap().head.unwrap();
        rest.files
            .retain(|name, _| first_seq(name).is_none_or(|seq| seq >= start));
        let note = Pruned {
            origin: ORIGIN.to_owned(),
            first_seq: start,
            prev: last.hash,
        };
        rest.files.insert(PRUNED_NAME.to_owned(), note.to_bytes());
        rest.without_bundles(start);
        rest
    }

    /// Takes away the bundles that end before this seq.
    pub fn without_bundles(&mut self, start: u64) {
        for index in 0..start / 256 {
            self.files.remove(&format!("tile/entries/{index:03}"));
        }
    }
}

fn collect(dir: &Path, start: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{start}{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), &format!("{path}/"), files),
            false => {
                files.insert(path, fs::read(entry.path()).unwrap());
            }
        }
    }
}

pub(super) struct Unwatched;

impl Watch for Unwatched {
    fn passed(&mut self, _bytes: u64) {}

    fn notable(&mut self, _record: &Object) {}
}

/// A log and the keys that signed it, one after the other.
pub(super) struct Made {
    pub log: Stored,
    pub keys: [Arc<SigningKey>; 2],
}

impl Made {
    pub fn verifiers(&self) -> [VerifierKey; 2] {
        let verifier = |key: &Arc<SigningKey>| key.verifier(ORIGIN).unwrap();
        [verifier(&self.keys[0]), verifier(&self.keys[1])]
    }

    /// What is expected by who holds the log's last key.
    pub fn expected(&self) -> Expected {
        let [_, last] = self.verifiers();
        Expected {
            keys: vec![last],
            ..Expected::default()
        }
    }
}

pub(super) fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate().unwrap().0)
}

/// Opens the log, appends signs of life of these numbers, and closes it.
pub(super) fn append(dir: &Path, signing: Option<Signing>, numbers: std::ops::Range<u64>) {
    let options = Options {
        segment_bytes_max: SEGMENT_BYTES_MAX,
        signing,
        cadence: Cadence {
            leaves_max: 100,
            ms_max: 60_000,
        },
        batch_records_max: 16,
        ..Options::new(ORIGIN)
    };
    let (log, _) = Log::open(dir, options, Arc::new(OsFiles)).unwrap();
    let beat = |number| {
        Record::Heartbeat(Heartbeat {
            spooled: Some(number),
            ..Heartbeat::default()
        })
    };
    let appended = numbers.map(|number| log.append(TIME, &beat(number)).unwrap());
    if let Some(last) = appended.last() {
        last.wait().unwrap();
    }
}

/// The same log each time: it is made once.
pub(super) fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let keys = [key(), key()];
        let signing = |key: &Arc<SigningKey>, previous: Option<&Arc<SigningKey>>| {
            Some(Signing {
                key: key.clone(),
                previous: previous.cloned(),
                time: TIME,
            })
        };
        append(dir.path(), signing(&keys[0], None), 0..ROTATED);
        let rest = ROTATED + 1..RECORDS;
        append(dir.path(), signing(&keys[1], Some(&keys[0])), rest);
        let log = Stored::of(dir.path());
        Made { log, keys }
    })
}

/// A log of these records without signatures, each with the place that it has there.
pub(super) fn chained(records: impl IntoIterator<Item = Object>) -> Stored {
    let (mut content, mut prev) = (Vec::new(), NO_PREV.to_owned());
    for (seq, mut record) in records.into_iter().enumerate() {
        record.insert("origin", ORIGIN);
        record.insert("prev", prev.as_str());
        record.insert("seq", seq as u64);
        record.insert("time", TIME.rfc3339_micros());
        let line = Json::Object(record).canonical();
        prev = crate::audit::hash::sha256_hex(&line);
        content.extend(line);
        content.push(b'\n');
    }
    let name = format!("log-{:020}.jsonl", 0);
    Stored {
        files: BTreeMap::from([(name, content)]),
        bundles_from: 0,
    }
}
