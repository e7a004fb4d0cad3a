//! `[[bundles]]` and `[policy]`.

use super::read::{Section, of_nothing};
use super::tenants::Tenants;
use super::words::Worded;
use super::{is_short_name, problem::Place};
use crate::model::revision::EngineChoice;
use std::path::{Path, PathBuf};

/// One bundle of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleConfig {
    /// Its name in errors, records and status.
    pub name: String,
    /// A directory, a Rego file or a `tar.gz`.
    pub path: PathBuf,
    /// Servers for which it may grant; `None`: every server. It may deny for any.
    pub servers: Option<Vec<String>>,
    /// The tenants whose set it is part of; none where there are no tenants.
    pub tenants: Vec<String>,
}

impl BundleConfig {
    pub(super) fn read(
        section: Section<'_>,
        base: &Path,
        tenants: &Tenants,
    ) -> Option<(Self, Place)> {
        let name = section.required_text("name");
        let path = section.required_text("path");
        let servers = section.texts("servers");
        let tenants = tenants.of_bundle(&section);
        for server in servers.iter().flatten().filter(|it| it.value.contains('*')) {
            let message = format!(
                "`bundles[].servers` lists exact names, not `{}`; leave it out for every server",
                server.value
            );
            section.problem(&server.place, message);
        }
        let place = section.place().clone();
        if let Some(name) = name.as_ref().filter(|name| !is_short_name(&name.value)) {
            section.problem(&name.place, not_a_name("bundles[].name", &name.value));
        }
        section.end();
        let names = |servers: Vec<super::read::Located<String>>| {
            servers.into_iter().map(|server| server.value).collect()
        };
        let bundle = Self {
            name: name?.value,
            path: base.join(path?.value),
            servers: servers.map(names),
            tenants,
        };
        Some((bundle, place))
    }
}

pub(super) fn not_a_name(key: &str, given: &str) -> String {
    format!("`{key}` must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not `{given}`")
}

/// How policies are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Which evaluator runs them.
    pub engine: EngineChoice,
    /// What becomes of a deny that may fail open.
    pub fail_open: FailOpen,
    /// Answers that each copy of a policy set keeps; 0: none.
    pub memo_answers_max: usize,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        of_nothing("policy", Self::read)
    }
}

/// What becomes of a policy whose deny may fail open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOpen {
    /// The set is refused.
    #[default]
    Error,
    /// The set is loaded, with a warning.
    Warn,
}

impl Worded for EngineChoice {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("auto", Self::Auto),
        ("rvm", Self::Rvm),
        ("interpreter", Self::Interpreter),
    ];
}

impl Worded for FailOpen {
    const WORDS: &'static [(&'static str, Self)] = &[("error", Self::Error), ("warn", Self::Warn)];
}

impl PolicyConfig {
    pub(super) fn read(section: Section<'_>) -> Self {
        let engine = section.choice("engine");
        let memo_answers_max =
            usize::try_from(section.count("memo_answers_max")).unwrap_or(usize::MAX);
        let lint = section.section("lint");
        let fail_open = lint.choice("fail_open");
        lint.end();
        section.end();
        Self {
            engine,
            fail_open,
            memo_answers_max,
        }
    }
}
