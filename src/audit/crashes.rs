//! Power failures at random points, over all that the evidence has on the disk: a signed log with
//! many small files, written by several threads, whose key changes, that is archived and pruned
//! meanwhile, with content beside it, and that is repaired in the end.
//!
//! `TOOLGATE_DISK_CRASHES` says how many, `TOOLGATE_DISK_CRASH_SEED` where to begin.

mod damage;

use super::archive::tests::memory::Memory;
use super::archive::{Everywhere, Tiers, archive};
use super::content::{ContentStore, Limits, ReadError, Reference, WrappingKey};
use super::hash::{Hasher, sha256_hex};
use super::log::{Cadence, Log, OpenError, Options, Signing};
use super::record::samples::TIME;
use super::record::{Heartbeat, Record};
use super::sign::SigningKey;
use super::verify::{Checked, Expected, Head, Pairs, Segments, Watch, check, walk};
use crate::audit::layout::CHECKPOINT_NAME;
use crate::files::Files;
use crate::files::faulty::{Disk, Plan};
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const ORIGIN: &str = "pdp/1";
/// How many, where nothing says.
const CRASHES: u64 = 60;
/// Crashes of one log before it is damaged and repaired.
const CRASHES_OF_A_LOG: u64 = 10;
const WRITERS: u64 = 4;
const RECORDS_OF_A_WRITER: u64 = 12;
/// Where a crash comes, in operations; later than the last one, it comes at the end.
const OPERATIONS_MAX: u64 = 260;

fn dir() -> PathBuf {
    PathBuf::from("/audit")
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Splitmix64, below `end`.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// The log in `/audit` of a disk.
pub struct OnDisk<'a>(pub &'a Disk);

impl Segments for OnDisk<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names(&dir())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.read(&dir().join(name), u64::MAX)
    }

    fn list(&self, below: &str) -> io::Result<Vec<String>> {
        self.0.names(&dir().join(below))
    }
}

/// Who watches a check without a word.
pub struct Nobody;

impl Watch for Nobody {
    fn passed(&mut self, _bytes: u64) {}

    fn notable(&mut self, _record: &Object) {}
}

/// One log, with everything that was promised of it.
struct Life {
    disk: Disk,
    store: Memory,
    random: Random,
    key: Arc<SigningKey>,
    previous: Option<Arc<SigningKey>>,
    /// Every key before, oldest first.
    former: Vec<Arc<SigningKey>>,
    day: u64,
    /// Numbers the events of all writers.
    events: AtomicU64,
    acknowledged: Mutex<BTreeMap<String, Head>>,
    /// The longest checkpoint that somebody may hold.
    held: Option<Vec<u8>>,
    /// Content that was kept, by its reference.
    kept: Mutex<Vec<(String, Vec<u8>)>>,
}

/// What was found.
#[derive(Default)]
struct Found {
    crashes: u64,
    lost: u64,
    twice: u64,
    acknowledged: u64,
    archived: u64,
    repairs: u64,
}

