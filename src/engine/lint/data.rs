//! Reads of data that there is not: a deny that looks into a misspelt list never fires.

use std::collections::BTreeSet;

use regorus::unstable::Expr;

use super::ROOTS;
use super::dead::reached;
use crate::engine::ast::{
    DataPath, Index, ParsedModule, Scope, Target, Visitor, rule_path, walk_rule,
};
use crate::engine::suggest::nearest;
use crate::engine::view::DataView;
use crate::model::finding::{Finding, Severity};

const UNKNOWN: &str = "data.unknown";

/// Finds references below `data` that begin with a path at which neither data nor rules stand. An
/// error in what `deny`, `approve` and `constrain` read: it would make them hold nowhere. The
/// library is left out: it reads what a set may go without.
#[must_use]
pub(crate) fn unknown_data(modules: &[ParsedModule], data: &DataView<'_>) -> Vec<Finding> {
    let index = Index::new(modules);
    let edges = index.edges(modules);
    let refusing = reached(&edges, |path| {
        matches!(path.0.as_slice(), [first, _, set, ..]
            if first == "policies" && ROOTS.contains(&set.as_str()))
    });
    let mut findings = Vec::new();
    for module in modules.iter().filter(|module| !is_library(module)) {
        for rule in &module.module.policy {
            let severity = match refusing.contains(&rule_path(module, rule)) {
                true => Severity::Error,
                false => Severity::Warning,
            };
            let mut reads = Reads {
                index: &index,
                module,
                data,
                severity,
                findings: &mut findings,
            };
            walk_rule(&mut reads, rule);
        }
    }
    findings
}

fn is_library(module: &ParsedModule) -> bool {
    let first = module.package_path.0.first();
    first.is_some_and(|first| first == "toolgate")
}

struct Reads<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    data: &'a DataView<'a>,
    severity: Severity,
    findings: &'a mut Vec<Finding>,
}

impl Visitor for Reads<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if let Some(Target::Data(path)) = self.index.resolve(self.module, scope, expr) {
            self.path(expr, &path);
        }
    }
}

impl Reads<'_> {
    /// Finds the first part of a path that is not there.
    fn path(&mut self, expr: &Expr, path: &DataPath) {
        let mut above = DataPath::default();
        for name in &path.0 {
            let at = above.join(name);
            if !self.data.stands(&at.0).is_value() && !self.index.has_rules_below(&at) {
                self.unknown(expr, &at, &above, name);
                return;
            }
            above = at;
        }
    }

    fn unknown(&mut self, expr: &Expr, at: &DataPath, above: &DataPath, name: &str) {
        let rules = self.index.rules();
        let rules = rules.filter(|(rule, _)| rule.starts_with(above));
        let rules = rules.filter_map(|(rule, _)| rule.0.get(above.0.len()));
        let known: BTreeSet<&str> = rules.map(String::as_str).collect();
        let members = self.data.names(&above.0);
        let members = members.iter().map(String::as_str);
        let known: Vec<&str> = members.chain(known).collect();
        let hint = match nearest(name, &known) {
            Some(meant) => format!("did you mean `{}`?", above.join(meant)),
            None if known.is_empty() && !above.0.is_empty() => {
                format!("`{above}` has no members by name")
            }
            None => "add it to the data, empty if it may be, or remove what reads it".to_owned(),
        };
        let message =
            format!("`{at}` is neither data nor a rule here: it is undefined in every decision");
        let finding = (self.module).finding(expr.span(), self.severity, UNKNOWN, message, hint);
        self.findings.push(finding);
    }
}
