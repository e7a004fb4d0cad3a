//! Deciding in this process.

use super::Answer;
use crate::bundle::compile::compile;
use crate::cli::bundles::{self, EngineArg};
use crate::cli::{CliError, findings};
use crate::decide::{self, Explained, decide};
use crate::engine::{PolicySet, STACK_BYTES};
use crate::model::call::Given;
use crate::model::finding::Severity;
use crate::telemetry::now;
use crate::wire::{self, v1};
use std::path::PathBuf;

/// A policy set of this process.
pub(super) struct Local {
    set: PolicySet,
}

impl Local {
    /// Compiles bundles as a server would.
    pub(super) fn new(paths: &[PathBuf], engine: EngineArg) -> Result<Self, CliError> {
        let verified = bundles::read(paths)?;
        let compiled = compile(verified, &engine.options(Severity::Error), 1);
        let compiled = compiled.map_err(|refused| findings::refused(&refused))?;
        Ok(Self {
            set: compiled.into_set(),
        })
    }

    /// Decides an input; at the time now, if it names none.
    pub(super) fn decide(&self, given: &Given, explain: bool) -> Result<Answer, CliError> {
        Self::on_large_stack(|| self.answer(given, explain))
    }

    /// Decides on a stack that no policy exhausts: they recurse.
    pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, CliError> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let deciding = thread.spawn_scoped(scope, work);
            let decided = deciding.map_err(CliError::failure)?.join();
            decided.map_err(|_| CliError::failure("deciding panicked"))
        })
    }

    /// The policies.
    pub(super) fn set(&self) -> &PolicySet {
        &self.set
    }

    fn answer(&self, given: &Given, explain: bool) -> Answer {
        let at = given.time.unwrap_or_else(now);
        let (verdict, _intents) = decide(&self.set, &given.request, &given.facts, at);
        let packages = explain.then(|| {
            let parts = decide::explain(&self.set, &given.request, &given.facts, at);
            let server = &given.request.mcp.server;
            let parts = parts.unwrap_or_default().into_iter();
            parts.map(|part| explanation(&part, server)).collect()
        });
        Answer {
            decision: wire::reply(&verdict, Some(self.set.revision())),
            packages,
            rules_left_out: 0,
        }
    }
}

fn explanation(part: &Explained<'_>, server: &str) -> v1::PackageExplanation {
    let package = part.package;
    let may_grant = package.may_grant(server);
    wire::package_explanation(&package.name, package.shadow, may_grant, part.shown())
}
