//! Checkpoints: what they are over, and who signed them.

use super::line::Line;
use super::source::{Segments, read_small};
use super::{Fault, Wrong};
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, kept_size};
use crate::tlog::{Checkpoint, Hash, KeyKind, NOTE_BYTES_MAX, Note, NoteError, VerifierKey};

/// First line of what both keys sign when one follows the other.
const ROTATION_START: &str = "toolgate audit key rotated";

/// What the checkpoints of a log say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// How many checkpoints there are, held ones included.
    pub checkpoints: u64,
    /// The size of the latest; `None` if there is none.
    pub latest: Option<u64>,
    /// So many records, from seq 0, are under a signature that holds.
    pub covered: u64,
    /// Whether one of the keys that were given vouches for the signatures. If not, they were
    /// checked with keys that the log itself names, or not at all.
    pub is_by_given_key: bool,
    /// The keys that signed, in order; empty if signatures were not checked.
    pub keys: Vec<String>,
    /// The witnesses that cosigned, of those whose keys were given.
    pub witnesses: Vec<Witnessed>,
}

/// What a witness has cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The witness' name.
    pub name: String,
    /// The largest size that it has cosigned.
    pub size: u64,
    /// When it did, in seconds since 1970.
    pub time_s: u64,
}

/// One checkpoint.
struct Kept {
    file: String,
    checkpoint: Checkpoint,
    note: Note,
}

/// One change of the key.
struct Rotation {
    seq: u64,
    previous: VerifierKey,
    next: VerifierKey,
}

/// The checkpoints of a log, to be compared as its tree grows.
pub(super) struct Checkpoints {
    /// By size.
    all: Vec<Kept>,
    /// How many were compared.
    compared: usize,
    latest: Option<u64>,
    rotations: Vec<Rotation>,
}

impl Checkpoints {
    /// Reads the log's checkpoints, and adds one that is held elsewhere: its file, and its content.
    pub(super) fn read(
        segments: &dyn Segments,
        held: Option<&(String, Vec<u8>)>,
    ) -> Result<Self, Fault> {
        let mut names = segments
            .list(KEPT_NAME)
            .map_err(Fault::unreadable(KEPT_NAME))?;
        names.retain(|name| kept_size(name).is_some());
        let mut all = Vec::new();
        for name in names {
            let file = format!("{KEPT_NAME}/{name}");
            let kept = Kept::read(segments, &file)?;
            let size = kept.as_ref().map(|kept| kept.checkpoint.size);
            if size.is_some() && size != kept_size(&name) {
                let said = "its name says another size than it does";
                return Err(Fault::in_file(file, 0, Wrong::Checkpoint(said.to_owned())));
            }
            all.extend(kept);
        }
        let latest = Kept::read(segments, CHECKPOINT_NAME)?;
        let latest_size = latest.as_ref().map(|kept| kept.checkpoint.size);
        all.extend(latest);
        if let Some((file, content)) = held {
            all.push(Kept::parse(file, content)?);
        }
        all.sort_by_key(|kept| kept.checkpoint.size);
        Ok(Self {
            all,
            compared: 0,
            latest: latest_size,
            rotations: Vec::new(),
        })
    }

    /// The size of the latest checkpoint; 0 if there is none.
    pub(super) fn latest_size(&self) -> u64 {
        self.latest.unwrap_or_default()
    }

    /// Compares the checkpoints of this size; the root is asked for if there is one.
    pub(super) fn compare(&mut self, size: u64, root: impl Fn() -> Hash) -> Result<(), Fault> {
        while let Some(kept) = self.all.get(self.compared)
            && kept.checkpoint.size == size
        {
            if kept.checkpoint.root != root() {
                return Err(kept.fault(Wrong::Root { size }));
            }
            self.compared += 1;
        }
        Ok(())
    }

    /// Takes in a change of the key that a record tells of; `root` is over the records before it.
    pub(super) fn rotate(&mut self, line: &Line<'_>, root: &Hash) -> Result<(), Wrong> {
        let rotation = Rotation::read(line, root).map_err(Wrong::Rotation)?;
        let before = self.rotations.last();
        if before.is_some_and(|before| before.next != rotation.previous) {
            let said = "`previous` is not the key that the change before made the log's";
            return Err(Wrong::Rotation(said.to_owned()));
        }
        self.rotations.push(rotation);
        Ok(())
    }

