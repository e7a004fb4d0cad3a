//! Patterns that match a part of what they should match whole.
//!
//! `regex.match("C-[0-9]+", id)` also holds for `x; DROP C-1`. Where a match grants (in `allow` and
//! `visible`, under `not` in what denies), that is more than was meant. Where it denies, finding a
//! part is what a search is for.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, LiteralStmt, Span};

use super::shape::{is_policy, name};
use crate::engine::ast::{
    DataPath, Index, ParsedModule, RuleDef, Scope, Target, Visitor, rule_path, string, walk_rule,
};
use crate::model::finding::{Finding, Severity};

const UNANCHORED: &str = "policy.unanchored";
/// Rules that are read, each once for granting and once for denying.
const RULES_MAX: usize = 20_000;

/// Finds matches that grant and whose pattern is open at an end.
#[must_use]
pub(crate) fn unanchored(modules: &[ParsedModule]) -> Vec<Finding> {
    let index = Index::new(modules);
    let mut open: Vec<(DataPath, bool)> = Vec::new();
    for module in modules.iter().filter(|module| is_policy(module)) {
        for rule in &module.module.policy {
            let grants = match name(rule) {
                "allow" | "visible" => true,
                "deny" | "constrain" | "approve" => false,
                _ => continue,
            };
            open.push((rule_path(module, rule), grants));
        }
    }
    let mut seen: BTreeSet<(DataPath, bool)> = BTreeSet::new();
    let mut findings = BTreeMap::new();
    while let Some((path, grants)) = open.pop() {
        if seen.len() >= RULES_MAX || !seen.insert((path.clone(), grants)) {
            continue;
        }
        let nodes = index.definitions(&path).iter();
        for (module, rule) in nodes.filter_map(|at: &RuleDef| at.node(modules)) {
            let mut matches = Matches {
                index: &index,
                module,
                grants,
                negated: Vec::new(),
                open: &mut open,
                findings: &mut findings,
            };
            walk_rule(&mut matches, rule);
        }
    }
    findings.into_values().collect()
}

struct Matches<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    /// Whether the rule grants where it holds.
    grants: bool,
    /// Where the `not` are that were met, from and to.
    negated: Vec<(u32, u32)>,
    open: &'a mut Vec<(DataPath, bool)>,
    findings: &'a mut BTreeMap<(String, u32, u32), Finding>,
}

impl Visitor for Matches<'_> {
    fn literal(&mut self, stmt: &LiteralStmt, _scope: &Scope) {
        if let Literal::NotExpr { expr, .. } = &stmt.literal {
            let span = expr.span();
            self.negated.push((span.start, span.end));
        }
    }

    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        let grants = self.grants != self.is_negated(expr.span());
        if let Expr::Call { fcn, params, .. } = expr {
            let target = self.index.resolve_call(self.module, fcn);
            let pattern = match &target {
                Target::Builtin(name) if name == "regex.match" => params.first(),
                Target::Rule(path) if is_helper(path, "argument_matches") => params.get(1),
                _ => None,
            };
            if let Some(pattern) = pattern.filter(|_| grants) {
                self.judge(pattern);
            }
            self.follow(target, grants);
        } else if let Some(target) = self.index.resolve(self.module, scope, expr) {
            self.follow(target, grants);
        }
    }
}

impl Matches<'_> {
    fn is_negated(&self, span: &Span) -> bool {
        let around = |(from, to): &&(u32, u32)| *from <= span.start && span.end <= *to;
        self.negated.iter().filter(around).count() % 2 == 1
    }

    fn follow(&mut self, target: Target, grants: bool) {
        match target {
            Target::Rule(path) => self.open.push((path, grants)),
            Target::Virtual(_, paths) => {
                self.open
                    .extend(paths.into_iter().map(|path| (path, grants)));
            }
            _ => {}
        }
    }

    fn judge(&mut self, pattern: &Expr) {
        let Some(text) = string(pattern).filter(|text| !is_whole(text)) else {
            return;
        };
        let finding = self.module.finding(
            pattern.span(),
            Severity::Warning,
            UNANCHORED,
            format!(
                "the pattern `{text}` also matches within longer text, and a match grants here"
            ),
            "write `^(?:…)$` around it; `.*` where any text may follow",
        );
        let place = (finding.path.clone(), finding.line, finding.column);
        self.findings.insert(place, finding);
    }
}

/// Whether this is a helper of the library.
pub(super) fn is_helper(path: &DataPath, helper: &str) -> bool {
    matches!(path.0.as_slice(), [root, lib, name] if root == "toolgate" && lib == "lib" && name == helper)
}

/// Whether the pattern begins and ends with an anchor that holds for all of it.
fn is_whole(pattern: &str) -> bool {
    let begin = ["^", "\\A"]
        .iter()
        .any(|anchor| pattern.starts_with(anchor));
    let end =
        ["$", "\\z"].iter().any(|anchor| pattern.ends_with(anchor)) && !pattern.ends_with("\\$");
    begin && end && !has_open_choice(pattern)
}

/// `^a|b$`: each anchor holds for one side alone.
fn has_open_choice(pattern: &str) -> bool {
    let (mut depth, mut in_class, mut escaped) = (0usize, false, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => return true,
            _ => {}
        }
    }
    false
}