fn new_key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate().unwrap().0)
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            disk: Disk::new(),
            store: Memory::default(),
            random: Random(seed),
            key: new_key(),
            previous: None,
            former: Vec::new(),
            day: 0,
            events: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            held: None,
            kept: Mutex::default(),
        }
    }

    fn now(&self) -> Timestamp {
        TIME.plus(Duration::from_secs(self.day * 86_400))
    }

    fn open(&self) -> Result<Log, OpenError> {
        let options = Options {
            segment_bytes_max: 4_000,
            signing: Some(Signing {
                key: Arc::clone(&self.key),
                previous: self.previous.clone(),
                time: self.now(),
            }),
            cadence: Cadence {
                leaves_max: 10,
                ms_max: 1,
            },
            ..Options::new(ORIGIN)
        };
        Log::open(&dir(), options, Arc::new(self.disk.clone())).map(|(log, _)| log)
    }

    /// The power fails somewhere, while everything is done at once.
    fn crash(&mut self) {
        let crash_at = Some(self.random.below(OPERATIONS_MAX));
        self.disk.set(Plan {
            crash_at,
            short_writes: self.random.below(3) == 0,
            seed: self.random.below(u64::MAX),
            ..Plan::default()
        });
        if self.random.below(4) == 0 {
            let before = std::mem::replace(&mut self.key, new_key());
            self.former.push(Arc::clone(&before));
            self.previous = Some(before);
        }
        self.day += self.random.below(2);
        let archives = self.random.below(2) == 0;
        if let Ok(log) = self.open() {
            thread::scope(|scope| {
                for writer in 0..WRITERS {
                    let (life, log) = (&*self, &log);
                    scope.spawn(move || life.append(log, writer));
                }
                scope.spawn(|| self.keep());
                scope.spawn(|| archives.then(|| self.archive()));
            });
            if let Some(sealed) = log.checkpoint() {
                self.held = Some(sealed.note.to_string().into_bytes());
            }
        }
        self.disk.crash();
        self.disk.set(Plan::default());
    }

    fn append(&self, log: &Log, writer: u64) {
        for _ in 0..RECORDS_OF_A_WRITER {
            let number = self.events.fetch_add(1, Ordering::Relaxed);
            let event = format!("event-{number}-{writer}");
            let beat = Record::Heartbeat(Heartbeat {
                event_id: Some(event.clone()),
                ..Heartbeat::default()
            });
            let appended = log.append(self.now(), &beat).map(|pending| pending.wait());
            let Ok(Ok(head)) = appended else { return };
            self.acknowledged.lock().unwrap().insert(event, head);
        }
    }

    fn content(&self) -> Option<Arc<ContentStore>> {
        let limits = Limits {
            object_bytes_max: 1_000,
            store_bytes_max: 1 << 20,
        };
        let key = WrappingKey::new([7; 32]);
        let store = ContentStore::open(&dir(), key, limits, Arc::new(self.disk.clone()));
        store.map(Arc::new).ok()
    }

    fn keep(&self) {
        let Some(store) = self.content() else { return };
        let number = self.events.load(Ordering::Relaxed);
        let content = Json::object([("order", Json::from(number))]);
        let hasher = Hasher::keeping(Arc::clone(&store));
        let hashed = hasher.hash_and_keep("acme", self.now(), &content);
        store.close();
        if let Some(reference) = hashed.reference {
            let mut kept = self.kept.lock().unwrap();
            kept.push((reference, content.canonical()));
        }
    }

    fn archive(&self) {
        let tiers = Tiers {
            hot_days: 1,
            ..Tiers::DEFAULT
        };
        let now = self.now().plus(Duration::from_secs(86_400));
        // Whether it came to its end or not: what matters is what is there afterwards.
        drop(archive(&dir(), &self.store, &tiers, now, false, &self.disk));
    }

    /// Opens the log after a crash, and holds everything against what was promised.
    fn recover(&self, found: &mut Found, what: &str) {
        let log = self
            .open()
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        log.close().unwrap();
        drop(log);
        self.verify(self.held.clone(), what);
        let directory = dir();
        let everywhere = Everywhere::new(&directory, ORIGIN, &self.store, &self.disk).unwrap();
        let mut seen: BTreeMap<String, Head> = BTreeMap::new();
        let report = walk(&everywhere, None, &mut |record| {
            if let Some(event) = record.get("event_id").and_then(Json::as_str) {
                let seq = record.get("seq").and_then(Json::as_u64).unwrap();
                let hash = sha256_hex(&Json::Object(record.clone()).canonical());
                let before = seen.insert(event.to_owned(), Head { seq, hash });
                found.twice += u64::from(before.is_some());
            }
        });
        report.unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let acknowledged = self.acknowledged.lock().unwrap();
        let lost = acknowledged
            .iter()
            .filter(|(event, head)| seen.get(*event) != Some(head));
        found.lost += lost.count() as u64;
        self.check_content(what);
    }

    /// As an auditor with the key and an older checkpoint does.
    fn verify(&self, held: Option<Vec<u8>>, what: &str) -> Checked {
        let expected = Expected {
            checkpoint: held.map(|note| ("held".to_owned(), note)),
            keys: vec![self.key.verifier(ORIGIN).unwrap()],
            ..Expected::default()
        };
        let mut pairs = Pairs::default();
        let checked = check(&OnDisk(&self.disk), &expected, &mut pairs, &mut Nobody);
        checked.unwrap_or_else(|fault| panic!("{what}: {fault}"))
    }

    /// A crash may lose content, which nobody waits for; what is there is what was kept.
    fn check_content(&self, what: &str) {
        let store = self.content().unwrap_or_else(|| panic!("{what}: no store"));
        for (reference, content) in self.kept.lock().unwrap().iter() {
            let reference: Reference = reference.parse().unwrap();
            match store.read(&reference) {
                Ok(read) => assert_eq!(read, *content, "{what}"),
                Err(ReadError::Missing | ReadError::Erased) => {}
                Err(error) => panic!("{what}: {error}"),
            }
        }
        store.close();
    }
}

#[test]
fn power_failures_lose_nothing_acknowledged() {
    let crashes = number("TOOLGATE_DISK_CRASHES", CRASHES);
    let seed = number("TOOLGATE_DISK_CRASH_SEED", 1);
    let mut found = Found::default();
    for number in seed.. {
        let mut life = Life::new(number);
        for round in 0..CRASHES_OF_A_LOG {
            life.crash();
            found.crashes += 1;
            life.recover(&mut found, &format!("log {number}, crash {round}"));
        }
        assert!(
            life.disk
                .length(&dir().join(CHECKPOINT_NAME))
                .unwrap()
                .is_some()
        );
        found.acknowledged += life.acknowledged.lock().unwrap().len() as u64;
        found.archived += u64::from(
            life.disk
                .length(Path::new("/audit/pruned"))
                .unwrap()
                .is_some(),
        );
        life.damage_and_repair(&mut found, &format!("log {number}, repaired"));
        if found.crashes >= crashes {
            break;
        }
    }
    let Found {
        crashes,
        lost,
        twice,
        ..
    } = found;
    println!(
        "{} acknowledged, {twice} twice, {} logs pruned, {} repairs",
        found.acknowledged, found.archived, found.repairs
    );
    println!("{crashes} crashes, {lost} lost");
    assert_eq!((lost, twice), (0, 0));
    assert!(found.acknowledged > crashes && found.archived > 0 && found.repairs > 0);
}
