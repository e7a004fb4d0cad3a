//! Who can grant what: the rows of `check --explain-scope`.

use std::collections::BTreeSet;

use crate::engine::ast::{DataPath, ParsedModule};
use crate::engine::set::{Package, SetName};
use crate::model::bundle::BundleGrant;

/// What one policy package may decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeRow {
    /// The package, such as `policies.contracts`.
    pub package: String,
    /// The bundles that its modules are from, by their names in the configuration, sorted.
    pub bundles: Vec<String>,
    /// Servers the package declares; `None`: every server.
    pub declared: Option<Vec<String>>,
    /// Servers the operator lets its bundles speak for; `None`: every server.
    pub granted: Option<Vec<String>>,
    /// Servers for which its `allow` counts: those in both; `None`: every server. What it denies
    /// counts for all that it declares. Empty where it defines neither `allow` nor `visible`.
    pub effective: Option<Vec<String>>,
    /// Whether it is only recorded, never enforced.
    pub shadow: bool,
    /// Which of the five sets it defines.
    pub defines: Vec<SetName>,
}

/// The row of a package that stands at `path`.
#[must_use]
pub(crate) fn scope_row(
    package: &Package,
    path: &DataPath,
    modules: &[ParsedModule],
    grants: &[BundleGrant],
) -> ScopeRow {
    let bundles: BTreeSet<&str> = modules
        .iter()
        .filter(|module| module.package_path == *path)
        .filter_map(|module| {
            grants
                .iter()
                .find(|grant| module.path.starts_with(&grant.path_prefix))
        })
        .map(|grant| grant.bundle.as_str())
        .collect();
    let grants = |set: &SetName| [SetName::Allow, SetName::Visible].contains(set);
    ScopeRow {
        package: path.0.join("."),
        bundles: bundles.into_iter().map(str::to_owned).collect(),
        declared: package.servers.clone(),
        granted: package.granted_servers.clone(),
        effective: match package.defines.iter().any(grants) {
            true => intersection(
                package.servers.as_deref(),
                package.granted_servers.as_deref(),
            ),
            false => Some(Vec::new()),
        },
        shadow: package.shadow,
        defines: package.defines.clone(),
    }
}

/// Servers in both, sorted; `None` is every server.
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
