//! What a set is built of, whatever its data: programs, interpreters and what is known of its
//! packages. Data is put to them at the end, so that a change of data alone needs no compiling.

use super::ast::{DataPath, Index, ParsedModule};
use super::check::{Checked, Plan, check, is_refused, sort};
use super::compile::{
    ENTRY_PACKAGE, Options, Refused, compile_entries, data_value, error, load, modules, refused,
    revision,
};
use super::lint;
use super::memo::MemoKey;
use super::reads::InputReads;
use super::replica::{Entry, EvaluationLimits, Replica};
use super::scope::Scopes;
use super::set::{Package, PolicySet, Seat};
use super::trace::{Source, Texts};
use super::view::Answers;
use crate::model::bundle::Sources;
use crate::model::finding::{Finding, Severity};
use crate::model::revision::EngineKind;
use regorus::rvm::program::Program;
use regorus::{Engine, Value};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Most source files of a program; the machine's own limit is 256.
const PROGRAM_SOURCES_MAX: usize = 250;
/// Most entry points of a program; the machine's own limit is 254.
pub(super) const PROGRAM_ENTRIES_MAX: usize = 250;

/// Most rules of a program; the machine's own limit.
const PROGRAM_RULES_MAX: usize = 4000;

/// A set without its data.
pub(super) struct Parts {
    packages: Vec<Package>,
    /// Warnings, but for those of the directory.
    warnings: Vec<Finding>,
    /// What the checks asked of the data that the parts were compiled with, and its answers.
    answers: Answers,
    /// What they were compiled from.
    texts: Arc<Texts>,
    /// What each copy is built of.
    copies: Vec<Code>,
}

/// The code of one copy, that shares nothing with the others.
struct Code {
    programs: Vec<Arc<Program>>,
    /// Without data; `None` if no package is interpreted.
    interpreter: Option<Engine>,
}

impl Parts {
    /// Checks and compiles everything.
    pub(super) fn compile(sources: &Sources, options: &Options) -> Result<Self, Refused> {
        let Checked {
            mut findings,
            modules,
            mut plans,
            answers,
        } = check(sources, options);
        if is_refused(&findings) {
            return Err(Refused { findings });
        }
        let reads = InputReads::new(&modules);
        for (number, plan) in plans.iter_mut().enumerate() {
            let reads = reads.of_package(&plan.path);
            plan.package.volatile = reads.is_volatile();
            plan.package.memo = MemoKey::new(number, &reads);
        }
        let groups = group(&mut plans, &modules);
        let layout = Layout {
            sources,
            modules: &modules,
            groups: &groups,
            plans: &plans,
        };
        let copies = (0..options.replicas.get()).map(|_| layout.code());
        let copies = copies.collect::<Result<_, _>>().map_err(refused)?;
        let needs = ModuleNeeds::new(&modules);
        let sources_of = plans.iter().map(|plan| {
            let source = Source {
                modules: needs.of_package(&plan.path),
                barred: plan.barred.clone(),
            };
            (plan.package.name.clone(), source)
        });
        let texts = Texts {
            modules: super::compile::modules(sources)
                .into_iter()
                .cloned()
                .collect(),
            packages: sources_of.collect(),
        };
        findings.retain(|finding| finding.code != lint::DIRECTORY);
        Ok(Self {
            packages: plans.into_iter().map(|plan| plan.package).collect(),
            warnings: findings,
            answers,
            texts: Arc::new(texts),
            copies,
        })
    }

    /// Whether compiling these modules with this data would come to the same parts.
    pub(super) fn hold_for(&self, sources: &Sources) -> bool {
        self.texts.modules.iter().eq(modules(sources)) && self.answers.hold_for(&sources.data)
    }

