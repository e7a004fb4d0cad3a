//! `[audit.archive]`: where records go that become old.

use super::read::{Section, of_nothing};
use super::words::Worded;
use crate::audit::archive::{Lock, Tiers};

/// What `audit archive` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveConfig {
    /// The object store; `None`: there is no archive.
    pub url: Option<String>,
    /// How long records stay where.
    pub tiers: Tiers,
    /// Whether objects are locked.
    pub object_lock: Lock,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        of_nothing("audit.archive", Self::read)
    }
}

impl Worded for Lock {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("governance", Self::Governance),
        ("compliance", Self::Compliance),
    ];
}

impl ArchiveConfig {
    pub(super) fn read(section: Section<'_>) -> Self {
        let url = section.text("url").map(|url| url.value);
        let tiers = Tiers {
            hot_days: section.count("hot_days"),
            warm_days: section.count("warm_days"),
            cold_days: section.count("cold_days"),
        };
        let object_lock = section.choice("object_lock");
        if tiers.hot_days > tiers.warm_days || tiers.warm_days > tiers.cold_days {
            let message = format!(
                "`audit.archive` must have `hot_days` ({}) no more than `warm_days` ({}), and that \
                 no more than `cold_days` ({})",
                tiers.hot_days, tiers.warm_days, tiers.cold_days
            );
            section.problem(section.place(), message);
        }
        section.end();
        Self {
            url,
            tiers,
            object_lock,
        }
    }
}
