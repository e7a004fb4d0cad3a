//! Tables of input and verdict: `*_test.yaml`.
//!
//! A table has `base`, a policy input, and `cases`, each with a `name`, an `input` that is merged
//! over the base (JSON Merge Patch, RFC 7396: null removes) and a `verdict`, of which only the
//! members that are there are compared (see [`super::expect`]).

use super::expect::{self, Expected};
use super::report::{Kind, Row, Status};
use crate::bundle::compile::compile;
use crate::bundle::swap::Compiled;
use crate::bundle::verify::Verified;
use crate::bundle::yaml;
use crate::cli::bundles;
use crate::decide::decide;
use crate::engine::{PolicySet, Refused};
use crate::model::bundle::Sources;
use crate::model::call::{Facts, Given, Request};
use crate::model::finding::Severity;
use crate::model::json::{Json, Object};
use crate::model::revision::{EngineChoice, EngineKind};
use crate::model::time::Timestamp;
use crate::model::verdict::Verdict;
use std::time::Instant;

/// A table that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {problem}")]
pub(super) struct TableError {
    path: String,
    problem: String,
}

/// One case, ready to be decided.
#[derive(Debug)]
pub(super) struct Case {
    /// `<file>: <name>`.
    pub(super) name: String,
    path: String,
    request: Request,
    facts: Facts,
    time: Timestamp,
    verdict: Expected,
}

/// The cases of a table.
pub(super) fn read(path: &str, text: &str) -> Result<Vec<Case>, TableError> {
    let failed = |problem: String| TableError {
        path: path.to_owned(),
        problem,
    };
    let table = yaml::parse(text).map_err(|error| failed(format!("no valid YAML: {error}")))?;
    let table = members("the table", &table, &["base", "cases"]).map_err(failed)?;
    let empty = Json::Object(Object::new());
    let base = table.get("base").unwrap_or(&empty);
    let Some(Json::Array(cases)) = table.get("cases") else {
        return Err(failed("`cases` must be an array of cases".to_owned()));
    };
    let mut read: Vec<Case> = Vec::new();
    for (number, case) in (1..).zip(cases) {
        let case = read_case(path, base, case).map_err(|(name, problem)| {
            let name = name.map_or_else(|| format!("number {number}"), |name| format!("`{name}`"));
            failed(format!("case {name}: {problem}"))
        })?;
        if read.iter().any(|earlier| earlier.name == case.name) {
            let problem = format!("two cases are named `{}`", case.name);
            return Err(failed(problem));
        }
        read.push(case);
    }
    Ok(read)
}

type CaseProblem = (Option<String>, String);

fn read_case(path: &str, base: &Json, case: &Json) -> Result<Case, CaseProblem> {
    let given_name = case.get("name").and_then(Json::as_str).map(str::to_owned);
    let failed = |problem: String| (given_name.clone(), problem);
    let case = members("the case", case, &["name", "input", "verdict"]).map_err(failed)?;
    let Some(name) = &given_name else {
        return Err(failed("`name` must be a string".to_owned()));
    };
    let mut input = base.clone();
    if let Some(patch) = case.get("input") {
        merge_patch(&mut input, patch);
    }
    let given = Given::from_input(&input).map_err(|error| failed(format!("input: {error}")))?;
    let time = given.time.ok_or_else(|| {
        failed("input: `time` is missing: a test must not depend on the clock".to_owned())
    })?;
    let verdict = case.get("verdict");
    let verdict = verdict.ok_or_else(|| failed("`verdict` is missing".to_owned()))?;
    Ok(Case {
        name: format!("{path}: {name}"),
        path: path.to_owned(),
        request: given.request,
        facts: given.facts,
        time,
        verdict: Expected::read(verdict).map_err(failed)?,
    })
}

/// An object that has none but these members.
pub(super) fn members<'a>(
    what: &str,
    value: &'a Json,
    known: &[&str],
) -> Result<&'a Object, String> {
    let Json::Object(object) = value else {
        return Err(format!("{what} must be an object, is {}", value.kind()));
    };
    match object.iter().find(|(name, _)| !known.contains(name)) {
        None => Ok(object),
        Some((name, _)) => {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            let known = known.join(", ");
            Err(format!("{what} has no member `{name}`: it has {known}"))
        }
    }
}

/// RFC 7396.
fn merge_patch(into: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        into.clone_from(patch);
        return;
    };
    if into.as_object().is_none() {
        *into = Json::Object(Object::new());
    }
    let Some(object) = into.as_object_mut() else {
        return;
    };
    for (name, value) in patch.iter() {
        if *value == Json::Null {
            object.remove(name);
            continue;
        }
        if object.get(name).is_none() {
            object.insert(name, Json::Null);
        }
        if let Some(member) = object.get_mut(name) {
            merge_patch(member, value);
        }
    }
}

/// A bundle's policies on both evaluators.
pub(super) struct Sets {
    /// As a server would run them.
    pub(super) live: PolicySet,
    /// In the interpreter alone; `None` where the live set runs there as a whole, or where the
    /// gate keeps them from it.
    pub(super) interpreted: Option<PolicySet>,
}

impl Sets {
    /// Compiles the policies for both evaluators.
    pub(super) fn compile(verified: &Verified<Sources>) -> Result<Self, Refused> {
        let compile = |choice| {
            let options = bundles::options(choice, Severity::Warning);
            compile(verified.clone(), &options, 1).map(Compiled::into_set)
        };
        let live = compile(EngineChoice::Auto)?;
        let packages = live.packages().iter();
        let in_both = packages
            .filter(|package| package.engine == EngineKind::Rvm)
            .count();
        let interpreted = match in_both {
            0 => None,
            _ => compile(EngineChoice::Interpreter).ok(),
        };
        Ok(Self { live, interpreted })
    }

    /// Decides a case on both evaluators and compares.
    pub(super) fn run(&self, case: Case) -> Row {
        let begin = Instant::now();
        let judge = |set| decide(set, &case.request, &case.facts, case.time).0;
        let verdict = judge(&self.live);
        let took = begin.elapsed();
        let interpreted = self.interpreted.as_ref().map(judge);
        let (status, details) = case.compare(&verdict, interpreted.as_ref());
        Row {
            kind: Kind::Table,
            name: case.name,
            place: case.path,
            status,
            details,
            took,
            prints: Vec::new(),
        }
    }
}

impl Case {
    fn compare(&self, verdict: &Verdict, interpreted: Option<&Verdict>) -> (Status, Vec<String>) {
        let actual = expect::verdict_json(verdict);
        if let Some(interpreted) = interpreted {
            let other = expect::verdict_json(interpreted);
            if other != actual {
                let details = vec![
                    format!("rvm:         {actual}"),
                    format!("interpreter: {other}"),
                ];
                return (Status::Differ, details);
            }
        }
        let differences = self.verdict.differences(&actual);
        match differences.is_empty() {
            true => (Status::Pass, differences),
            false => (Status::Fail, differences),
        }
    }
}
