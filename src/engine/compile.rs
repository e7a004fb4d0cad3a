//! From sources to a policy set: check, group packages into programs, build the copies.

use super::ast::{DataPath, Index, ParsedModule};
use super::builtins;
use super::check::{Checked, Plan, check};
use super::lint::{ScopeRow, scope_row};
use super::memo::{MEMO_ANSWERS_MAX, MemoKey};
use super::reads::InputReads;
use super::replica::{Entry, EvaluationLimits, Replica, last_line};
use super::set::{ElementCheck, PolicySet, Seat};
use super::value;
use crate::model::bundle::{Module, Sources};
use crate::model::finding::{Finding, Severity};
use crate::model::json::Object;
use crate::model::revision::{EngineChoice, EngineKind, Revision};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program;
use regorus::{Engine, Value};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Stack of a thread that compiles or evaluates, in bytes: both recurse as deep as policies do.
pub const STACK_BYTES: usize = 64 << 20;
/// Most source files of a program; the machine's own limit is 256.
const PROGRAM_SOURCES_MAX: usize = 250;
/// Most entry points of a program; the machine's own limit is 254.
pub(super) const PROGRAM_ENTRIES_MAX: usize = 250;
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
        on_large_stack(|| {
            let checked = check(sources, options);
            if checked.is_refused() {
                return Err(Refused {
                    findings: checked.findings,
                });
            }
            build(sources, options, version, checked)
        })
        .unwrap_or_else(|| {
            Err(Refused {
                findings: vec![panicked()],
            })
        })
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

fn build(
    sources: &Sources,
    options: &Options,
    version: u64,
    checked: Checked,
) -> Result<PolicySet, Refused> {
    let refused = |finding| Refused {
        findings: vec![finding],
    };
    let mut plans = checked.plans;
    let reads = InputReads::new(&checked.modules);
    for (number, plan) in plans.iter_mut().enumerate() {
        let reads = reads.of_package(&plan.path);
        plan.package.volatile = reads.is_volatile();
        plan.package.memo = MemoKey::new(number, &reads);
    }
    let groups = group(&mut plans, &checked.modules);
    let layout = Layout {
        sources,
        groups: &groups,
        plans: &plans,
    };
    let seats: Result<Vec<_>, Finding> = (0..options.replicas.get())
        .map(|_| {
            let replica = layout.replica(options.limits)?;
            Ok(Mutex::new(Seat::new(replica, options.memo_answers_max)))
        })
        .collect();
    let data = layout.data().map_err(refused)?;
    Ok(PolicySet {
        revision: revision(sources, version),
        seats: seats.map_err(refused)?.into(),
        packages: plans.into_iter().map(|plan| plan.package).collect(),
        warnings: checked.findings,
        data,
    })
}

fn revision(sources: &Sources, version: u64) -> Revision {
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

/// The packages of one program, and the modules that they need.
#[derive(Default)]
struct Group {
    plans: Vec<usize>,
    modules: BTreeSet<usize>,
}

/// Puts the packages that the register machine runs into as few programs as its limits allow, and
/// gives every package its entry point.
fn group(plans: &mut [Plan], modules: &[ParsedModule]) -> Vec<Group> {
    let needs = ModuleNeeds::new(modules);
    let mut groups: Vec<Group> = Vec::new();
    for (number, plan) in plans.iter_mut().enumerate() {
        if plan.package.engine == EngineKind::Interpreter {
            plan.package.entry = Entry::Interpreter(entry_rule(number));
            continue;
        }
        let needed = needs.of_package(&plan.path);
        let fits = groups.last().is_some_and(|group| {
            group.plans.len() < PROGRAM_ENTRIES_MAX
                && group.modules.union(&needed).count() < PROGRAM_SOURCES_MAX
        });
        if !fits {
            groups.push(Group::default());
        }
        let program = groups.len() - 1;
        if let Some(group) = groups.last_mut() {
            plan.package.entry = Entry::Rvm {
                program,
                index: group.plans.len(),
            };
            group.plans.push(number);
            group.modules.extend(needed);
        }
    }
    groups
}

/// Which modules the rules of each module read from, directly.
pub(super) struct ModuleNeeds<'a> {
    modules: &'a [ParsedModule],
    direct: Vec<BTreeSet<usize>>,
}

