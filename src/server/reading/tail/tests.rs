use super::*;
use crate::audit::log::{Log, Options};
use crate::audit::record::{Heartbeat, Record};
use crate::files::OsFiles;
use crate::model::time::Timestamp;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_stream::StreamExt;
use tonic::Code;

const RECORDS: u64 = 1_000;

async fn log() -> (TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        segment_bytes_max: 20_000,
        ..Options::new("pdp/1")
    };
    let (log, _) = Log::open(dir.path(), options, Arc::new(OsFiles)).unwrap();
    for _ in 0..RECORDS {
        let record = Record::Heartbeat(Heartbeat::default());
        log.post(Timestamp::default(), &record).unwrap();
    }
    log.flush().unwrap().await.unwrap();
    (dir, log)
}

fn tailing(dir: &Path, log: &Log, from_seq: u64) -> (watch::Sender<bool>, Tailing) {
    let (stop, stopped) = watch::channel(false);
    let tailing = Tailing {
        dir: dir.to_owned(),
        head: log.watch_head(),
        filter: Filter::default(),
        from_seq,
        stopped,
        stalled_max: Duration::from_millis(20),
    };
    (stop, tailing)
}

/// Reads until the stream ends; the seqs, and how it ended.
async fn all(
    mut records: impl tokio_stream::Stream<Item = Answer> + Unpin,
) -> (Vec<u64>, Option<Status>) {
    let mut seqs = Vec::new();
    while let Some(answer) = records.next().await {
        match answer {
            Ok(answer) => {
                let line: serde_json::Value = serde_json::from_slice(&answer.record_json).unwrap();
                seqs.push(line["seq"].as_u64().unwrap());
            }
            Err(status) => return (seqs, Some(status)),
        }
    }
    (seqs, None)
}

#[tokio::test]
async fn a_reader_that_stalls_is_cut_off_and_told_where_to_go_on() {
    let (dir, log) = log().await;
    let (_stop, tailing) = tailing(dir.path(), &log, 0);
    let records = tailing.start();
    // Until the last word is in its place.
    while records.as_ref().len() <= BACKLOG_RECORDS_MAX {
        tokio::task::yield_now().await;
    }
    let (seqs, ended) = all(records).await;
    assert_eq!(seqs, (0..BACKLOG_RECORDS_MAX as u64).collect::<Vec<_>>());
    let ended = ended.unwrap();
    assert_eq!(ended.code(), Code::ResourceExhausted);
    let expected = format!("go on with `from_index` {BACKLOG_RECORDS_MAX}");
    assert!(ended.message().contains(&expected), "{ended}");
}

#[tokio::test]
async fn nothing_is_looked_at_for_a_reader_that_went_away() {
    for is_stopped in [false, true] {
        let (dir, log) = log().await;
        let (stop, mut tailing) = tailing(dir.path(), &log, 0);
        tailing.filter.tool = "no_such_tool".to_owned();
        // Looking at records would fail.
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let (answers, receiver) = mpsc::channel(1);
        match is_stopped {
            true => drop(stop.send(true)),
            false => drop(receiver),
        }
        tailing.run(&answers).await.unwrap();
    }
}

#[tokio::test]
async fn a_reader_that_reads_gets_every_record_over_files() {
    let (dir, log) = log().await;
    let (stop, mut tailing) = tailing(dir.path(), &log, 3);
    tailing.stalled_max = STALLED_MAX;
    let reading = tokio::spawn(all(tailing
        .start()
        .take(usize::try_from(RECORDS).unwrap() - 3)));
    let (seqs, ended) = reading.await.unwrap();
    assert_eq!(seqs, (3..RECORDS).collect::<Vec<_>>());
    assert!(ended.is_none());
    drop(stop);
}
