//! A signed log in memory, as the writer makes it: several segments, a change of the key, an older
//! checkpoint that somebody holds.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use toolgate::audit::log::{Cadence, Log, Options, Signing};
use toolgate::audit::record::{DecisionRecord, Heartbeat, OutcomeRecord, OutcomeStatus};
use toolgate::audit::record::{Record, ShimPosition};
use toolgate::audit::sign::SigningKey;
use toolgate::audit::verify::{Checked, Expected, Fault, Pairs, Segments, Watch, check};
use toolgate::files::OsFiles;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::Object;
use toolgate::model::principal::Principal;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::{Effect, Verdict};
use toolgate::tlog::VerifierKey;

pub const ORIGIN: &str = "toolgate/pdp-1";
pub const TIME: Timestamp = Timestamp::from_nanos(1_795_190_400_123_456_000);
/// So many records have a segment of their own, about.
const SEGMENTS: u64 = 6;
/// So many records wait for the writer, at most.
const WAITING_MAX: u64 = 1_024;
/// Bytes of a record, about.
const RECORD_BYTES: u64 = 330;

/// Paths below the log's directory, and contents.
pub type Files = BTreeMap<String, Arc<Vec<u8>>>;

/// A log in memory.
pub struct InMemory<'a>(pub &'a Files);

impl Segments for InMemory<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        self.list("")
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let found = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(found.to_vec())
    }

    fn open<'a>(&'a self, name: &str) -> io::Result<Box<dyn Read + 'a>> {
        let found = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(found.as_slice())))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let start = match dir {
            "" => String::new(),
            dir => format!("{dir}/"),
        };
        let below = self.0.range(start.clone()..);
        let below = below.map_while(|(path, _)| path.strip_prefix(&start));
        let names = below.map(|path| path.split('/').next().unwrap());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.dedup();
        Ok(names)
    }
}

/// A log and what is known of it elsewhere.
pub struct Made {
    pub files: Files,
    /// An older copy of the whole.
    pub older: Files,
    /// Another log of the same origin and key.
    pub other: Files,
    /// The key that signs at the end.
    pub key: VerifierKey,
    /// The key that it replaced.
    pub replaced: Key,
    /// The checkpoint that is held elsewhere: the last one.
    pub held: Vec<u8>,
}

impl Made {
    pub fn check(&self, files: &Files, is_held: bool) -> Result<Checked, Fault> {
        let held = is_held.then(|| ("held".to_owned(), self.held.clone()));
        check_with(files, held, &self.key)
    }

    pub fn assert_good(&self) {
        let checked = self.check(&self.files, true).unwrap();
        assert_eq!(checked.signed.covered, checked.report.records);
        assert!(checked.report.files > 3, "{:?}", checked.report);
        assert_eq!(checked.signed.keys.len(), 2);
        for files in [&self.older, &self.other] {
            self.check(files, false).unwrap();
            self.check(files, true).unwrap_err();
        }
    }
}

pub fn check_with(
    files: &Files,
    held: Option<(String, Vec<u8>)>,
    key: &VerifierKey,
) -> Result<Checked, Fault> {
    let expected = Expected {
        checkpoint: held,
        keys: vec![key.clone()],
        ..Expected::default()
    };
    check(
        &InMemory(files),
        &expected,
        &mut Pairs::default(),
        &mut Nobody,
    )
}

pub struct Nobody;

impl Watch for Nobody {
    fn passed(&mut self, _bytes: u64) {}

    fn notable(&mut self, _record: &Object) {}
}

/// A signed log of so many records.
pub fn made(records: u64) -> Made {
    let keys: [_; 2] = std::array::from_fn(|_| Arc::new(SigningKey::generate().unwrap().0));
    let dir = tempfile::tempdir().unwrap();
    let bytes = records * RECORD_BYTES / SEGMENTS;
    let half = records / 2;
    append(dir.path(), (&keys[0], None), bytes, 0..half);
    let older = records * 3 / 4;
    append(dir.path(), (&keys[1], Some(&keys[0])), bytes, half..older);
    let older_files = files_of(dir.path());
    append(dir.path(), (&keys[1], None), bytes, older..records);
    let files = files_of(dir.path());
    let other = tempfile::tempdir().unwrap();
    append(other.path(), (&keys[1], None), bytes, 1..records);
    Made {
        held: files["checkpoint"].to_vec(),
        older: older_files,
        other: files_of(other.path()),
        key: keys[1].verifier(ORIGIN).unwrap(),
        replaced: Arc::clone(&keys[0]),
        files,
    }
}