    /// Checks, at the end of the log, what every checkpoint says of itself.
    pub(super) fn end(
        self,
        origin: Option<&str>,
        (first_seq, records): (u64, u64),
        keys: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<Signed, Fault> {
        if let Some(kept) = self.all.get(self.compared) {
            let size = kept.checkpoint.size;
            return Err(kept.fault(Wrong::CheckpointBeyond { size, records }));
        }
        let mut signed = Signed {
            checkpoints: self.all.len() as u64,
            latest: self.latest,
            ..Signed::default()
        };
        if self.latest.is_none() && !keys.is_empty() && records > 0 {
            return Err(Fault::in_file(CHECKPOINT_NAME, 0, Wrong::NoCheckpoint));
        }
        let Some(origin) = origin else {
            return Ok(signed);
        };
        // What was pruned stands under a checkpoint of its own, so that the latest is over it.
        if self.latest.is_some_and(|size| size < first_seq) {
            let said = format!("it is not over the {first_seq} records that were pruned");
            return Err(Fault::in_file(
                CHECKPOINT_NAME,
                first_seq,
                Wrong::Checkpoint(said),
            ));
        }
        let chain = self.chain(origin, keys)?;
        signed.is_by_given_key = !keys.is_empty();
        signed.keys = chain.iter().map(ToString::to_string).collect();
        for kept in &self.all {
            let size = kept.checkpoint.size;
            if kept.checkpoint.origin != origin {
                let said = format!("its origin is `{}`, not the log's", kept.checkpoint.origin);
                return Err(kept.fault(Wrong::Checkpoint(said)));
            }
            let Some(key) = self.key_of(size, &chain) else {
                continue;
            };
            match kept.note.check(key) {
                Ok(_) => signed.covered = size,
                // The change from this key was archived; the tree vouches for what is before, and
                // the latest checkpoint, which has to be signed, for the tree.
                Err(NoteError::NotSigned { .. })
                    if first_seq > 0 && size <= first_seq && kept.file != CHECKPOINT_NAME => {}
                Err(error) => return Err(kept.fault(Wrong::Signature { size, error })),
            }
        }
        for witness in witnesses {
            signed.witnesses.push(self.witnessed(witness)?);
        }
        Ok(signed)
    }

    /// The log's keys, in order; empty if none is known.
    fn chain(&self, origin: &str, given: &[VerifierKey]) -> Result<Vec<VerifierKey>, Fault> {
        let first = self.rotations.first().map(|rotation| &rotation.previous);
        let others = self.rotations.iter().map(|rotation| &rotation.next);
        let chain: Vec<_> = first.into_iter().chain(others).cloned().collect();
        let is_own = |key: &&VerifierKey| key.name() == origin && key.kind() == KeyKind::Log;
        let own: Vec<_> = given.iter().filter(is_own).collect();
        if given.is_empty() || own.iter().any(|key| chain.contains(key)) {
            return Ok(chain);
        }
        let last = self.all.last();
        let signs = |key: &&&VerifierKey| last.is_some_and(|kept| kept.note.check(key).is_ok());
        match own.iter().find(signs).or(own.first()) {
            Some(key) if chain.is_empty() => Ok(vec![(*key).clone()]),
            _ => {
                let origin = origin.to_owned();
                Err(Fault::in_file(
                    CHECKPOINT_NAME,
                    0,
                    Wrong::KeyOfOther { origin },
                ))
            }
        }
    }

    /// The key that signs checkpoints of this size.
    fn key_of<'a>(&self, size: u64, chain: &'a [VerifierKey]) -> Option<&'a VerifierKey> {
        let changes = self.rotations.iter().filter(|change| change.seq < size);
        chain.get(changes.count())
    }

    fn witnessed(&self, witness: &VerifierKey) -> Result<Witnessed, Fault> {
        let mut found = None;
        for kept in &self.all {
            let size = kept.checkpoint.size;
            match kept.note.check(witness) {
                Ok(time_s) => {
                    found = Some(Witnessed {
                        name: witness.name().to_owned(),
                        size,
                        time_s: time_s.unwrap_or_default(),
                    });
                }
                Err(NoteError::NotSigned { .. }) => {}
                Err(error) => return Err(kept.fault(Wrong::Signature { size, error })),
            }
        }
        let witness = witness.name().to_owned();
        found.ok_or_else(|| Fault::in_file(CHECKPOINT_NAME, 0, Wrong::NotWitnessed { witness }))
    }
}

impl Kept {
    fn read(segments: &dyn Segments, file: &str) -> Result<Option<Self>, Fault> {
        let content =
            read_small(segments, file, NOTE_BYTES_MAX).map_err(Fault::unreadable(file))?;
        content
            .map(|content| Self::parse(file, &content))
            .transpose()
    }

    fn parse(file: &str, content: &[u8]) -> Result<Self, Fault> {
        let fault = |why: String| Fault::in_file(file, 0, Wrong::Checkpoint(why));
        let note = Note::parse(content).map_err(|error| fault(error.to_string()))?;
        let checkpoint: Checkpoint = note
            .text()
            .parse()
            .map_err(|error: crate::tlog::CheckpointError| fault(error.to_string()))?;
        Ok(Self {
            file: file.to_owned(),
            checkpoint,
            note,
        })
    }

    fn fault(&self, what: Wrong) -> Fault {
        Fault::in_file(&self.file, self.checkpoint.size, what)
    }
}

impl Rotation {
    fn read(line: &Line<'_>, root: &Hash) -> Result<Self, String> {
        let seq = line.seq;
        let text = |name| line.fields.text(name).unwrap_or_default();
        let key = |name| {
            let key: VerifierKey = text(name)
                .parse()
                .map_err(|error: crate::tlog::KeyParseError| error.to_string())?;
            match key.kind() == KeyKind::Log && key.name() == line.origin {
                true => Ok(key),
                false => Err(format!("`{name}` is no key of this log")),
            }
        };
        let (previous, next) = (key("previous")?, key("next")?);
        let note = Note::parse(text("note").as_bytes()).map_err(|error| error.to_string())?;
        let origin = &line.origin;
        if note.text() != format!("{ROTATION_START}\n{origin}\n{seq}\n{root}\n{previous}\n{next}\n")
        {
            return Err("what was signed is something else".to_owned());
        }
        for key in [&previous, &next] {
            note.check(key).map_err(|error| error.to_string())?;
        }
        Ok(Self {
            seq,
            previous,
            next,
        })
    }
}
