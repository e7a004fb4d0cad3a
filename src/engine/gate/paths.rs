//! What all modules define together: one path, its definitions, and data beside them.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Rule, RuleHead};

use super::heads::{head_terms, iterates};
use super::issue::{Bars, Issue, Issues};
use super::known::is_constant;
use crate::engine::ast::{DataPath, Index, ParsedModule, RuleDef, head_args, string};
use crate::engine::view::{DataView, Stands};

/// The kinds of rules; the definitions of one rule have one kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Object,
    Complete,
    Function(usize),
}

/// Checks what stands at each path.
pub(crate) fn check(
    modules: &[ParsedModule],
    index: &Index,
    data: &DataView<'_>,
    found: &mut Vec<Issue>,
) {
    for (path, definitions) in index.rules() {
        let paths = Paths {
            modules,
            path,
            definitions,
        };
        paths.one_kind(found);
        paths.one_value(found);
        paths.one_default(found);
        paths.nothing_below(index, found);
        paths.no_data(data, found);
    }
}

struct Paths<'a> {
    modules: &'a [ParsedModule],
    path: &'a DataPath,
    definitions: &'a [RuleDef],
}

impl<'a> Paths<'a> {
    fn nodes(&self) -> impl Iterator<Item = (&'a ParsedModule, &'a Rule)> {
        let modules = self.modules;
        self.definitions
            .iter()
            .filter_map(move |definition| definition.node(modules))
            .map(|(module, rule)| (module, rule.as_ref()))
    }

    fn one_kind(&self, found: &mut Vec<Issue>) {
        let mut kinds = self
            .nodes()
            .filter_map(|(module, rule)| Some((module, rule, kind(rule)?)));
        let Some((.., first)) = kinds.next() else {
            return;
        };
        if let Some((module, rule, _)) = kinds.find(|(.., other)| *other != first) {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.rule_kind",
                format!(
                    "`{}` is defined as another kind of rule elsewhere",
                    self.path
                ),
                "give one of them another name",
            );
        }
    }

    fn one_default(&self, found: &mut Vec<Issue>) {
        let mut defaults = self
            .nodes()
            .filter(|(_, rule)| matches!(rule, Rule::Default { .. }));
        let first = defaults.next();
        for (module, rule) in defaults {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.default_value",
                format!("`{}` has two defaults", self.path),
                "remove one",
            );
        }
        let has_kind = self
            .nodes()
            .filter_map(|(_, rule)| kind(rule))
            .any(|kind| kind != Kind::Complete);
        if let (Some((module, rule)), true) = (first, has_kind) {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.default_value",
                format!(
                    "`{}` is no rule with one value, and has a default",
                    self.path
                ),
                "a partial rule is empty by default",
            );
        }
    }

    /// A rule with two values is an error for OPA, and undefined for the register machine.
    fn one_value(&self, found: &mut Vec<Issue>) {
        let complete: Vec<_> = self
            .nodes()
            .filter(|(_, rule)| matches!(kind(rule), Some(Kind::Complete | Kind::Function(_))))
            .collect();
        let values: Vec<&Expr> = complete.iter().flat_map(|(_, rule)| values(rule)).collect();
        let written = |expr: &&Expr| is_constant(expr);
        let texts = values.iter().map(|value| value.span().text());
        let implicit = complete.iter().any(|(_, rule)| has_implicit_value(rule));
        let only_true = values.iter().all(|value| value.span().text() == "true");
        let same = values.iter().all(written)
            && texts.clone().all(|text| Some(text) == texts.clone().next())
            && (!implicit || only_true);
        if same {
            return;
        }
        let exclusive = complete.len() == 1 || told_apart(&complete);
        for (module, rule) in &complete {
            if exclusive && !may_differ(rule) {
                continue;
            }
            Issues { module, found }.add(
                Bars::Rvm,
                rule.span(),
                "gate.conflict",
                format!(
                    "`{}` may get two values: an error for OPA, undefined for the register machine",
                    self.path
                ),
                "write one rule with `else`, or make it a set: `rule contains value if …`",
            );
            return;
        }
    }

    /// A rule hides packages and rules below its path.
    fn nothing_below(&self, index: &Index, found: &mut Vec<Issue>) {
        let below = index
            .rules()
            .find(|(other, _)| *other != self.path && other.starts_with(self.path));
        if let (Some((other, _)), Some((module, rule))) = (below, self.nodes().next()) {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.rule_conflict",
                format!("`{}` stands above `{other}`", self.path),
                "give the rule or the package another name",
            );
        }
    }

    fn no_data(&self, data: &DataView<'_>, found: &mut Vec<Issue>) {
        if data.stands(&self.path.0) == Stands::Nothing {
            return;
        }
        if let Some((module, rule)) = self.nodes().next() {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.data_conflict",
                format!("`{}` is also a document of the data", self.path),
                "move the data below another name",
            );
        }
    }
}