    /// Puts the data of these sources to the parts.
    pub(super) fn set(
        &self,
        sources: &Sources,
        options: &Options,
        version: u64,
    ) -> Result<PolicySet, Refused> {
        let mut findings = self.warnings.clone();
        findings.extend(lint::directory(&sources.data));
        sort(&mut findings);
        if is_refused(&findings) {
            return Err(Refused { findings });
        }
        let data = || data_value(&sources.data);
        let seat = |code: &Code| {
            let replica = code.replica(data()?, options.limits)?;
            Ok(Mutex::new(Seat::new(replica, options.memo_answers_max)))
        };
        let seats: Result<Box<[_]>, Finding> = self.copies.iter().map(seat).collect();
        Ok(PolicySet {
            revision: revision(sources, version),
            seats: seats.map_err(refused)?,
            scopes: Scopes::new(&self.packages),
            packages: self.packages.clone(),
            warnings: findings,
            data: data().map_err(refused)?,
            texts: Arc::clone(&self.texts),
        })
    }
}

impl Code {
    fn replica(&self, data: Value, limits: EvaluationLimits) -> Result<Replica, Finding> {
        let failed = |failure: String| error("engine.data", failure);
        let mut interpreter = self.interpreter.clone().unwrap_or_default();
        if self.interpreter.is_some() {
            let added = interpreter.add_data(data.clone());
            added.map_err(|failure| failed(failure.to_string()))?;
        }
        Replica::new(self.programs.clone(), data, interpreter, limits)
            .map_err(|failure| failed(failure.to_string()))
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
            let together: Vec<&usize> = group.modules.union(&needed).collect();
            let modules_of = together.iter().filter_map(|number| modules.get(**number));
            let rules: usize = modules_of.map(|module| module.module.policy.len()).sum();
            // Each package has its entry point, which is a rule too.
            group.plans.len() < PROGRAM_ENTRIES_MAX
                && together.len() < PROGRAM_SOURCES_MAX
                && rules + group.plans.len() < PROGRAM_RULES_MAX
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

/// What the code of every copy is compiled from.
struct Layout<'a> {
    sources: &'a Sources,
    modules: &'a [ParsedModule],
    groups: &'a [Group],
    plans: &'a [Plan],
}

impl Layout<'_> {
    fn code(&self) -> Result<Code, Finding> {
        let programs = self.groups.iter().map(|group| {
            let program = self.program(group);
            program.map_err(|finding| self.blamed(group, finding))
        });
        Ok(Code {
            programs: programs.collect::<Result<_, _>>()?,
            interpreter: self.interpreter()?,
        })
    }

    /// What does not compile, with the package that does not compile by itself either.
    fn blamed(&self, group: &Group, finding: Finding) -> Finding {
        let mut alone = group.plans.iter().filter_map(|number| {
            let alone = Group {
                plans: vec![*number],
                modules: group.modules.clone(),
            };
            Some((self.plans.get(*number)?, self.program(&alone).err()?))
        });
        let Some((plan, finding)) = alone.next() else {
            return finding;
        };
        let mut own = self.modules.iter();
        match own.find(|module| module.package_path == plan.path) {
            None => finding,
            Some(module) => module.finding(
                &module.module.package.span,
                Severity::Error,
                finding.code,
                finding.message,
                "split the longest rule of this package, or the longest that it reads: a rule body \
                 takes about 80 comparisons",
            ),
        }
    }

    fn program(&self, group: &Group) -> Result<Arc<Program>, Finding> {
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
        compile_entries(engine, &entries)
    }

    fn interpreter(&self) -> Result<Option<Engine>, Finding> {
        let numbered = self.plans.iter().enumerate();
        let interpreted: Vec<usize> = numbered
            .filter(|(_, plan)| plan.package.engine == EngineKind::Interpreter)
            .map(|(number, _)| number)
            .collect();
        if interpreted.is_empty() {
            return Ok(None);
        }
        let entries = self.entries(interpreted.into_iter());
        load(modules(self.sources).into_iter(), &entries).map(Some)
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
