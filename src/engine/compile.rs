//! From sources to a policy set: check, group packages into programs, build the copies.

use super::builtins;
use super::check::check;
use super::lint::{ScopeRow, scope_row};
use super::memo::MEMO_ANSWERS_MAX;
use super::parts::Parts;
use super::replica::{EvaluationLimits, last_line};
use super::set::{ElementCheck, PolicySet};
use super::value;
use crate::model::bundle::{Module, RegoVersion, Sources};
use crate::model::finding::{Finding, Severity};
use crate::model::json::Object;
use crate::model::revision::{EngineChoice, Revision};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::{Engine, Value};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Stack of a thread that compiles or evaluates, in bytes: both recurse as deep as policies do.
pub const STACK_BYTES: usize = 64 << 20;
/// The package of the generated entry points.
pub(super) const ENTRY_PACKAGE: &str = "toolgate_entry";
/// Length of a revision taken from a digest, in characters.
const SHORT_DIGEST_CHARS: usize = 12;

/// How a set is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Which evaluator is wanted.
    pub choice: EngineChoice,
    /// Whether a deny that fails open is an error or a warning.
    pub fail_open: Severity,
    /// Copies of the set: as many as threads that decide.
    pub replicas: NonZeroUsize,
    /// What one evaluation may cost.
    pub limits: EvaluationLimits,
    /// Answers that each copy keeps, of packages that read neither arguments nor what changes; 0:
    /// none.
    pub memo_answers_max: usize,
    /// What is refused of elements that are written out; the default takes everything.
    pub element: ElementCheck,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            choice: EngineChoice::Auto,
            fail_open: Severity::Error,
            replicas: NonZeroUsize::MIN,
            limits: EvaluationLimits::default(),
            memo_answers_max: MEMO_ANSWERS_MAX,
            element: |_, _| Ok(()),
        }
    }
}

/// A set that cannot be compiled: every error, and the warnings beside them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Refused {
    /// What was found; at least one is an error.
    pub findings: Vec<Finding>,
}

impl PolicySet {
    /// Compiles a set; `version` becomes part of its name. Takes as long as it takes: not for a
    /// thread that decides.
    ///
    /// # Errors
    /// Everything that keeps the set from being run as its author means it.
    pub fn compile(sources: &Sources, options: &Options, version: u64) -> Result<Self, Refused> {
        or_panicked(on_large_stack(|| {
            Parts::compile(sources, options)?.set(sources, options, version)
        }))
    }
}

/// What came out of a thread, or that it panicked.
pub(super) fn or_panicked<T>(done: Option<Result<T, Refused>>) -> Result<T, Refused> {
    done.unwrap_or_else(|| Err(refused(panicked())))
}

pub(super) fn refused(finding: Finding) -> Refused {
    Refused {
        findings: vec![finding],
    }
}

/// Every finding of a set, errors first, without building it.
#[must_use]
pub fn findings(sources: &Sources, options: &Options) -> Vec<Finding> {
    on_large_stack(|| check(sources, options).findings).unwrap_or_else(|| vec![panicked()])
}

/// Who can grant what: a row for each policy, sorted by package; empty if the set does not parse.
#[must_use]
pub fn explain_scope(sources: &Sources, options: &Options) -> Vec<ScopeRow> {
    let rows = || {
        let checked = check(sources, options);
        let plans = checked.plans.iter();
        plans
            .map(|plan| {
                let modules = &checked.modules;
                scope_row(&plan.package, &plan.path, modules, &sources.grants)
            })
            .collect()
    };
    on_large_stack(rows).unwrap_or_default()
}

/// Runs `work` on a thread with a stack that no checked policy exhausts; `None` if it panicked.
pub(super) fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}

fn panicked() -> Finding {
    error("engine.panic", "the policy compiler panicked on this set")
}

pub(super) fn error(code: &'static str, message: impl Into<String>) -> Finding {
    Finding {
        severity: Severity::Error,
        code,
        package: String::new(),
        path: String::new(),
        line: 1,
        column: 1,
        message: message.into(),
        hint: String::new(),
    }
}

pub(super) fn revision(sources: &Sources, version: u64) -> Revision {
    let digest = sources.digest.clone();
    let short = || {
        digest
            .trim_start_matches("sha256:")
            .chars()
            .take(SHORT_DIGEST_CHARS)
            .collect()
    };
    let revision = if sources.revision.is_empty() {
        short()
    } else {
        sources.revision.clone()
    };
    Revision {
        version,
        revision,
        digest,
    }
}

/// The program of an engine's modules, entered at these rules.
pub(super) fn compile_entries(
    engine: &mut Engine,
    entries: &[String],
) -> Result<Arc<Program>, Finding> {
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let Some(first) = entries.first().copied() else {
        return Err(error("engine.compile", "a program has no entry point"));
    };
    let failed = |text: String| error("engine.compile", last_line(&text));
    let program = catch_unwind(AssertUnwindSafe(|| {
        let compiled = engine
            .compile_with_entrypoint(&first.into())
            .map_err(|error| error.to_string())?;
        Compiler::compile_from_policy(&compiled, &entries).map_err(|error| error.to_string())
    }));
    let program = program.unwrap_or_else(|_| Err("the compiler panicked".to_owned()));
    let mut program = program.map_err(failed)?;
    builtins::replace_in_program(Arc::make_mut(&mut program));
    Ok(program)
}

/// The modules of a live set, in the order in which they are numbered.
pub(super) fn modules(sources: &Sources) -> Vec<&Module> {
    sources.library.iter().chain(&sources.modules).collect()
}

/// The engine's value of a set's data.
pub(super) fn data_value(data: &Object) -> Result<Value, Finding> {
    value::object_to_value(data).map_err(|inexact| error("engine.data", inexact.to_string()))
}

/// An interpreter that has these modules, and `entries` as a module of its own.
pub(super) fn load<'a>(
    modules: impl Iterator<Item = &'a Module>,
    entries: &str,
) -> Result<Engine, Finding> {
    let mut engine = Engine::new();
    builtins::replace_in_interpreter(&mut engine).map_err(|text| error("engine.builtins", text))?;
    let mut add = |path: &str, source: &str, rego: RegoVersion| {
        engine.set_rego_v0(rego == RegoVersion::V0);
        let added = engine.add_policy(path.to_owned(), source.to_owned());
        added.map_err(|failure| error("engine.syntax", last_line(&failure.to_string())))
    };
    for module in modules {
        add(&module.path, &module.source, module.rego)?;
    }
    add(ENTRY_PACKAGE, entries, RegoVersion::V1)?;
    Ok(engine)
}
