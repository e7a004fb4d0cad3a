//! `toolgate audit`.

mod archive;
mod collect;
mod erase;
mod export;
mod filters;
mod grant;
mod keys;
mod proof;
mod prove;
mod query;
mod record;
mod reindex;
mod repairs;
mod show;
mod source;
mod tail;
mod when;

use super::output::{Colour, Format};
use super::{CliError, Exit, Output};
use crate::audit::log::{RepairError, Repaired, repair};
use crate::audit::verify::{Fault, Head, Report, Wrong, verify_seeing};
use crate::files::{Files, OsFiles};
use crate::model::json::{Json, Object};
use crate::telemetry::now;
use clap::{Args, Subcommand};
use repairs::Repairs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

/// So many records are checked between two lines about progress.
const PROGRESS_RECORDS: u64 = 100_000;

/// Read audit logs.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check a log: every record's form, place and hash.
    ///
    /// Prints the head: keep it elsewhere, and give it with `--head` the next time, so that records
    /// that were taken away or rewritten since are seen.
    ///
    /// Exit codes: 0 the log checks, 3 it does not (the first wrong record is named by file, line
    /// and seq, with what is wrong), 2 it cannot be read or there is none, 64 wrong usage.
    Verify(Verify),
    /// Cut a log that does not check, so that it can be continued.
    ///
    /// What does not check, and everything after it, is moved into a file beside the log, `cut-*`,
    /// and the log gets a record of it: how much was cut, its digest, and what was wrong. Stop the
    /// process that writes the log first.
    ///
    /// Exit codes: 0 it was cut, 3 it was left as it is (it checks, no record of it checks, or it
    /// stops to check at another seq), 2 there is no log, or a process writes it, 1 the disk
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
    /// The seq of the first record that does not check, as `audit verify` names it.
    #[arg(long, value_name = "SEQ")]
    truncate_at: u64,
}

