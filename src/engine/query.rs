//! The value of one reference, as `opa eval` gives it, under the gate and the limits of decisions.

mod document;
mod reference;
#[cfg(test)]
mod tests;

use super::ast::{self, ParsedModule};
use super::check::{check_for_query, is_refused};
use super::compile::{
    ENTRY_PACKAGE, Options, Refused, compile_entries, data_value, error, load, modules,
    on_large_stack,
};
use super::gate;
use super::parts::{ModuleNeeds, PROGRAM_ENTRIES_MAX};
use super::replica::{Entry, EvaluationError, Replica};
use super::value::{self, Inexact};
use super::view::DataView;
use crate::model::bundle::{Module, Sources};
use crate::model::finding::{Finding, Severity};
use crate::model::json::Json;
use crate::model::revision::{EngineChoice, EngineKind};
use document::Plan;
use reference::Reference;
use regorus::{Engine, Value};

/// Why a reference has no answer. Undefined is an answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The policy set is refused, or cannot run on the evaluator that was asked for.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Not a reference.
    #[error("`{0}` is no reference: write one such as `data.policies.contracts.allow`")]
    NoReference(String),
    /// A function has no value of its own.
    #[error("`{0}` is a function: write a rule that calls it, and evaluate that")]
    Function(String),
    /// Too much at once.
    #[error("`{path}` has {rules} rules, more than {PROGRAM_ENTRIES_MAX}: name one of them")]
    TooManyRules {
        /// What was to be evaluated.
        path: String,
        /// Rules below it.
        rules: usize,
    },
    /// The input cannot be given to the engine.
    #[error("input: {0}")]
    Input(#[from] Inexact),
    /// A rule raised an error or ran into a limit.
    #[error("`{path}`: {error}")]
    Evaluation {
        /// The rule.
        path: String,
        /// Why.
        error: EvaluationError,
    },
}

/// The value of `query`, a reference such as `data.a.b`, over a set and an input; `None` if it is
/// undefined. A package gives the object of its data and rules, without functions. Sets become
/// arrays. `options.replicas` plays no part.
///
/// # Errors
/// Where the set is refused, `query` is no reference to a value, or a rule raises an error.
pub fn query(
    sources: &Sources,
    options: &Options,
    input: Option<&Json>,
    query: &str,
) -> Result<Option<Json>, QueryError> {
    on_large_stack(|| answer(sources, options, input, query)).unwrap_or_else(|| {
        Err(QueryError::Evaluation {
            path: query.to_owned(),
            error: EvaluationError::Panic,
        })
    })
}

fn answer(
    sources: &Sources,
    options: &Options,
    input: Option<&Json>,
    query: &str,
) -> Result<Option<Json>, QueryError> {
    let reference =
        Reference::parse(query).ok_or_else(|| QueryError::NoReference(query.to_owned()))?;
    let input = input.map_or(Ok(Value::Undefined), value::to_value)?;
    let any = Options {
        choice: EngineChoice::Auto,
        ..*options
    };
    let checked = check_for_query(sources, &any);
    if is_refused(&checked.findings) {
        let findings = checked.findings;
        return Err(Refused { findings }.into());
    }
    let plan = Plan::new(&checked.modules, &sources.data, &reference)?;
    if plan.rules.is_empty() {
        return Ok(plan.document(Vec::new()));
    }
    if plan.rules.len() > PROGRAM_ENTRIES_MAX {
        return Err(QueryError::TooManyRules {
            path: reference.to_string(),
            rules: plan.rules.len(),
        });
    }
    let values = evaluate(sources, options, checked.modules, &plan, &input)?;
    Ok(plan.document(values))
}

