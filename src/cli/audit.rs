//! `toolgate audit`.

mod archive;
mod collect;
mod erase;
mod export;
mod filters;
mod grant;
mod keys;
mod progress;
mod proof;
mod prove;
mod query;
mod record;
mod reindex;
mod repairs;
mod report;
mod show;
mod source;
mod tail;
mod verify;
mod when;

use super::{CliError, Exit, Output};
use crate::audit::log::{RepairError, Repaired, repair};
use crate::files::{Files, OsFiles};
use crate::telemetry::now;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::sync::Arc;
use verify::Verify;

/// Read audit logs.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check logs: records, chain, tree, tiles, checkpoints and signatures; or one record's proof.
    ///
    /// Give the log's verifier key with `--key`: without it, signatures show little. Keep the head
    /// or a checkpoint elsewhere, and give it with `--head` or `--checkpoint` the next time, so
    /// that records that were taken away or rewritten since are seen. Of several logs, decisions
    /// and outcomes are paired over all of them.
    ///
    /// Exit codes: 0 everything checks, 1 something does not (the first thing that is wrong is
    /// named, with file, line and seq), 2 something cannot be read, 64 wrong usage.
    Verify(Verify),
    /// Cut a log that does not check, so that it can be continued.
    ///
    /// What does not check, or is not what was signed, and everything after it is moved into a file
    /// beside the log, `cut-*`, and so are checkpoints that were signed beyond. The log gets a
    /// record of it: how much was cut, its digest, and what was wrong. Stop the process that writes
    /// the log first, and keep a copy of the directory.
    ///
    /// Exit codes: 0 it was cut, 3 it was left as it is (it checks, no record of it checks, it
    /// stops to check at another seq, or a checkpoint cannot be read), 2 there is no log, or a process writes it, 1 the disk
    /// failed, 64 wrong usage.
    Repair(Repair),
    /// Erase the content of a tenant's month: arguments and results that were kept.
    ///
    /// Destroys the keys that they are encrypted and hashed under, removes them, and records it.
    /// The log still checks. Stop the process that writes the log first. Copies of the directory,
    /// such as backups, have keys of their own: erase those, too.
    ///
    /// Exit codes: 0 it is erased, 2 there is no log or no such content, or a process writes the
    /// log, 1 the disk failed, 64 wrong usage.
    Erase(erase::Erase),
    /// Let somebody read content, as the second person who has to approve it.
    ///
    /// Prints a grant, which the reader sends with `GetContent`. Works without a PDP: keep the key
    /// where no reader has it. `openssl genpkey -algorithm ed25519` makes one, and `--show-key`
    /// prints what the PDP's configuration needs of it.
    Grant(grant::Grant),
    /// Find records, the last one first.
    ///
    /// Of a directory, through its index if there is one; of a PDP, as a caller with
    /// `may = ["audit.read"]`: it records who read, why, and what was asked for.
    Query(query::Query),
    /// Show the last records, and the next ones as they come.
    Tail(tail::Tail),
    /// Tell the whole story of one call.
    ///
    /// Exit codes: 0 it is told, 3 there is no such decision.
    Show(show::Show),
    /// Make the index of a log anew, while no PDP writes the log.
    Reindex(reindex::Reindex),
    /// Pack the evidence of an incident into one archive that verifies on its own.
    ///
    /// The matching records, the outcomes of decisions among them, how the policies that decided
    /// came into force, and a proof of each where the log is signed; else the log's files around
    /// them. `verify.py` in it checks it without toolgate.
    ///
    /// Exit codes: 0 it is written, 3 nothing matches.
    Collect(collect::Collect),
    /// Write a log's calls in another format: one row a call, of its decision and its outcome.
    ///
    /// Can be run again and again, also after it was stopped at any point: it goes on where it was,
    /// writes no row twice and leaves none out. Each row has the decision's id and the seqs of the
    /// records that it is made of.
    ///
    /// Exit codes: 0 done, 3 the log does not check, 2 there is no log, it cannot be read, or the
    /// target is something else, 1 the target cannot be written, 64 wrong usage.
    Export(export::Export),
    /// Put what is sealed into an object store, and remove from the disk what is old.
    ///
    /// A segment is checked, compressed, put, read back and compared before anything of it is
    /// removed. May run beside the process that writes the log, again and again, and after it was
    /// stopped at any point. Credentials of the store come from the environment.
    ///
    /// Exit codes: 0 done, 3 the log does not check or the store holds something else, 2 there is
    /// no log, no store, or another such command is at it, 1 the store or the disk failed, 64 wrong
    /// usage.
    Archive(archive::Archive),
    /// Bring back from an object store what is not on the disk.
    ///
    /// Stop the process that writes the log first. Afterwards the log is whole again.
    ///
    /// Exit codes: 0 done, 3 the archive does not fit the log or lacks records, 2 there is no
    /// archive, or a process writes the log, 1 the store or the disk failed, 64 wrong usage.
    Restore(archive::Restore),
    /// Prove that a record is in a log, to somebody who has neither: a `c2sp.org/tlog-proof`.
    ///
    /// Whoever has the record's line, the proof and the log's public key can check it with `audit
    /// verify --proof`, or with any tool that knows the format.
    ///
    /// Exit codes: 0 done, 2 there is no log, or no such record of it is signed, or it is damaged,
    /// 64 wrong usage.
    Prove(prove::Prove),
    /// Make a key that signs audit logs (Ed25519, PKCS#8), and show its public half.
    ///
    /// The public half is what an auditor is to have, from elsewhere than the log: a line
    /// `<origin>+<id>+<key>`, as C2SP's signed notes have it.
    ///
    /// Exit codes: 0 done, 2 the file is there already, or is no key, 1 it cannot be written, 64
    /// wrong usage.
    Keygen(keys::Keygen),
}

