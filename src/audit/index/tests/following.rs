//! An index that follows a log which is being written, whatever becomes of its file.

use super::*;
use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;

/// How long anything may take that has to happen: far longer than it ever takes.
const DEADLINE: Duration = Duration::from_secs(30);

type Events = Arc<Mutex<Vec<IndexEvent>>>;

struct Followed {
    log: Log,
    index: Index,
    events: Events,
}

fn follow(dir: &Path) -> Followed {
    let log = open(dir);
    let events = Events::default();
    let noted = Arc::clone(&events);
    let tell = move |event| noted.lock().unwrap().push(event);
    let index = Index::start(dir, log.watch_head(), tell).unwrap();
    Followed { log, index, events }
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.unwrap().block_on(what)
}

impl Followed {
    fn find(&self, filter: &Filter, records_max: usize) -> Result<Page, FindError> {
        wait(
            self.index
                .page(filter.clone(), Order::OldestFirst, None, records_max),
        )
    }

    /// Every record, once the index answers.
    fn everything(&self) -> Vec<(u64, Vec<u8>)> {
        let started = Instant::now();
        loop {
            match self.find(&Filter::default(), 1_000) {
                Ok(page) => return page.records,
                Err(error) => assert!(started.elapsed() < DEADLINE, "{error}"),
            }
        }
    }

    fn renewed(&self) -> usize {
        let events = self.events.lock().unwrap();
        let is_renewed = |event: &&IndexEvent| matches!(event, IndexEvent::Renewed { .. });
        events.iter().filter(is_renewed).count()
    }

    fn end(self) {
        self.log.close().unwrap();
        self.index.close();
    }
}

fn all_of(dir: &Path) -> Vec<(u64, Vec<u8>)> {
    scanned(dir, &Filter::default(), Order::OldestFirst, u64::MAX)
}

#[test]
fn what_is_durable_is_found_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let followed = follow(dir.path());
    assert_eq!(
        followed.find(&Filter::default(), 5).unwrap(),
        Page::default()
    );
    for round in 0..20_u64 {
        append(&followed.log, random(round * 10..round * 10 + 10));
        let page = followed.find(&Filter::default(), 1_000).unwrap();
        assert_eq!(page.records.len() as u64, round * 10 + 10);
        assert_eq!(page.through_seq, Some(round * 10 + 9));
    }
    followed.end();
    let last = Reader::open(dir.path()).unwrap().last_seq().unwrap();
    assert_eq!(last, Some(199), "what was durable at the end is in it");
    let followed = follow(dir.path());
    append(&followed.log, random(300..305));
    assert_eq!(followed.everything(), all_of(dir.path()));
    assert_eq!(followed.renewed(), 0);
    followed.end();
}

#[test]
fn queries_while_records_arrive_have_all_that_was_durable() {
    let dir = tempfile::tempdir().unwrap();
    let followed = follow(dir.path());
    std::thread::scope(|scope| {
        let log = &followed.log;
        let writing = scope.spawn(move || {
            for seed in 0..2_000 {
                log.post(time(seed), &record(seed)).unwrap();
            }
            log.flush().unwrap().wait().unwrap();
        });
        loop {
            let is_last = writing.is_finished();
            let durable = log.head().map_or(0, |head| head.seq + 1);
            let page = followed.find(&Filter::default(), 10).unwrap();
            assert!(page.through_seq.map_or(0, |seq| seq + 1) >= durable);
            if is_last {
                break;
            }
        }
    });
    assert_eq!(followed.log.head().unwrap().seq, 1_999);
    followed.end();
    let paged = paged(dir.path(), &Filter::default(), Order::OldestFirst, 500);
    assert!(paged == all_of(dir.path()));
}

/// What is done to the index's file, and whether it has to be made anew.
type Harm = (&'static str, fn(&Path), bool);

const HARMS: [Harm; 5] = [
    ("nothing", |_| (), false),
    ("removed", |dir| store::remove(dir).unwrap(), true),
    (
        "no database",
        |dir| {
            store::remove(dir).unwrap();
            std::fs::write(
                index_path(dir),
                "no database, but as long as a header: ".repeat(99),
            )
            .unwrap();
        },
        true,
    ),
    (
        "cut",
        |dir| {
            let file = std::fs::File::options().write(true).open(index_path(dir));
            let file = file.unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        },
        true,
    ),
    (
        "another version",
        |dir| {
            let database = rusqlite::Connection::open(index_path(dir)).unwrap();
            database.pragma_update(None, "user_version", 99).unwrap();
        },
        true,
    ),
];

#[test]
fn an_index_that_does_not_fit_is_made_anew_at_the_start() {
    for (what, harm, is_renewed) in HARMS {
        let dir = log_of(200);
        rebuild(dir.path(), &mut |_| ()).unwrap();
        harm(dir.path());
        let followed = follow(dir.path());
        assert_eq!(followed.everything(), all_of(dir.path()), "{what}");
        // One that is not there is begun, which is nothing to tell.
        let expected = usize::from(is_renewed && what != "removed");
        assert_eq!(followed.renewed(), expected, "{what}");
        followed.end();
    }
}

#[test]
fn an_index_that_is_harmed_while_it_is_in_use_is_made_anew() {
    for (what, harm, is_renewed) in HARMS {
        let dir = tempfile::tempdir().unwrap();
        let followed = follow(dir.path());
        append(&followed.log, random(0..200));
        assert_eq!(followed.everything().len(), 200);
        harm(dir.path());
        append(&followed.log, random(200..210));
        let (found, expected) = (followed.everything(), all_of(dir.path()));
        assert!(found == expected, "{what}: {} records", found.len());
        // What an open connection does not come across harms nothing before the next start.
        if what == "removed" || what == "no database" || what == "nothing" {
            assert_eq!(followed.renewed() > 0, is_renewed, "{what}");
        }
        followed.end();
    }
}

#[test]
fn an_index_of_another_log_is_made_anew() {
    let (one, other) = (log_of(100), log_of(120));
    rebuild(other.path(), &mut |_| ()).unwrap();
    std::fs::copy(index_path(other.path()), index_path(one.path())).unwrap();
    let followed = follow(one.path());
    assert_eq!(followed.everything(), all_of(one.path()));
    assert_eq!(followed.renewed(), 1);
    followed.end();
}

#[test]
fn an_index_that_cannot_be_written_harms_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(index_path(dir.path())).unwrap();
    let followed = follow(dir.path());
    append(&followed.log, random(0..50));
    let error = followed.find(&Filter::default(), 5).unwrap_err();
    assert!(matches!(error, FindError::NotReady(_)), "{error}");
    assert!(
        error.to_string().contains("toolgate audit reindex"),
        "{error}"
    );
    assert!(followed.log.head().unwrap().seq == 49);
    let failed = |event: &IndexEvent| matches!(event, IndexEvent::Failed { .. });
    assert_eq!(
        followed
            .events
            .lock()
            .unwrap()
            .iter()
            .filter(|it| failed(it))
            .count(),
        1
    );
    // Once it can be written it is.
    std::fs::remove_dir(index_path(dir.path())).unwrap();
    assert_eq!(followed.everything().len(), 50);
    // It is told after what it has is shown: at the end at the latest.
    let events = Arc::clone(&followed.events);
    followed.end();
    assert_eq!(events.lock().unwrap().last(), Some(&IndexEvent::Recovered));
}
