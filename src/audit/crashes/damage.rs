//! A log that somebody changed, repaired while the power fails.

use super::{Found, Life, dir};
use crate::audit::log::{OpenError, RepairError, SealError, repair};
use crate::audit::sign::SigningKey;
use crate::files::faulty::Plan;
use crate::files::{Files, replace};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Repairs after one another that may be needed where one did not end.
const REPAIRS_MAX: usize = 5;

impl Life {
    /// Somebody changes a record; the log is repaired, with crashes meanwhile, and opens again.
    pub(super) fn damage_and_repair(&mut self, found: &mut Found, what: &str) {
        let before = self.local_lines();
        self.alter_a_record();
        let altered = self.local_lines();
        let mut story = Vec::new();
        for crash in 0..REPAIRS_MAX {
            let Some(seq) = self.seq_to_cut(what) else {
                break;
            };
            if crash + 2 < REPAIRS_MAX {
                let crash_at = Some(self.random.below(16));
                story.push(format!("crash at {crash_at:?}"));
                self.disk.set(Plan {
                    crash_at,
                    seed: self.random.below(u64::MAX),
                    ..Plan::default()
                });
            }
            let files: Arc<dyn Files> = Arc::new(self.disk.clone());
            let repaired = repair(&dir(), seq, self.now(), &files);
            story.push(format!("repair at {seq}: {repaired:?}"));
            match repaired {
                Ok(_) => found.repairs += 1,
                Err(RepairError::Io { .. }) => found.crashes += 1,
                Err(RepairError::NothingKept { .. }) => return,
                Err(other) => panic!("{what}: {other}"),
            }
            self.disk.crash();
            self.disk.set(Plan::default());
        }
        self.hand_over_again(what);
        self.verify(None, &format!("{what}, {story:#?}"));
        let held = self.held_bytes();
        let lost = altered.iter().filter(|line| !held.contains(*line));
        found.lost += lost.count() as u64;
        assert_ne!(before, altered, "{what}: nothing was changed");
    }

    /// Where changes of the key were cut off, the key that signed before them has to sign first.
    fn hand_over_again(&mut self, what: &str) {
        let latest = Arc::clone(&self.key);
        let mut keys = [self.former.as_slice(), &[Arc::clone(&latest)]].concat();
        let signs = |key: &Arc<SigningKey>| {
            self.key = Arc::clone(key);
            self.previous = None;
            self.open().is_ok()
        };
        let found = keys.iter().rposition(signs);
        let before = keys.swap_remove(found.unwrap_or_else(|| panic!("{what}: no key signs")));
        if !Arc::ptr_eq(&before, &latest) {
            (self.key, self.previous) = (latest, Some(before));
            let opened = self.open().map(drop);
            opened.unwrap_or_else(|error| panic!("{what}: {error}"));
        }
    }

    fn local_lines(&self) -> BTreeSet<Vec<u8>> {
        self.lines_of(|name| name.starts_with("log-"))
    }

    /// Lines of the log and of what was cut.
    fn held_bytes(&self) -> BTreeSet<Vec<u8>> {
        self.lines_of(|name| name.starts_with("log-") || name.starts_with("cut-"))
    }

    fn lines_of(&self, is_wanted: impl Fn(&str) -> bool) -> BTreeSet<Vec<u8>> {
        let mut lines = BTreeSet::new();
        for name in self.disk.names(&dir()).unwrap() {
            if is_wanted(&name) {
                let content = self.disk.read(&dir().join(name), u64::MAX).unwrap();
                lines.extend(content.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
            }
        }
        lines
    }

    fn alter_a_record(&mut self) {
        let mut names = self.disk.names(&dir()).unwrap();
        names.retain(|name| name.starts_with("log-"));
        names.sort();
        // The last of them may be empty.
        let name = &names[(names.len() - 1).saturating_sub(self.random.below(3) as usize)];
        let name = if self.is_empty(name) {
            &names[names.len() - 2]
        } else {
            name
        };
        let path = dir().join(name);
        let text = String::from_utf8(self.disk.read(&path, u64::MAX).unwrap()).unwrap();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let at = self.random.below(lines.len() as u64) as usize;
        let mut altered: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        altered[at] = altered[at].replacen("\"time\":\"2026", "\"time\":\"2025", 1);
        replace(&self.disk, &path, altered.concat().as_bytes()).unwrap();
    }

    fn is_empty(&self, name: &str) -> bool {
        self.disk.length(&dir().join(name)).unwrap() == Some(0)
    }

    fn seq_to_cut(&self, what: &str) -> Option<u64> {
        match self.open().map(drop).err()? {
            OpenError::Fault { fault, .. } => Some(fault.seq),
            OpenError::Sealed { source, .. } => match source.first_unsound() {
                Some(seq) => Some(seq),
                // The cut took a change of the key away with it.
                None if is_of_the_key(&source) => None,
                None => panic!("{what}: {source}"),
            },
            other => panic!("{what}: {other}"),
        }
    }
}

const fn is_of_the_key(error: &SealError) -> bool {
    matches!(error, SealError::OtherKey { .. } | SealError::Signature(_))
}
