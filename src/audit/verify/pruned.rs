//! The file `pruned`: what of a log was archived and is no longer here.
//!
//! It vouches for nothing: it says where to go on, and the line, the tree and the archive say
//! whether that is right.

use super::head::is_hash;
use super::{Fault, Head, Segments, Wrong};
use crate::audit::layout::{PRUNED_BYTES_MAX, first_seq};
use crate::model::json::{Json, Limits, parse};

/// The file's name, beside the log's.
pub const PRUNED_NAME: &str = "pruned";

/// Where a log that was pruned goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Whose log it is.
    pub origin: String,
    /// The seq of the first record that is here, above 0; files of earlier ones count as gone.
    pub first_seq: u64,
    /// SHA-256 of the last line that is gone, in lower-case hexadecimal: `prev` of the first that
    /// is here.
    pub prev: String,
}

impl Pruned {
    /// The note of a log, of whose names these are all; `None` where nothing was pruned.
    pub(super) fn of(segments: &dyn Segments, names: &[String]) -> Result<Option<Self>, Fault> {
        if !names.iter().any(|name| name == PRUNED_NAME) {
            return Ok(None);
        }
        let bytes = segments.read(PRUNED_NAME);
        let bytes = bytes.map_err(Fault::unreadable(PRUNED_NAME))?;
        let fault = || Fault {
            file: PRUNED_NAME.to_owned(),
            line: 1,
            seq: 0,
            what: Wrong::Note,
        };
        Self::read(&bytes).map(Some).ok_or_else(fault)
    }

    /// Reads the file's content; `None` if it is no such note.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let limits = Limits {
            bytes_max: PRUNED_BYTES_MAX,
            depth_max: 2,
            values_max: 16,
        };
        let note = parse(bytes, limits).ok()?;
        let text = |name| note.get(name).and_then(Json::as_str).map(str::to_owned);
        let first_seq = note.get("first_seq")?.as_u64().filter(|seq| *seq > 0)?;
        Some(Self {
            origin: text("origin")?,
            first_seq,
            prev: text("prev").filter(|prev| is_hash(prev))?,
        })
    }

    /// The file's content.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let note = Json::object([
            ("first_seq", Json::from(self.first_seq)),
            ("origin", self.origin.as_str().into()),
            ("prev", self.prev.as_str().into()),
        ]);
        let mut bytes = note.canonical();
        bytes.push(b'\n');
        bytes
    }

    /// The last record that is gone.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            seq: self.first_seq.saturating_sub(1),
            hash: self.prev.clone(),
        }
    }

    /// Whether a file of this name holds records that count as here.
    pub(super) fn keeps(&self, name: &str) -> bool {
        first_seq(name).is_some_and(|seq| seq >= self.first_seq)
    }

    /// A held head must be of a record that is here, or the last one that is gone.
    pub(super) fn check_held(&self, held: Option<&Head>) -> Result<(), Fault> {
        let Some(held) = held.filter(|held| held.seq < self.first_seq) else {
            return Ok(());
        };
        let last = self.head();
        let what = match held {
            held if *held == last => return Ok(()),
            held if held.seq == last.seq => Wrong::HeadDiffers,
            held => Wrong::HeadPruned { held: held.seq },
        };
        Err(Fault {
            file: PRUNED_NAME.to_owned(),
            line: 1,
            seq: held.seq,
            what,
        })
    }
}
