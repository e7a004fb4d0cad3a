//! From bundles as they were read to the sources of a policy set: everything that can be said
//! about them without compiling is checked here, and only what passed can be compiled.

mod part;
#[cfg(test)]
mod tests;

use super::data::{self, DataError};
use super::digest;
use super::library;
use super::manifest::{ManifestError, Root};
use super::source::Bundle;
use crate::model::bundle::{BundleGrant, Module, Sources};
use crate::model::json::{Json, Object};
use part::{Document, Kind, Live, Part};
use std::ops::Deref;

/// Most bundles in a set.
pub const BUNDLES_MAX: usize = 64;
/// Longest name of a bundle, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Something that was verified. Only this module makes one.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    value: T,
    warnings: Vec<String>,
}

impl<T> Verified<T> {
    /// What is worth knowing, such as files that were not used.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What was verified, and the warnings.
    #[must_use]
    pub fn into_parts(self) -> (T, Vec<String>) {
        (self.value, self.warnings)
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Why a set of bundles was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// No or too many bundles.
    #[error("{0} bundles are configured: give between 1 and {BUNDLES_MAX}")]
    Count(usize),
    /// A name that does not do.
    #[error(
        "bundle name `{0}` must be 1 to {NAME_BYTES_MAX} letters, digits, `.`, `_` or `-`, and start with a letter or digit"
    )]
    Name(String),
    /// One name twice.
    #[error("two bundles are named `{0}`: give each a name of its own")]
    NameTwice(String),
    /// Not one live module in all bundles.
    #[error("no policy: not one `.rego` file, tests aside, in `{0}`")]
    NoModules(String),
    /// Two bundles own the same part of `data`.
    #[error(
        "bundles `{a}` and `{b}` both own `{}`: give each `roots` of its own in its `.manifest`",
        data::shown(.root)
    )]
    RootsOverlap {
        /// One of them.
        a: String,
        /// The other.
        b: String,
        /// What both own.
        root: Vec<String>,
    },
    /// The directory of principals, in a bundle that may not speak for every server.
    #[error(
        "bundle `{bundle}`: `{path}` is part of `data.directory`, but the bundle may speak for some \
         servers only (`servers`): move the directory into a bundle without `servers`"
    )]
    LimitedDirectory {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
    },
    /// The manifest.
    #[error("bundle `{bundle}`: `.manifest`: {error}")]
    Manifest {
        /// The bundle.
        bundle: String,
        /// What is wrong.
        error: ManifestError,
    },
    /// A data file.
    #[error("bundle `{bundle}`: `{path}`: {error}")]
    Data {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// What is wrong.
        error: DataError,
    },
    /// A module or test that is no text.
    #[error("bundle `{bundle}`: `{path}`: invalid UTF-8 at byte {at}")]
    Utf8 {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// Byte offset from 0.
        at: usize,
    },
    /// A module that two patterns of the manifest give two versions.
    #[error(
        "bundle `{bundle}`: `.manifest`: `file_rego_versions`: `{a}` and `{b}` both fit `{path}` and do not agree: make one of them narrower"
    )]
    RegoVersions {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// One pattern.
        a: String,
        /// The other.
        b: String,
    },
    /// A module whose package cannot be seen.
    #[error(
        "bundle `{bundle}`: `{path}`: must start with `package` and a plain name on one line, such as `package policies.contracts`"
    )]
    NoPackage {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
    },
    /// A module that is not the bundle's to have.
    #[error(
        "bundle `{bundle}`: `{path}`: package `{package}` lies outside the bundle's roots: move it, or add a root to `.manifest`"
    )]
    PackageOutsideRoots {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// The package, as a path into `data`.
        package: String,
    },
    /// A module that would be the library's.
    #[error(
        "bundle `{bundle}`: `{path}`: package `{package}` belongs to toolgate: use another name"
    )]
    PackageReserved {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// The package, as a path into `data`.
        package: String,
    },
    /// Data where a module's rules are.
    #[error(
        "bundle `{bundle}`: `{path}`: package `{package}` stands where a data file has a value: rename one of them"
    )]
    PackageInData {
        /// The bundle.
        bundle: String,
        /// The file.
        path: String,
        /// The package, as a path into `data`.
        package: String,
    },
    /// A change to another bundle, which would mean another policy if it were left out.
    #[error("bundle `{bundle}`: `patch.json`: delta bundles are not read: build a whole bundle")]
    Delta {
        /// The bundle.
        bundle: String,
    },
}

/// Checks bundles and puts them together.
///
/// # Errors
/// The first thing that is wrong; the bundles are looked at in the order of their names.
pub fn verify(mut bundles: Vec<Bundle>) -> Result<Verified<Sources>, VerifyError> {
    bundles.sort_by(|a, b| a.name.cmp(&b.name));
    check_names(&bundles)?;
    let mut parts = Vec::with_capacity(bundles.len());
    for bundle in &bundles {
        parts.push(Part::read(bundle)?);
    }
    check_overlap(&parts)?;
    if parts.iter().all(|part| part.modules.is_empty()) {
        return Err(VerifyError::NoModules(names(&bundles).join("`, `")));
    }
    let warnings = parts.iter().filter_map(Part::warning).collect();
    let value = assemble(&bundles, parts)?;
    Ok(Verified { value, warnings })
}

fn names(bundles: &[Bundle]) -> Vec<&str> {
    bundles.iter().map(|bundle| bundle.name.as_str()).collect()
}

