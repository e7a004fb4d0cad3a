//! Policy as it was read, before it is compiled.

use super::json::Object;

/// Which Rego a module is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegoVersion {
    /// The language before OPA 1.0: no `if`, and `deny[x]` for a partial set.
    V0,
    /// The language of OPA 1.0.
    #[default]
    V1,
}

/// One Rego module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// The path within its bundle, such as `contracts/policy.rego`: named in errors and coverage.
    pub path: String,
    /// The Rego text.
    pub source: String,
    /// What the text is written in.
    pub rego: RegoVersion,
}

/// Who changed a bundle last, who looked at the change, and why, as its manifest says. Empty texts
/// are not told. Nobody but whoever made the bundle vouches for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The bundle's name in the configuration.
    pub bundle: String,
    /// Who made the change.
    pub author: String,
    /// Who looked at it.
    pub reviewer: String,
    /// Why it was made.
    pub reason: String,
    /// Where it stands in version control.
    pub commit: String,
    /// Where it was asked for.
    pub ticket: String,
}

/// Everything that one policy set is compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Modules of the live set, sorted by path; test modules (`*_test.rego`) are never part of it.
    pub modules: Vec<Module>,
    /// The policy library's modules: part of every set. Only they may be packages under
    /// `toolgate`.
    pub library: Vec<Module>,
    /// Test modules, for `toolgate test` alone.
    pub tests: Vec<Module>,
    /// The merged data documents: the members of `data`.
    pub data: Object,
    /// What each bundle may grant: package paths to the servers its bundle may speak for.
    pub grants: Vec<BundleGrant>,
    /// The manifests' revisions, in the order of the bundles' names, joined by `,`; empty if none
    /// has one.
    pub revision: String,
    /// What manifests say of changes, in the order of the bundles' names.
    pub changes: Vec<Change>,
    /// `sha256:<hex>` over names and contents of all files that decide: tests are not part of it.
    pub digest: String,
}

/// What the operator lets one bundle speak for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleGrant {
    /// The bundle's name in the configuration.
    pub bundle: String,
    /// Module paths of the bundle start with this; empty for a set of one bundle.
    pub path_prefix: String,
    /// Servers for which its packages may grant; `None`: every server.
    pub servers: Option<Vec<String>>,
}