/// Check a log.
#[derive(Debug, Args)]
pub struct Verify {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A head that an earlier check printed.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// The object store that has what was pruned, as it was given to `audit archive`: the whole
    /// log is checked, from its first record on.
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
    /// Tell on standard error how far it is, also where that is no terminal.
    #[arg(long)]
    progress: bool,
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

impl Verify {
    fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let tells = self.progress || std::io::stderr().is_terminal();
        let mut records = 0_u64;
        let mut repairs = Repairs::default();
        let head = self.head.as_ref();
        let mut see = |record: &Object| {
            repairs.see(record);
            records += 1;
            if tells && records.is_multiple_of(PROGRESS_RECORDS) {
                output.note(format!("{records} records checked"));
            }
        };
        let checked = match &self.archive {
            Some(url) => archive::verify(&self.dir, url, head, &mut see)?,
            None => verify_seeing(&self.dir, head, &mut see),
        };
        if self.progress {
            output.note(format!("{records} records checked in all"));
        }
        match checked {
            Ok(report) if report.last_file.is_none() => Err(CliError::unusable(format!(
                "no audit log in `{}`: it has no file `log-<20 digits>.jsonl`",
                self.dir.display()
            ))),
            Ok(report) => {
                let warnings = repairs.warnings(&self.dir, head);
                show(output, &report, head.is_some(), &warnings);
                Ok(Exit::Done)
            }
            Err(fault) => match &fault.what {
                Wrong::Unreadable(error) => {
                    let path = match fault.file.is_empty() {
                        true => self.dir.clone(),
                        false => self.dir.join(&fault.file),
                    };
                    let path = path.display();
                    Err(CliError::unusable(format!("cannot read `{path}`: {error}")))
                }
                _ => {
                    show_fault(output, &fault, &repairs.warnings(&self.dir, head));
                    Ok(Exit::No)
                }
            },
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

/// A report is of a log with the held head in it, where one was given.
fn show(output: &Output, report: &Report, is_head_found: bool, warnings: &[String]) {
    if output.is_json() {
        let mut json = report_json(report, warnings);
        if is_head_found {
            json.insert("held_head", "found");
        }
        output.json(&json.into());
        return;
    }
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let head = report.head.as_ref().map(ToString::to_string);
    let mut rows = vec![
        vec!["origin".to_owned(), or_none(&report.origin)],
        vec!["files".to_owned(), report.files.to_string()],
        vec!["records".to_owned(), report.records.to_string()],
    ];
    if report.first_seq > 0 {
        let pruned = format!("{} records, which are in the archive", report.first_seq);
        rows.push(vec!["pruned".to_owned(), pruned]);
    }
    for (kind, count) in &report.by_type {
        rows.push(vec![format!("  {kind}"), count.to_string()]);
    }
    rows.push(vec!["first".to_owned(), or_none(&report.first_time)]);
    rows.push(vec!["last".to_owned(), or_none(&report.last_time)]);
    rows.push(vec!["head".to_owned(), or_none(&head)]);
    if is_head_found {
        rows.push(vec!["held head".to_owned(), "found".to_owned()]);
    }
    output.table(&["LOG", ""], &rows);
    show_warnings(output, warnings);
    if let Some(torn) = &report.torn {
        output.line(format!(
            "{} the last line of `{}` has no end: {} bytes from byte {}; a crash leaves this, and the next start drops it",
            output.paint(Colour::Yellow, "warning:"),
            torn.file,
            torn.bytes,
            torn.offset_bytes,
        ));
    }
    if output.format == Format::Table {
        let good = output.paint(Colour::Green, "the log is whole");
        output.line(format!("{good}; keep the head elsewhere"));
    }
}

fn show_warnings(output: &Output, warnings: &[String]) {
    let label = output.paint(Colour::Yellow, "warning:");
    for warning in warnings {
        output.line(format!("{label} {warning}"));
    }
}

fn report_json(report: &Report, warnings: &[String]) -> Object {
    let text = |text: &Option<String>| text.as_deref().map_or(Json::Null, Json::from);
    let by_type = report.by_type.iter();
    let by_type = Json::object(by_type.map(|(kind, count)| (kind.as_str(), Json::from(*count))));
    let torn = report.torn.as_ref().map_or(Json::Null, |torn| {
        Json::object([
            ("file", Json::from(torn.file.as_str())),
            ("offset_bytes", torn.offset_bytes.into()),
            ("bytes", torn.bytes.into()),
        ])
    });
    let mut json = Object::new();
    for (name, value) in [
        ("valid", Json::Bool(true)),
        ("origin", text(&report.origin)),
        ("files", report.files.into()),
        ("first_seq", report.first_seq.into()),
        ("records", report.records.into()),
        ("by_type", by_type),
        ("first_time", text(&report.first_time)),
        ("last_time", text(&report.last_time)),
        ("head", text(&report.head.as_ref().map(ToString::to_string))),
        ("torn", torn),
        ("warnings", warnings_json(warnings)),
    ] {
        json.insert(name, value);
    }
    json
}

fn warnings_json(warnings: &[String]) -> Json {
    Json::array(warnings.iter().map(String::as_str))
}

/// Without what a terminal would act on: who altered a log may have written anything into it.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn show_fault(output: &Output, fault: &Fault, warnings: &[String]) {
    if output.is_json() {
        let mut wrong = Object::new();
        wrong.insert("file", fault.file.as_str());
        wrong.insert("line", fault.line);
        wrong.insert("seq", fault.seq);
        wrong.insert("what", fault.what.to_string());
        output.json(&Json::object([
            ("valid", Json::Bool(false)),
            ("wrong", wrong.into()),
            ("warnings", warnings_json(warnings)),
        ]));
    } else {
        let broken = output.paint(Colour::Red, "the log is broken:");
        output.line(format!("{broken} {}", printable(&fault.to_string())));
        show_warnings(output, warnings);
    }
}
