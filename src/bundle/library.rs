//! The policy library, embedded: part of every policy set.

#[cfg(test)]
mod tests;

use crate::model::bundle::Module;

// `FILES: &[(&str, &str)]`, path and text of each module, written by `build/library.rs`.
include!(concat!(env!("OUT_DIR"), "/library.rs"));

/// The library's modules, sorted by path, such as `toolgate:lib/roles.rego`. No file of a bundle
/// can have such a path.
#[must_use]
pub fn modules() -> Vec<Module> {
    FILES
        .iter()
        .map(|(path, source)| Module {
            path: (*path).to_owned(),
            source: (*source).to_owned(),
        })
        .collect()
}