fn kind(rule: &Rule) -> Option<Kind> {
    match rule {
        Rule::Default { .. } => None,
        Rule::Spec { head, .. } => Some(match head {
            RuleHead::Set { .. } => Kind::Set,
            RuleHead::Func { args, .. } => Kind::Function(args.len()),
            RuleHead::Compr { refr, .. } => match refr.as_ref() {
                Expr::RefBrack { .. } => Kind::Object,
                _ => Kind::Complete,
            },
        }),
    }
}

/// Whether a parameter tells the definitions of a function apart: at one place, each has another
/// constant.
fn told_apart(definitions: &[(&ParsedModule, &Rule)]) -> bool {
    let parameters = |rule: &Rule| match rule {
        Rule::Spec { head, .. } => head_args(head).len(),
        Rule::Default { .. } => 0,
    };
    let most = definitions
        .iter()
        .map(|(_, rule)| parameters(rule))
        .max()
        .unwrap_or(0);
    (0..most).any(|at| {
        let mut seen = BTreeSet::new();
        definitions.iter().all(|(_, rule)| {
            let parameter = match rule {
                Rule::Spec { head, .. } => head_args(head).get(at).and_then(|arg| string(arg)),
                Rule::Default { .. } => None,
            };
            parameter.is_some_and(|text| seen.insert(text))
        })
    })
}

/// The values written in a rule's head and behind its `else`.
fn values(rule: &Rule) -> Vec<&Expr> {
    match rule {
        Rule::Default { .. } => Vec::new(),
        Rule::Spec { head, bodies, .. } => {
            let others = bodies
                .iter()
                .filter_map(|body| Some(body.assign.as_ref()?.value.as_ref()));
            head_terms(head).into_iter().chain(others).collect()
        }
    }
}

/// Whether some body gives `true` without saying so.
fn has_implicit_value(rule: &Rule) -> bool {
    match rule {
        Rule::Default { .. } => false,
        Rule::Spec { head, bodies, .. } => {
            head_terms(head).is_empty()
                || bodies
                    .iter()
                    .any(|body| body.is_else && body.assign.is_none())
        }
    }
}

/// Whether one definition may get two values: some body holds in several ways with a value that is
/// not written out.
fn may_differ(rule: &Rule) -> bool {
    let Rule::Spec { head, bodies, .. } = rule else {
        return false;
    };
    let constant = |terms: &[&Expr]| terms.iter().all(|term| is_constant(term));
    let own = head_terms(head);
    let Some((first, others)) = bodies.split_first() else {
        return false;
    };
    let first_differs = iterates(&first.query) && !constant(&own);
    let other_differs = others.iter().any(|body| {
        let terms: Vec<&Expr> = body.assign.iter().map(|a| a.value.as_ref()).collect();
        iterates(&body.query) && !constant(&terms)
    });
    first_differs || other_differs
}
