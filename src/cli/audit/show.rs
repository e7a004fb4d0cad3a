//! `toolgate audit show`: one call, in words.

mod story;

use super::super::{CliError, Exit, Output};
use super::proof::Proofs;
use super::record::{inner, number, read, text};
use super::source::{LogArgs, Source};
use crate::audit::hash::sha256_hex;
use crate::audit::index::{Filter, Order};
use crate::model::json::{Json, Object};
use crate::tlog::{Checkpoint, TlogProof};
use clap::Args;
use std::ops::ControlFlow;

/// Outcomes of one decision that are told of; there is one, unless something is wrong.
const OUTCOMES_MAX: usize = 16;

/// Tell the story of one call.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    log: LogArgs,
    /// The decision's id, as replies and records have it.
    #[arg(value_name = "DECISION")]
    decision_id: String,
}

/// What is said of a record that the log's own checkpoint contradicts.
const DISPROVED: &str = "NOT PROVED: the log's checkpoint is over another record here, or tiles are \
                         missing: see `toolgate audit verify`";

/// A record, and the hash of its line.
pub(super) struct Found {
    record: Object,
    hash: String,
    /// That it is in the log, where the log is signed and read from its files.
    proof: Option<TlogProof>,
    /// The checkpoint covers its seq, and not its line: it was altered, or the tiles were.
    is_disproved: bool,
}

/// All that the log says of a call.
pub(super) struct Call {
    decision: Found,
    outcomes: Vec<Found>,
    /// How the policy set that decided came into force: where it was rolled back to, that first.
    policy: Vec<Found>,
}

impl Show {
    /// Finds and tells.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let source = self.log.open()?;
        let Some(call) = find(output, &source, &self.decision_id)? else {
            output.error(format!("no decision `{}` in this log", self.decision_id));
            return Ok(Exit::No);
        };
        match output.is_json() {
            true => output.json(&call.to_json()),
            false => story::tell(output, &call),
        }
        Ok(Exit::Done)
    }
}

fn find(output: &Output, source: &Source, decision_id: &str) -> Result<Option<Call>, CliError> {
    let filter = Filter {
        decision_id: decision_id.to_owned(),
        ..Filter::default()
    };
    let (mut decision, mut outcomes) = (None, Vec::new());
    source.find(output, &filter, Order::OldestFirst, &mut |_, line| {
        let found = Found::read(line);
        match text(&found.record, "type").as_str() {
            "decision" if decision.is_none() => decision = Some(found),
            "outcome" if outcomes.len() < OUTCOMES_MAX => outcomes.push(found),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    let Some(mut decision) = decision else {
        return Ok(None);
    };
    if let Source::Directory(dir) = source
        && let Some(proofs) = Proofs::open(dir)
    {
        let mut prover = proofs.prover();
        for found in std::iter::once(&mut decision).chain(&mut outcomes) {
            // The line is canonical: read and written again it is the same.
            let line = Json::Object(found.record.clone()).canonical();
            found.proof = proofs.prove(&mut prover, found.seq(), &line);
            found.is_disproved = found.proof.is_none() && found.seq() < proofs.checkpoint.size;
        }
    }
    let policy = policy_of(output, source, &decision)?;
    Ok(Some(Call {
        decision,
        outcomes,
        policy,
    }))
}

/// The last records before the decision that say how its policy set came into force.
fn policy_of(output: &Output, source: &Source, decision: &Found) -> Result<Vec<Found>, CliError> {
    let digest = inner(&decision.record, "policy", "digest");
    if digest.is_empty() {
        return Ok(Vec::new());
    }
    let types = ["policy_loaded", "policy_rolled_back"];
    let filter = Filter {
        revision: digest,
        types: types.map(str::to_owned).to_vec(),
        ..Filter::default()
    };
    let before = decision.seq();
    let mut all: Vec<Found> = Vec::new();
    source.find(output, &filter, Order::NewestFirst, &mut |seq, line| {
        if seq > before {
            return ControlFlow::Continue(());
        }
        let found = Found::read(line);
        let is_load = text(&found.record, "type") == "policy_loaded";
        if is_load || all.is_empty() {
            all.push(found);
        }
        match is_load {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(all)
}

impl Found {
    fn read(line: &[u8]) -> Self {
        Self {
            record: read(line),
            hash: sha256_hex(line),
            proof: None,
            is_disproved: false,
        }
    }

    /// How it is proved, in words; empty where the log is not signed so far.
    fn proved(&self) -> String {
        let Some(proof) = &self.proof else {
            return match self.is_disproved {
                true => DISPROVED.to_owned(),
                false => String::new(),
            };
        };
        let size = proof.checkpoint.text().parse::<Checkpoint>();
        let size = size.map_or(0, |checkpoint| checkpoint.size);
        let signers = proof.checkpoint.signatures().iter();
        let signers: Vec<_> = signers.map(|signature| signature.name.as_str()).collect();
        format!(
            "proved by {} hashes up to the root of the checkpoint at size {size}, signed by {} \
             (`audit verify --key` checks the signature)",
            proof.hashes.len(),
            signers.join(", ")
        )
    }

    fn seq(&self) -> u64 {
        number(&self.record, "seq").unwrap_or(0)
    }

    fn to_json(&self) -> Json {
        let mut json = Object::new();
        json.insert("record", Json::Object(self.record.clone()));
        json.insert("hash", self.hash.as_str());
        if let Some(proof) = &self.proof {
            json.insert("proof", proof.to_string());
        }
        if self.is_disproved {
            json.insert("disproved", true);
        }
        json.into()
    }
}

impl Call {
    fn to_json(&self) -> Json {
        Json::object([
            ("decision", self.decision.to_json()),
            (
                "outcomes",
                Json::array(self.outcomes.iter().map(Found::to_json)),
            ),
            (
                "policy",
                Json::array(self.policy.iter().map(Found::to_json)),
            ),
        ])
    }
}