pub type Key = Arc<SigningKey>;

/// Opens the log, appends records of these numbers, and closes it.
pub fn append(
    dir: &Path,
    (key, previous): (&Key, Option<&Key>),
    segment_bytes_max: u64,
    numbers: std::ops::Range<u64>,
) {
    let options = Options {
        segment_bytes_max,
        signing: Some(Signing {
            key: key.clone(),
            previous: previous.cloned(),
            time: TIME,
        }),
        cadence: Cadence {
            leaves_max: 100,
            ms_max: 60_000,
        },
        batch_records_max: 16,
        ..Options::new(ORIGIN)
    };
    let (log, _) = Log::open(dir, options, Arc::new(OsFiles)).unwrap();
    let last = numbers.end - 1;
    for number in numbers {
        let appended = log.append(TIME, &record(number)).unwrap();
        // More than the queue holds would be refused.
        if number % WAITING_MAX == 0 || number == last {
            appended.wait().unwrap();
        }
    }
}

/// Everything below a directory that belongs to the log.
pub fn files_of(dir: &Path) -> Files {
    let mut files = Files::new();
    collect(dir, "", &mut files);
    files.remove("lock");
    files
}

fn collect(dir: &Path, start: &str, files: &mut Files) {
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{start}{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => collect(&entry.path(), &format!("{path}/"), files),
            false => {
                files.insert(path, Arc::new(fs::read(entry.path()).unwrap()));
            }
        }
    }
}

/// Writes a log into a directory.
pub fn write(files: &Files, dir: &Path) {
    for (path, content) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.as_slice()).unwrap();
    }
}

/// Decisions, their outcomes, and signs of life.
fn record(number: u64) -> Record {
    let shim = ShimPosition {
        id: "shim-1".into(),
        epoch: 1,
        seq: Some(number / 3 + 1),
        seq_reused: false,
    };
    match number % 3 {
        0 => Record::Decision(Box::new(decision(number))),
        1 => Record::Outcome(Box::new(outcome(number, shim))),
        _ => Record::Heartbeat(Heartbeat {
            spooled: Some(number),
            ..Heartbeat::default()
        }),
    }
}

fn decision(number: u64) -> DecisionRecord {
    let request = Request {
        phase: Phase::Call,
        tenant: "acme".into(),
        principal: Principal {
            id: format!("agent_{}", number % 7),
            user: Some("u:ann".into()),
            ..Principal::default()
        },
        mcp: Mcp {
            server: "contracts".into(),
            method: "tools/call".into(),
            name: "read_contract".into(),
            protocol: "2025-11-25".into(),
        },
        definition_digest: Some(format!("sha256:{number:064}")),
        untrusted_annotations: Object::new(),
        params: Object::new(),
        result: None,
        session_id: format!("s-{}", number % 11),
        context: Object::from_iter([("purpose", "billing \"now\"\n")]),
    };
    let verdict = Verdict {
        effect: Effect::Allow,
        ..Verdict::from(toolgate::model::reason::Code::NoMatchingAllow)
    };
    let mut decision = DecisionRecord::new(&request, &verdict, None);
    decision.decision_id = format!("d-{number}");
    decision
}

fn outcome(number: u64, shim: ShimPosition) -> OutcomeRecord {
    OutcomeRecord {
        decision_id: format!("d-{}", number - 1),
        decision_known: true,
        tenant: Some("acme".into()),
        decision_origin: None,
        call_id: format!("c-{number}"),
        status: OutcomeStatus::Ok,
        response: None,
        judged: false,
        fields_returned: vec!["name".into()],
        masked: Vec::new(),
        filtered: None,
        secret_present: Some(false),
        secret_valid: None,
        dlp_result: None,
        labels: vec!["pii".into()],
        latency_ms: number % 900,
        shim: Some(shim),
        event_id: Some(format!("e-{number}")),
        event_time: Some(TIME),
    }
}
