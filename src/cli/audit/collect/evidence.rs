//! What belongs to an incident, and what shows that it is the log's.

use super::super::proof::Proofs;
use super::super::record::{inner, read, text};
use super::super::source::Source;
use crate::audit::index::{Filter, Order, segments};
use crate::audit::layout::segment_name;
use crate::cli::{CliError, Output};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Most bytes of records in one archive.
const RECORDS_BYTES_MAX: usize = 256 << 20;

/// What was collected.
pub(super) struct Evidence {
    dir: PathBuf,
    pub(super) origin: String,
    /// Lines by seq.
    pub(super) records: BTreeMap<u64, Vec<u8>>,
    /// Digests of the policy sets that decided.
    pub(super) policies: BTreeSet<String>,
    /// Proofs by seq, of the records that the checkpoint covers.
    pub(super) proofs: BTreeMap<u64, String>,
    pub(super) checkpoint: Option<String>,
    /// Files of the log, by the seq of their first record.
    files: BTreeSet<u64>,
}

impl Evidence {
    /// The records that match, the outcomes of those that are decisions, and how their policies came
    /// into force; a proof of each where the log is signed, and else the log's files around them.
    pub(super) fn collect(
        output: &Output,
        dir: &Path,
        filter: &Filter,
        with_files: bool,
    ) -> Result<Self, CliError> {
        let mut evidence = Self {
            dir: dir.to_owned(),
            origin: String::new(),
            records: BTreeMap::new(),
            policies: BTreeSet::new(),
            proofs: BTreeMap::new(),
            checkpoint: None,
            files: BTreeSet::new(),
        };
        let source = Source::Directory(dir.to_owned());
        evidence.find(output, &source, filter)?;
        evidence.find_related(output, &source)?;
        evidence.prove(output);
        evidence.cover(with_files).map_err(CliError::unusable)?;
        Ok(evidence)
    }

    fn find(&mut self, output: &Output, source: &Source, filter: &Filter) -> Result<(), CliError> {
        let mut bytes: usize = self.records.values().map(Vec::len).sum();
        let mut is_too_much = false;
        source.find(output, filter, Order::OldestFirst, &mut |seq, line| {
            bytes += line.len();
            is_too_much = bytes > RECORDS_BYTES_MAX;
            if is_too_much {
                return ControlFlow::Break(());
            }
            self.records.insert(seq, line.to_vec());
            ControlFlow::Continue(())
        })?;
        match is_too_much {
            true => Err(CliError::unusable(format!(
                "these are more than {RECORDS_BYTES_MAX} bytes of records: narrow it down, or give the whole log"
            ))),
            false => Ok(()),
        }
    }

    fn find_related(&mut self, output: &Output, source: &Source) -> Result<(), CliError> {
        let mut decisions = BTreeSet::new();
        for line in self.records.values() {
            let record = read(line);
            self.origin = text(&record, "origin");
            let id = text(&record, "decision_id");
            if !id.is_empty() {
                decisions.insert(id);
            }
        }
        for decision_id in decisions {
            let filter = Filter {
                decision_id,
                ..Filter::default()
            };
            self.find(output, source, &filter)?;
        }
        let digests = self.records.values().map(|line| read(line));
        let digests = digests.map(|record| inner(&record, "policy", "digest"));
        self.policies = digests.filter(|digest| !digest.is_empty()).collect();
        for digest in self.policies.clone() {
            let filter = Filter {
                revision: digest,
                types: ["policy_loaded", "policy_rolled_back"]
                    .map(str::to_owned)
                    .to_vec(),
                ..Filter::default()
            };
            self.find(output, source, &filter)?;
        }
        if self.records.is_empty() {
            return Ok(());
        }
        // Who holds a key of before needs what both keys signed when the next one took over.
        let rotations = Filter {
            types: vec!["key_rotated".to_owned()],
            ..Filter::default()
        };
        self.find(output, source, &rotations)
    }

    /// Where the log is not signed, or its tiles are not there, nothing is proved: the log's files
    /// go with the records instead.
    fn prove(&mut self, output: &Output) {
        let Some(proofs) = Proofs::open(&self.dir) else {
            return;
        };
        let mut prover = proofs.prover();
        for (seq, line) in &self.records {
            let proof = proofs.prove(&mut prover, *seq, line);
            self.proofs
                .extend(proof.map(|proof| (*seq, proof.to_string())));
        }
        let size = proofs.checkpoint.size;
        let covered = self.records.range(..size).count();
        let proved = self.proofs.len();
        if proved < covered {
            let contradicted = covered - proved;
            output.note(format!(
                "the log's checkpoint covers {covered} of the records, and {contradicted} of these are not what it is over, or tiles are missing: see `toolgate audit verify`"
            ));
        }
        self.checkpoint = (!self.proofs.is_empty()).then(|| proofs.note.to_string());
    }

    /// The log's files from the first record without a proof to the last one.
    fn cover(&mut self, with_files: bool) -> io::Result<()> {
        let is_bare = |seq: &&u64| with_files || !self.proofs.contains_key(*seq);
        let bare: Vec<_> = self.records.keys().filter(is_bare).copied().collect();
        let (Some(first), Some(last)) = (bare.first(), bare.last()) else {
            return Ok(());
        };
        let all = segments(&self.dir)?;
        let start = all.iter().rev().find(|segment| **segment <= *first);
        let start = start.copied().unwrap_or(*first);
        let within = all
            .into_iter()
            .filter(|segment| (start..=*last).contains(segment));
        self.files = within.collect();
        Ok(())
    }

    /// All records, a line each.
    pub(super) fn lines(&self) -> Vec<u8> {
        let lines = self.records.values();
        lines
            .flat_map(|line| line.iter().chain(b"\n"))
            .copied()
            .collect()
    }

    pub(super) fn segment_names(&self) -> Vec<String> {
        self.files
            .iter()
            .map(|first| segment_name(*first))
            .collect()
    }

    /// Name and whole lines of each file, one after the other.
    pub(super) fn segments(&self) -> impl Iterator<Item = (String, io::Result<Vec<u8>>)> {
        let names = self.segment_names().into_iter();
        names.map(|name| {
            let content = fs::read(self.dir.join(&name)).map(|mut content| {
                let whole = content.iter().rposition(|byte| *byte == b'\n');
                content.truncate(whole.map_or(0, |end| end + 1));
                content
            });
            (name, content)
        })
    }
}
