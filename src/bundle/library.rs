//! The policy library, embedded: part of every policy set.

#[cfg(test)]
mod tests;

use crate::model::bundle::Module;

// `FILES` and `TESTS`, each `&[(&str, &str)]`: path and text, written by `build/library.rs`.
include!(concat!(env!("OUT_DIR"), "/library.rs"));
include!(concat!(env!("OUT_DIR"), "/library_tests.rs"));

/// The library's modules, sorted by path, such as `toolgate:lib/roles.rego`. No file of a bundle
/// can have such a path.
#[must_use]
pub fn modules() -> Vec<Module> {
    embedded(FILES)
}

/// The modules of the library's own tests: for `toolgate test --library` alone.
#[must_use]
pub fn test_modules() -> Vec<Module> {
    embedded(TESTS)
}

fn embedded(files: &[(&str, &str)]) -> Vec<Module> {
    files
        .iter()
        .map(|(path, source)| Module {
            path: (*path).to_owned(),
            source: (*source).to_owned(),
            ..Module::default()
        })
        .collect()
}