/// Cut a log that does not check.
#[derive(Debug, Args)]
pub struct Repair {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The seq of the first record that nothing vouches for, as `serve` names it.
    #[arg(long, value_name = "SEQ")]
    truncate_at: u64,
}

impl Audit {
    /// Runs the command.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        match self {
            Self::Verify(verify) => verify.run(output),
            Self::Repair(repair) => repair.run(output),
            Self::Erase(erase) => erase.run(output),
            Self::Grant(grant) => grant.run(output),
            Self::Query(query) => query.run(output),
            Self::Tail(tail) => tail.run(output),
            Self::Show(show) => show.run(output),
            Self::Reindex(reindex) => reindex.run(output),
            Self::Collect(collect) => collect.run(output),
            Self::Export(export) => export.run(output),
            Self::Archive(archive) => archive.run(output),
            Self::Restore(restore) => restore.run(output),
            Self::Prove(prove) => prove.run(output),
            Self::Keygen(keygen) => keygen.run(output),
        }
    }
}

impl Repair {
    fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let files: Arc<dyn Files> = Arc::new(OsFiles);
        let refused = match repair(&self.dir, self.truncate_at, now(), &files) {
            Ok(repaired) => {
                show_repaired(output, &repaired);
                return Ok(Exit::Done);
            }
            Err(refused) => refused,
        };
        match refused {
            RepairError::Io { .. } => Err(CliError::failure(refused)),
            RepairError::NoLog { .. } | RepairError::Locked { .. } => {
                Err(CliError::unusable(refused))
            }
            RepairError::Sound { .. }
            | RepairError::Elsewhere { .. }
            | RepairError::Signed { .. }
            | RepairError::NothingKept { .. } => {
                output.error(printable(&refused.to_string()));
                Ok(Exit::No)
            }
        }
    }
}

fn show_repaired(output: &Output, repaired: &Repaired) {
    let record = &repaired.record;
    if output.is_json() {
        let mut told = record.to_json();
        told.insert("head", repaired.head.to_string());
        output.json(&told.into());
        return;
    }
    let mut rows = vec![
        ("cut from seq", record.first_seq.to_string()),
        ("lines", record.lines.to_string()),
        ("bytes", record.bytes.to_string()),
        ("digest", record.digest.clone()),
        ("moved to", record.file.clone()),
        ("what was wrong", printable(&record.fault)),
        ("head", repaired.head.to_string()),
    ];
    if let Some(checkpoint) = &record.checkpoint {
        rows.push(("checkpoint moved to", checkpoint.clone()));
    }
    let rows = rows.into_iter();
    let rows: Vec<_> = rows
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    output.table(&["REPAIRED", ""], &rows);
}

/// Without what a terminal would act on: who altered a log may have written anything into it.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
