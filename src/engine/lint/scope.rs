//! Who can grant what: the rows of `check --explain-scope`.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::{defined, is_policy};
use crate::engine::ast::ParsedModule;
use crate::engine::metadata::{Enforcement, PackageMetadata};
use crate::model::bundle::BundleGrant;

/// What one package of one bundle may decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeRow {
    /// The package, such as `policies.contracts`.
    pub(crate) package: String,
    /// The bundle's name in the configuration; empty if none covers the module.
    pub(crate) bundle: String,
    /// Servers the package declares; `None`: all.
    pub(crate) declared: Option<Vec<String>>,
    /// Servers the operator lets the bundle speak for; `None`: all.
    pub(crate) granted: Option<Vec<String>>,
    /// Servers for which its `allow` counts: in both; `None`: all. Its `deny` counts wherever it is
    /// declared.
    pub(crate) effective: Option<Vec<String>>,
    /// Whether its answers change verdicts.
    pub(crate) enforcement: Enforcement,
    /// Which of the five sets it defines, sorted.
    pub(crate) defines: Vec<&'static str>,
}

/// Lists the policy packages with what they may grant, by package and bundle; `metadata` is what
/// each package declares. A module of no bundle may grant nothing.
#[must_use]
pub(crate) fn explain_scope(
    modules: &[ParsedModule],
    metadata: &BTreeMap<String, PackageMetadata>,
    grants: &[BundleGrant],
) -> Vec<ScopeRow> {
    let mut packages: BTreeMap<(&str, Option<usize>), Vec<&ParsedModule>> = BTreeMap::new();
    for module in modules.iter().filter(|module| is_policy(module)) {
        let bundle = grants
            .iter()
            .enumerate()
            .filter(|(_, grant)| module.path.starts_with(&grant.path_prefix))
            .max_by_key(|(_, grant)| grant.path_prefix.len())
            .map(|(at, _)| at);
        packages
            .entry((&module.package, bundle))
            .or_default()
            .push(module);
    }
    packages
        .into_iter()
        .map(|((package, bundle), modules)| {
            let grant = bundle.and_then(|at| grants.get(at));
            let declared = metadata.get(package).cloned().unwrap_or_default();
            let granted = grant.map_or(Some(Vec::new()), |grant| grant.servers.clone());
            ScopeRow {
                package: package.to_owned(),
                bundle: grant.map(|grant| grant.bundle.clone()).unwrap_or_default(),
                effective: intersection(declared.servers.as_deref(), granted.as_deref()),
                declared: declared.servers,
                granted,
                enforcement: declared.enforcement.unwrap_or_default(),
                defines: defined(modules).into_iter().collect(),
            }
        })
        .collect()
}

/// Servers in both; `None` is every server.
fn intersection(a: Option<&[String]>, b: Option<&[String]>) -> Option<Vec<String>> {
    match (a, b) {
        (None, None) => None,
        (Some(some), None) | (None, Some(some)) => Some(some.to_vec()),
        (Some(a), Some(b)) => {
            let a: BTreeSet<&String> = a.iter().collect();
            let b: BTreeSet<&String> = b.iter().collect();
            Some(a.intersection(&b).map(|server| (*server).clone()).collect())
        }
    }
}

/// Whether there is a server that is in both.
pub(super) fn overlap(a: Option<&[String]>, b: Option<&[String]>) -> bool {
    intersection(a, b).is_none_or(|servers| !servers.is_empty())
}