/// `bundles` is sorted by name.
fn check_names(bundles: &[Bundle]) -> Result<(), VerifyError> {
    if !(1..=BUNDLES_MAX).contains(&bundles.len()) {
        return Err(VerifyError::Count(bundles.len()));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    for name in names(bundles) {
        let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !starts_well || name.len() > NAME_BYTES_MAX || !name.chars().all(fits) {
            return Err(VerifyError::Name(name.escape_debug().take(80).collect()));
        }
    }
    for pair in names(bundles).windows(2) {
        if let [a, b] = pair
            && a == b
        {
            return Err(VerifyError::NameTwice((*a).to_owned()));
        }
    }
    Ok(())
}

fn check_overlap(parts: &[Part<'_>]) -> Result<(), VerifyError> {
    let mut seen: Vec<(&str, &Root)> = Vec::new();
    for part in parts {
        for root in &part.manifest.roots {
            if let Some((other, theirs)) = seen.iter().find(|(_, theirs)| theirs.overlaps(root)) {
                return Err(VerifyError::RootsOverlap {
                    a: (*other).to_owned(),
                    b: part.name.to_owned(),
                    root: root.longer(theirs).to_vec(),
                });
            }
        }
        seen.extend(part.manifest.roots.iter().map(|root| (part.name, root)));
    }
    Ok(())
}

fn assemble(bundles: &[Bundle], mut parts: Vec<Part<'_>>) -> Result<Sources, VerifyError> {
    let mut sources = Sources {
        library: library::modules(),
        digest: digest_of(bundles),
        revision: part::revision(&parts),
        changes: part::changes(&parts),
        ..Sources::default()
    };
    for part in &mut parts {
        check_directory(part)?;
        merge_data(&mut sources.data, part)?;
    }
    for part in &parts {
        check_packages(&sources.data, part)?;
    }
    let several = parts.len() > 1;
    for part in parts {
        let prefix = match several {
            true => format!("{}/", part.name),
            false => String::new(),
        };
        let prefixed = |module: Module| Module {
            path: format!("{prefix}{}", module.path),
            ..module
        };
        let modules = part.modules.into_iter().map(|live| prefixed(live.module));
        sources.modules.extend(modules);
        sources.tests.extend(part.tests.into_iter().map(prefixed));
        sources.grants.push(BundleGrant {
            bundle: part.name.to_owned(),
            servers: part.servers.cloned(),
            path_prefix: prefix,
        });
    }
    sources.modules.sort_by(|a, b| a.path.cmp(&b.path));
    sources.tests.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn merge_data(data: &mut Object, part: &mut Part<'_>) -> Result<(), VerifyError> {
    for document in std::mem::take(&mut part.data) {
        data::merge(data, &document.at, document.value).map_err(|error| VerifyError::Data {
            bundle: part.name.to_owned(),
            path: document.path.to_owned(),
            error,
        })?;
    }
    Ok(())
}

/// Who gives out roles can grant wherever roles count: a bundle that may speak for some servers
/// only must not be the directory of all.
fn check_directory(part: &Part<'_>) -> Result<(), VerifyError> {
    const DIRECTORY: &str = "directory";
    let reaches = |document: &Document<'_>| match document.at.first() {
        Some(first) => first == DIRECTORY,
        None => document.value.get(DIRECTORY).is_some(),
    };
    let is_package = |live: &Live| live.package.first().is_some_and(|name| name == DIRECTORY);
    if part.servers.is_none() {
        return Ok(());
    }
    let found = part
        .data
        .iter()
        .find(|document| reaches(document))
        .map(|found| found.path);
    let package = part.modules.iter().find(|live| is_package(live));
    match found.or_else(|| package.map(|live| live.module.path.as_str())) {
        None => Ok(()),
        Some(path) => Err(VerifyError::LimitedDirectory {
            bundle: part.name.to_owned(),
            path: path.to_owned(),
        }),
    }
}

/// A package may stand beside data, as rules beside members, but not where data has a value that
/// is no object: which of both would be seen is not defined.
fn check_packages(data: &Object, part: &Part<'_>) -> Result<(), VerifyError> {
    for live in &part.modules {
        let mut at = Some(data);
        for name in &live.package {
            at = match at.and_then(|object| object.get(name)) {
                None => None,
                Some(Json::Object(inner)) => Some(inner),
                Some(_) => {
                    return Err(VerifyError::PackageInData {
                        bundle: part.name.to_owned(),
                        path: live.module.path.clone(),
                        package: data::shown(&live.package),
                    });
                }
            };
        }
    }
    Ok(())
}

fn digest_of(bundles: &[Bundle]) -> String {
    const LIBRARY: &str = "toolgate:library";
    const SERVERS: &str = "toolgate:servers";
    let library = library::modules();
    let servers: Vec<Option<Vec<u8>>> = bundles.iter().map(servers_json).collect();
    let mut contents = digest::Contents::new();
    for module in &library {
        contents.insert((LIBRARY, &module.path), module.source.as_bytes());
    }
    for (bundle, servers) in bundles.iter().zip(&servers) {
        if let Some(servers) = servers {
            contents.insert((&bundle.name, SERVERS), servers);
        }
        for (path, content) in &bundle.files {
            if Kind::of(path).decides() {
                contents.insert((&bundle.name, path), content);
            }
        }
    }
    digest::of(&contents)
}

fn servers_json(bundle: &Bundle) -> Option<Vec<u8>> {
    let mut servers = bundle.servers.clone()?;
    servers.sort();
    servers.dedup();
    Some(Json::array(servers).to_bytes())
}

/// A digest over every file of every bundle, used or not: if it is the same as before, there is
/// nothing to do.
#[must_use]
pub fn raw_digest(bundles: &[Bundle]) -> String {
    let mut contents = digest::Contents::new();
    for bundle in bundles {
        for (path, content) in &bundle.files {
            contents.insert((&bundle.name, path), content);
        }
    }
    digest::of(&contents)
}