impl<'a> ModuleNeeds<'a> {
    pub(super) fn new(modules: &'a [ParsedModule]) -> Self {
        let index = Index::new(modules);
        let direct = modules.iter().map(|module| {
            let rules = module.module.policy.iter();
            let read = rules.flat_map(|rule| index.reads(module, rule));
            read.flat_map(|path| index.definitions(&path).to_vec())
                .map(|definition| definition.module)
                .collect()
        });
        Self {
            modules,
            direct: direct.collect(),
        }
    }

    /// The modules of a package and everything that they need.
    pub(super) fn of_package(&self, path: &DataPath) -> BTreeSet<usize> {
        let numbered = self.modules.iter().enumerate();
        let own = numbered.filter(|(_, module)| module.package_path == *path);
        let mut open: Vec<usize> = own.map(|(number, _)| number).collect();
        let mut found = BTreeSet::new();
        while let Some(number) = open.pop() {
            if found.insert(number) {
                open.extend(self.direct.get(number).into_iter().flatten());
            }
        }
        found
    }
}

/// `data.toolgate_entry.p<number>`.
fn entry_rule(number: usize) -> String {
    format!("data.{ENTRY_PACKAGE}.p{number}")
}

/// What every copy is built from.
struct Layout<'a> {
    sources: &'a Sources,
    groups: &'a [Group],
    plans: &'a [Plan],
}

impl Layout<'_> {
    fn data(&self) -> Result<Value, Finding> {
        data_value(&self.sources.data)
    }

    /// One copy, that shares nothing with the others.
    fn replica(&self, limits: EvaluationLimits) -> Result<Replica, Finding> {
        let data = self.data()?;
        let programs = self.groups.iter().map(|group| self.program(group, &data));
        let programs = programs.collect::<Result<_, _>>()?;
        let interpreter = self.interpreter(&data)?;
        Replica::new(programs, data, interpreter, limits)
            .map_err(|failure| error("engine.data", failure.to_string()))
    }

    fn program(&self, group: &Group, data: &Value) -> Result<Arc<Program>, Finding> {
        let all = modules(self.sources);
        let needed = group
            .modules
            .iter()
            .filter_map(|number| all.get(*number).copied());
        let engine = &mut load(needed, &self.entries(group.plans.iter().copied()))?;
        let entries: Vec<String> = group
            .plans
            .iter()
            .map(|number| entry_rule(*number))
            .collect();
        compile_entries(engine, &entries, data)
    }

    fn interpreter(&self, data: &Value) -> Result<Engine, Finding> {
        let interpreted: Vec<usize> = (0..self.plans.len())
            .filter(|number| {
                let plan = self.plans.get(*number);
                plan.is_some_and(|plan| plan.package.engine == EngineKind::Interpreter)
            })
            .collect();
        if interpreted.is_empty() {
            return Ok(Engine::new());
        }
        let mut engine = load(
            modules(self.sources).into_iter(),
            &self.entries(interpreted.into_iter()),
        )?;
        engine
            .add_data(data.clone())
            .map_err(|failure| error("engine.data", failure.to_string()))?;
        Ok(engine)
    }

    /// A module with one rule a package, that gives its sets as an array.
    fn entries(&self, plans: impl Iterator<Item = usize>) -> String {
        let mut text = format!("package {ENTRY_PACKAGE}\n\nimport rego.v1\n");
        for number in plans {
            let Some(plan) = self.plans.get(number) else {
                continue;
            };
            let sets = plan.package.defines.iter();
            let sets: Vec<_> = sets
                .map(|set| format!("{}.{}", plan.path, set.as_str()))
                .collect();
            text.push_str(&format!("\np{number} := [{}]\n", sets.join(", ")));
        }
        text
    }
}

/// The program of an engine's modules, entered at these rules.
pub(super) fn compile_entries(
    engine: &mut Engine,
    entries: &[String],
    data: &Value,
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
    program
        .check_rule_data_conflicts(data)
        .map_err(|error| failed(error.to_string()))?;
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
    let mut add = |path: &str, source: &str| {
        let added = engine.add_policy(path.to_owned(), source.to_owned());
        added.map_err(|failure| error("engine.syntax", last_line(&failure.to_string())))
    };
    for module in modules {
        add(&module.path, &module.source)?;
    }
    add(ENTRY_PACKAGE, entries)?;
    Ok(engine)
}
