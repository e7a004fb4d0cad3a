//! Deciding in this process.

use super::Answer;
use crate::bundle::compile::compile;
use crate::cli::bundles::{self, EngineArg};
use crate::cli::{CliError, findings};
use crate::decide::{self, Explained, decide};
use crate::engine::{PolicySet, STACK_BYTES};
use crate::model::call::Given;
use crate::model::finding::Severity;
use crate::model::json::Json;
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
        // Policies recurse: they are evaluated on a stack that none exhausts.
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let deciding = thread.spawn_scoped(scope, || self.answer(given, explain));
            let decided = deciding.map_err(CliError::failure)?.join();
            decided.map_err(|_| CliError::failure("deciding panicked"))
        })
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
        }
    }
}

fn explanation(part: &Explained<'_>, server: &str) -> v1::PackageExplanation {
    let package = part.package;
    let mut explanation = v1::PackageExplanation {
        name: package.name.clone(),
        shadow: package.shadow,
        may_grant: package.may_grant(server),
        ..v1::PackageExplanation::default()
    };
    match &part.outcome {
        None => "the server is not in its scope".clone_into(&mut explanation.excluded),
        Some(Err(error)) => explanation.error = error.to_string(),
        Some(Ok(sets)) => {
            let sets = [
                ("allow", &sets.allow),
                ("deny", &sets.deny),
                ("constrain", &sets.constrain),
                ("approve", &sets.approve),
                ("visible", &sets.visible),
            ];
            let held = sets.into_iter().filter(|(_, held)| !held.is_empty());
            let held = Json::object(held.map(|(name, held)| (name, held.clone())));
            explanation.sets_json = held.to_bytes();
        }
    }
    explanation
}
