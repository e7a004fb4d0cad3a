//! A small signed log, and a PDP over it.

use crate::shim::event::Event;
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Consistency, Numbering};
use crate::shim::pdp::{Pdp, PdpError, Question};
use crate::tlog::{
    Checkpoint, Hash, KeyKind, Note, Signature, VerifierKey, leaf_hash, node_hash, root_of_empty,
};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::sync::{Mutex, MutexGuard};

/// A tree over leaves, under a name and a key.
#[derive(Clone)]
pub struct Tree {
    pub origin: String,
    pub leaves: Vec<String>,
    pub seed: u8,
}

impl Tree {
    pub fn new(origin: &str, leaves: usize) -> Self {
        Self {
            origin: origin.to_owned(),
            leaves: (0..leaves).map(|leaf| leaf.to_string()).collect(),
            seed: 1,
        }
    }

    fn key(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.seed; 32]).unwrap()
    }

    pub fn verifier(&self) -> VerifierKey {
        let public = self.key().public_key().as_ref().try_into().unwrap();
        VerifierKey::new(&self.origin, KeyKind::Log, public).unwrap()
    }

    /// RFC 6962 section 2.1, as it is written there.
    fn root(leaves: &[String]) -> Hash {
        match leaves {
            [] => root_of_empty(),
            [leaf] => leaf_hash(leaf.as_bytes()),
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len()));
                node_hash(&Self::root(left), &Self::root(right))
            }
        }
    }

    fn subproof(from: usize, leaves: &[String], is_whole: bool) -> Vec<Hash> {
        if from == leaves.len() {
            return match is_whole {
                true => Vec::new(),
                false => vec![Self::root(leaves)],
            };
        }
        let at = split(leaves.len());
        let (left, right) = leaves.split_at(at);
        let (mut proof, other) = match from <= at {
            true => (Self::subproof(from, left, is_whole), Self::root(right)),
            false => (Self::subproof(from - at, right, false), Self::root(left)),
        };
        proof.push(other);
        proof
    }

    pub fn consistency(&self, from: u64, to: u64) -> Vec<Hash> {
        let (from, to) = (from as usize, to as usize);
        match from {
            0 => Vec::new(),
            _ => Self::subproof(from, &self.leaves[..to.min(self.leaves.len())], true),
        }
    }

    /// The signed checkpoint over all leaves.
    pub fn note(&self) -> String {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: self.leaves.len() as u64,
            root: Self::root(&self.leaves),
            extensions: Vec::new(),
        };
        let text = checkpoint.to_string();
        let mut note = Note::new(&text).unwrap();
        let key = self.verifier();
        note.add(Signature {
            name: self.origin.clone(),
            key_id: key.id(),
            bytes: self.key().sign(text.as_bytes()).as_ref().to_vec(),
        })
        .unwrap();
        note.to_string()
    }
}

/// The largest power of two below.
fn split(leaves: usize) -> usize {
    leaves.next_power_of_two() / 2
}

/// What goes wrong with a log.
#[derive(Default)]
pub struct Wrong {
    /// So many reports fail before anything is recorded.
    pub down: u32,
    /// So many reports are recorded whose acknowledgement is lost.
    pub deaf: u32,
    /// It records at most so many events a report; 0: all.
    pub at_most: usize,
    /// It signs nothing.
    pub unsigned: bool,
}

/// A PDP that decides nothing and has a log.
pub struct Log {
    pub tree: Mutex<Tree>,
    pub wrong: Mutex<Wrong>,
    /// What was recorded, also twice.
    pub kept: Mutex<Vec<Event>>,
    pub proofs: Mutex<u32>,
}

impl Log {
    pub fn new(origin: &str, wrong: Wrong) -> Self {
        Self {
            tree: Mutex::new(Tree::new(origin, 0)),
            wrong: Mutex::new(wrong),
            kept: Mutex::default(),
            proofs: Mutex::default(),
        }
    }

    pub fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap()
    }

    /// The (epoch, seq) of what was recorded, without what was sent again.
    pub fn places(&self) -> Vec<(u64, u64)> {
        let kept = self.kept.lock().unwrap();
        let mut places: Vec<_> = kept.iter().map(|event| (event.epoch, event.seq)).collect();
        places.dedup();
        places
    }

    /// The ids of the events, each once, as the log would have them that knows its numbers.
    pub fn ids(&self) -> Vec<String> {
        let mut seen = std::collections::BTreeSet::new();
        let kept = self.kept.lock().unwrap();
        let new = kept
            .iter()
            .filter(|event| seen.insert((event.epoch, event.seq)));
        new.map(|event| event.event_id.clone()).collect()
    }

    fn take(&self, numbering: Numbering<'_>) -> Result<Acknowledged, PdpError> {
        let mut wrong = self.wrong.lock().unwrap();
        let away = || PdpError::Unavailable("down".to_owned());
        if wrong.down > 0 {
            wrong.down -= 1;
            return Err(away());
        }
        let origin = self.tree().origin.clone();
        let mut events = numbering(&origin)?;
        if wrong.at_most > 0 {
            events.truncate(wrong.at_most);
        }
        let durable_seq = events.last().map_or(0, |event| event.seq);
        let ids = events.iter().map(|event| event.event_id.clone());
        self.tree().leaves.extend(ids);
        self.kept.lock().unwrap().extend(events);
        if wrong.deaf > 0 {
            wrong.deaf -= 1;
            return Err(away());
        }
        let checkpoint = match wrong.unsigned {
            true => String::new(),
            false => self.tree().note(),
        };
        Ok(Acknowledged {
            durable_seq,
            replica: 0,
            origin,
            checkpoint,
        })
    }
}

impl Pdp for Log {
    fn decide(&self, _: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("this log decides nothing")) })
    }

    fn decide_batch(&self, _: Vec<Question>) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("this log decides nothing")) })
    }

    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(async { self.take(numbering) })
    }

    fn consistency(
        &self,
        _: usize,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Consistency, PdpError>> {
        *self.proofs.lock().unwrap() += 1;
        let tree = self.tree();
        let proof = Consistency {
            origin: tree.origin.clone(),
            hashes: tree.consistency(from, to),
        };
        Box::pin(async { Ok(proof) })
    }
}
