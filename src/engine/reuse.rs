//! A compiler that remembers what it compiled last.

use super::compile::{Options, Refused, on_large_stack, or_panicked};
use super::parts::Parts;
use super::set::PolicySet;
use crate::model::bundle::{BundleGrant, Sources};
use std::sync::{Mutex, PoisonError};

/// Compiles one set after the other. Where nothing but data changed, and the new data answers
/// everything that the checks asked of the old, the programs are those of the last set.
pub struct Compiler {
    options: Options,
    last: Mutex<Option<Last>>,
}

/// A set that was compiled, and all that its parts depend on.
struct Last {
    parts: Parts,
    grants: Vec<BundleGrant>,
}

/// A set, and whether its modules were compiled for it.
#[derive(Debug)]
pub struct Compiled {
    /// The set.
    pub set: PolicySet,
    /// `false`: only its data is new.
    pub recompiled: bool,
}

impl Compiler {
    /// A compiler that has compiled nothing yet.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self {
            options,
            last: Mutex::new(None),
        }
    }

    /// The set of these sources, as [`PolicySet::compile`] gives it, or refuses it.
    ///
    /// # Errors
    /// Everything that keeps the set from being run as its author means it.
    pub fn compile(&self, sources: &Sources, version: u64) -> Result<Compiled, Refused> {
        let options = &self.options;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = last.as_ref().filter(|last| last.serves(sources)) {
            let set = on_large_stack(|| last.parts.set(sources, options, version));
            return Ok(Compiled {
                set: or_panicked(set)?,
                recompiled: false,
            });
        }
        let (parts, set) = or_panicked(on_large_stack(|| {
            let parts = Parts::compile(sources, options)?;
            let set = parts.set(sources, options, version)?;
            Ok((parts, set))
        }))?;
        *last = Some(Last {
            parts,
            grants: sources.grants.clone(),
        });
        Ok(Compiled {
            set,
            recompiled: true,
        })
    }
}

impl Last {
    fn serves(&self, sources: &Sources) -> bool {
        self.grants == sources.grants && self.parts.hold_for(sources)
    }
}
