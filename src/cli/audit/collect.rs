//! `toolgate audit collect`: the evidence of an incident, in one archive.

mod archive;
mod evidence;

use super::super::{CliError, Exit, Output};
use super::filters::Filters;
use super::source::directory;
use crate::audit::index::Filter;
use crate::audit::layout::CHECKPOINT_NAME;
use crate::model::json::{Json, Object};
use archive::Archive;
use clap::Args;
use evidence::Evidence;
use std::fs;
use std::path::PathBuf;

/// What checks the archive.
const VERIFIER: &str = include_str!("collect/verify.py");

/// Pack the evidence of an incident.
#[derive(Debug, Args)]
pub struct Collect {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    filters: Filters,
    /// Bundles to put in, as the sources of the policies that decided.
    #[arg(long, value_name = "PATH")]
    bundle: Vec<PathBuf>,
    /// The log's verifier key, to put in for comparison.
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
    /// Put in whole files of the log also where every record has a proof.
    #[arg(long)]
    segments: bool,
    /// The archive that is written; it must not be there yet.
    #[arg(value_name = "FILE.tar.gz")]
    to: PathBuf,
}

impl Collect {
    /// Collects and packs.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let dir = directory(&self.dir)?;
        let filter = self.filters.filter();
        if filter == Filter::default() {
            return Err(CliError::unusable(
                "say what the incident is about: --principal, --tool, --session, --server or another filter",
            ));
        }
        let evidence = Evidence::collect(output, &dir, &filter, self.segments)?;
        if evidence.records.is_empty() {
            output.error("no record matches: nothing was written");
            return Ok(Exit::No);
        }
        let manifest = manifest(&evidence, &filter);
        self.write(&evidence, &manifest)?;
        match output.is_json() {
            true => output.json(&Json::Object(manifest)),
            false => {
                let (records, proved) = (evidence.records.len(), evidence.proofs.len());
                let to = self.to.display();
                output.line(format!(
                    "{records} records, {proved} of them proved, are in `{to}`: unpack it and run `python3 verify.py`"
                ));
            }
        }
        Ok(Exit::Done)
    }

    fn write(&self, evidence: &Evidence, manifest: &Object) -> Result<(), CliError> {
        let mut archive = Archive::create(&self.to).map_err(|error| {
            CliError::unusable(format!("cannot write `{}`: {error}", self.to.display()))
        })?;
        let packed = self.pack(&mut archive, evidence, manifest);
        packed.and_then(|()| archive.finish()).map_err(|error| {
            // What is not complete is no evidence.
            let _removed = fs::remove_file(&self.to);
            CliError::failure(format!("cannot write `{}`: {error}", self.to.display()))
        })
    }

    fn pack(
        &self,
        archive: &mut Archive,
        evidence: &Evidence,
        manifest: &Object,
    ) -> std::io::Result<()> {
        archive.put("README.md", readme(evidence).as_bytes())?;
        archive.put("verify.py", VERIFIER.as_bytes())?;
        archive.put("manifest.json", &Json::Object(manifest.clone()).to_bytes())?;
        archive.put("records.jsonl", &evidence.lines())?;
        for (seq, proof) in &evidence.proofs {
            let name = format!("proofs/{seq:020}.tlog-proof");
            archive.put(&name, proof.as_bytes())?;
        }
        if let Some(checkpoint) = &evidence.checkpoint {
            archive.put(CHECKPOINT_NAME, checkpoint.as_bytes())?;
        }
        for (name, content) in evidence.segments() {
            archive.put(&format!("log/{name}"), &content?)?;
        }
        if let Some(vkey) = &self.vkey {
            archive.put("vkey", &fs::read(vkey)?)?;
        }
        for (number, bundle) in self.bundle.iter().enumerate() {
            archive.put_tree(&format!("policies/{number}"), bundle)?;
        }
        Ok(())
    }
}

fn manifest(evidence: &Evidence, filter: &Filter) -> Object {
    let segments = evidence.segment_names();
    Object::from_iter([
        ("origin", Json::from(evidence.origin.as_str())),
        ("query", Json::Object(filter.to_json())),
        ("records", (evidence.records.len() as u64).into()),
        ("proved", (evidence.proofs.len() as u64).into()),
        ("segments", Json::array(segments.iter().map(String::as_str))),
        (
            "policies",
            Json::array(evidence.policies.iter().map(String::as_str)),
        ),
    ])
}

fn readme(evidence: &Evidence) -> String {
    let policies: Vec<_> = evidence
        .policies
        .iter()
        .map(|digest| format!("- `{digest}`\n"))
        .collect();
    format!(
        "# Evidence from the audit log `{}`\n\n\
         `python3 verify.py` checks it; `python3 verify.py FILE` checks the signature, too, with \
         the log's verifier key in FILE. Have that key from the operator, not from this archive.\n\n\
         - `records.jsonl`: {} records, each as it is in the log: what was asked for, the outcomes of \
         these decisions, how the policies that decided came into force, and what both keys signed when \
         the signing key changed.\n\
         - `proofs/`: for {} of them, that they are in the log of `checkpoint` (c2sp.org/tlog-proof@v1).\n\
         - `log/`: whole files of the log, for records without a proof: each line has the SHA-256 of the \
         line before.\n\
         - `policies/`: sources, as whoever collected this gave them.\n\
         - `SHA256SUMS`: of all files here; it shows damage, and is no proof.\n\n\
         What a proof says: the record was in the log when the checkpoint was signed. What nothing here \
         says: that no other record was of interest. Whoever doubts that asks for the whole log.\n\n\
         ## Policy sets that decided\n\n{}",
        evidence.origin,
        evidence.records.len(),
        evidence.proofs.len(),
        policies.concat(),
    )
}
