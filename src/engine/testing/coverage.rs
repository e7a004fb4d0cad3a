//! Which lines the tests evaluated.

use crate::engine::ast::{ParsedModule, Scope, Visitor, position, walk_rule};
use regorus::coverage::File;
use regorus::unstable::{Expr, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// The lines of one file that hold something to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// The file, as named in the bundle.
    pub path: String,
    /// Lines that were evaluated, from 1.
    pub covered: BTreeSet<u32>,
    /// Lines that were not.
    pub not_covered: BTreeSet<u32>,
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Coverage(BTreeMap<String, FileCoverage>);

impl Coverage {
    /// Adds a report of the interpreter: a line is covered if any report says so.
    pub(super) fn add(&mut self, files: Vec<File>) {
        for file in files {
            let seen = self.0.entry(file.path).or_default();
            seen.covered.extend(file.covered);
            seen.not_covered.extend(file.not_covered);
        }
    }

    /// The coverage of these modules. Of one that no test came near, the interpreter says nothing.
    pub(super) fn of(&self, modules: &[ParsedModule]) -> Vec<FileCoverage> {
        let of_module = |module: &ParsedModule| {
            let mut file = self.0.get(&module.path).cloned();
            let file = file.get_or_insert_with(|| untouched(module));
            FileCoverage {
                path: module.path.clone(),
                not_covered: file
                    .not_covered
                    .difference(&file.covered)
                    .copied()
                    .collect(),
                covered: std::mem::take(&mut file.covered),
            }
        };
        modules.iter().map(of_module).collect()
    }
}

fn untouched(module: &ParsedModule) -> FileCoverage {
    let mut lines = Lines::default();
    for rule in &module.module.policy {
        walk_rule(&mut lines, rule);
    }
    FileCoverage {
        not_covered: lines.0,
        ..FileCoverage::default()
    }
}

/// The lines on which an expression of a rule's body starts; of a rule without one, its own.
#[derive(Default)]
struct Lines(BTreeSet<u32>);

impl Visitor for Lines {
    fn rule(&mut self, rule: &Rule) {
        let (Rule::Spec { span, .. } | Rule::Default { span, .. }) = rule;
        self.0.insert(position(span).0);
    }

    fn expr(&mut self, expr: &Expr, _scope: &Scope) {
        self.0.insert(position(expr.span()).0);
    }
}