/// The values of a plan's rules, in their order; `None` where one is undefined.
fn evaluate(
    sources: &Sources,
    options: &Options,
    mut parsed: Vec<ParsedModule>,
    plan: &Plan,
    input: &Value,
) -> Result<Vec<Option<Json>>, QueryError> {
    let entries = entry_module(plan);
    let entry = ast::parse(&entries).map_err(refused)?;
    let entry_path = entry.package_path.clone();
    parsed.push(entry);
    let engine = engine(options.choice, &parsed, sources)?;
    let data = data_value(&sources.data).map_err(refused)?;
    let needs = ModuleNeeds::new(&parsed).of_package(&entry_path);
    let live = modules(sources).into_iter().enumerate();
    // The last one needed is the entry module itself, which `load` adds.
    let needed =
        live.filter(|(number, _)| engine == EngineKind::Interpreter || needs.contains(number));
    let mut loaded = load(needed.map(|(_, module)| module), &entries.source).map_err(refused)?;
    let names: Vec<String> = (0..plan.rules.len())
        .map(|number| format!("data.{ENTRY_PACKAGE}.q{number}"))
        .collect();
    let (programs, interpreter) = match engine {
        EngineKind::Rvm => {
            let program = compile_entries(&mut loaded, &names).map_err(refused)?;
            (vec![program], Engine::new())
        }
        EngineKind::Interpreter => {
            let added = loaded.add_data(data.clone());
            added.map_err(|failure| refused(error("engine.data", failure.to_string())))?;
            (Vec::new(), loaded)
        }
    };
    let replica = Replica::new(programs, data, interpreter, options.limits);
    let mut replica =
        replica.map_err(|failure| refused(error("engine.data", failure.to_string())))?;
    let rules = names.into_iter().zip(&plan.rules).enumerate();
    rules
        .map(|(index, (name, rule))| {
            let entry = match engine {
                EngineKind::Rvm => Entry::Rvm { program: 0, index },
                EngineKind::Interpreter => Entry::Interpreter(name),
            };
            match replica.evaluate(&entry, input) {
                Ok(value) => Ok(Some(value)),
                Err(EvaluationError::Undefined) => Ok(None),
                Err(error) => Err(QueryError::Evaluation {
                    path: rule.clone(),
                    error,
                }),
            }
        })
        .collect()
}

/// A module with one rule for each reference of the plan.
fn entry_module(plan: &Plan) -> Module {
    let mut source = format!("package {ENTRY_PACKAGE}\n\nimport rego.v1\n");
    for (number, rule) in plan.rules.iter().enumerate() {
        source.push_str(&format!("\nq{number} := {rule}\n"));
    }
    Module {
        path: ENTRY_PACKAGE.to_owned(),
        source,
        ..Module::default()
    }
}

/// Which evaluator runs the entry module: the gate says so, over all that it reads.
fn engine(
    choice: EngineChoice,
    parsed: &[ParsedModule],
    sources: &Sources,
) -> Result<EngineKind, QueryError> {
    let gate = gate::inspect(parsed, &DataView::new(&sources.data));
    let of_severity = |severity| {
        let found = gate.findings.iter();
        found.filter(move |finding| finding.severity == severity)
    };
    let errors: Vec<Finding> = of_severity(Severity::Error).cloned().collect();
    let allowed = gate.engine_for(ENTRY_PACKAGE);
    let findings = match choice {
        _ if !errors.is_empty() => errors,
        EngineChoice::Auto => return Ok(allowed),
        EngineChoice::Rvm if allowed == EngineKind::Rvm => return Ok(allowed),
        EngineChoice::Rvm => {
            let wanted = "what is asked for needs the interpreter, but the engine is `rvm`";
            let why = of_severity(Severity::InterpreterOnly).cloned();
            std::iter::once(error("engine.rvm", wanted))
                .chain(why)
                .collect()
        }
        EngineChoice::Interpreter => gate.interpreter_refusals(ENTRY_PACKAGE).to_vec(),
    };
    match findings.is_empty() {
        true => Ok(EngineKind::Interpreter),
        false => Err(Refused { findings }.into()),
    }
}

fn refused(finding: Finding) -> QueryError {
    let findings = vec![finding];
    Refused { findings }.into()
}
