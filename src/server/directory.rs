//! Roles and attributes of principals, as the policy set's data has them.

use crate::engine::PolicySet;
use crate::identity::{Directory, DirectoryEntry};

/// Largest entry of the directory, in bytes.
const DIRECTORY_ENTRY_BYTES_MAX: usize = 64 << 10;

/// The directory of principals in a set's data.
pub(super) struct SetDirectory<'a>(pub(super) Option<&'a PolicySet>);

impl Directory for SetDirectory<'_> {
    fn principal(&self, id: &str) -> Option<DirectoryEntry> {
        let path = ["directory", "principals", id];
        match self.0?.data(&path, DIRECTORY_ENTRY_BYTES_MAX) {
            Ok(entry) => entry.as_ref().map(DirectoryEntry::from_json),
            // Nobody gets a call through because an entry cannot be read.
            Err(_unreadable) => Some(DirectoryEntry {
                disabled: true,
                ..DirectoryEntry::default()
            }),
        }
    }
}
