//! Definitions of rules taken apart.

use regorus::unstable::{Expr, Ref, Rule, RuleBody, RuleHead};

use super::facts::{Polarity, Ty};
use super::rules::{Call, Usage};
use crate::engine::ast::ParsedModule;

/// A rule and its module.
pub(super) type Node<'a> = (&'a ParsedModule, &'a Ref<Rule>);

/// What one body of a rule gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    True,
    False,
    Other,
}

/// A definition taken apart: its arguments, and each query with the value it gives.
pub(super) struct Definition<'a> {
    pub(super) module: &'a ParsedModule,
    pub(super) args: &'a [Ref<Expr>],
    pub(super) branches: Vec<Branch<'a>>,
}

pub(super) struct Branch<'a> {
    pub(super) body: Option<&'a RuleBody>,
    pub(super) value: Option<&'a Ref<Expr>>,
}

impl<'a> Branch<'a> {
    pub(super) fn is_bare(&self) -> bool {
        self.body.is_none_or(|body| body.query.stmts.is_empty())
    }

    pub(super) fn gives(&self) -> Gives {
        match self.value.map(|value| value.span().text()) {
            None | Some("true") => Gives::True,
            Some("false") => Gives::False,
            Some(_) => Gives::Other,
        }
    }
}

/// A complete rule or function; `None` for defaults and sets.
pub(super) fn definition<'a>(node: &Node<'a>) -> Option<Definition<'a>> {
    let (module, rule) = *node;
    let Rule::Spec { head, bodies, .. } = rule.as_ref() else {
        return None;
    };
    let (args, assign): (&'a [Ref<Expr>], _) = match head {
        RuleHead::Compr { assign, .. } => (&[], assign),
        RuleHead::Func { args, assign, .. } => (args, assign),
        RuleHead::Set { .. } => return None,
    };
    let value = assign.as_ref().map(|assign| &assign.value);
    let branches = if bodies.is_empty() {
        vec![Branch { body: None, value }]
    } else {
        bodies
            .iter()
            .map(|body| Branch {
                body: Some(body),
                value: match (&body.assign, body.is_else) {
                    (Some(assign), _) => Some(&assign.value),
                    (None, true) => None,
                    (None, false) => value,
                },
            })
            .collect()
    };
    Some(Definition {
        module,
        args,
        branches,
    })
}

pub(super) fn set_definition<'a>(node: &Node<'a>) -> Option<Definition<'a>> {
    let (module, rule) = *node;
    matches!(rule.as_ref(), Rule::Spec { .. }).then_some(Definition {
        module,
        args: &[],
        branches: Vec::new(),
    })
}

/// The type of a rule that collects members; `None` for any other.
pub(super) fn partial_type(nodes: &[Node<'_>]) -> Option<Ty> {
    nodes.iter().find_map(|(_, rule)| match rule.as_ref() {
        Rule::Spec {
            head: RuleHead::Set { .. },
            ..
        } => Some(Ty::SET),
        Rule::Spec {
            head: RuleHead::Compr { refr, .. },
            ..
        } => matches!(refr.as_ref(), Expr::RefBrack { .. }).then_some(Ty::OBJECT),
        _ => None,
    })
}

/// The polarity of each branch: what its query's being undefined would do to the use.
pub(super) fn polarities(
    definition: &Definition<'_>,
    default: Option<&Ref<Expr>>,
    call: &Call<'_, '_>,
) -> Vec<Polarity> {
    let chain = definition.branches.len();
    let ends_in_false = definition
        .branches
        .last()
        .is_some_and(|last| last.is_bare() && last.gives() == Gives::False);
    let falls_back = chain > 1 || default.is_some();
    let plain_chain = chain == 1 || (chain == 2 && ends_in_false);
    definition
        .branches
        .iter()
        .map(|branch| match (call.usage, branch.gives()) {
            (Usage::Condition, Gives::True) if plain_chain => call.truth,
            (Usage::Condition, Gives::False) if plain_chain => call.truth.flip(),
            _ if falls_back => Polarity::Both,
            _ => call.truth,
        })
        .collect()
}

/// Whether the rule holds only where its one branch that is true does.
pub(super) fn only_one_gives(definition: &Definition<'_>, default: Option<&Ref<Expr>>) -> bool {
    let is_false = |value: &Ref<Expr>| value.span().text() == "false";
    let true_branches = definition
        .branches
        .iter()
        .filter(|branch| branch.gives() != Gives::False)
        .count();
    true_branches == 1 && default.is_none_or(is_false)
}

pub(super) fn is_variable(expr: &Expr) -> bool {
    matches!(expr, Expr::Var { .. })
}

pub(super) fn literal_type(expr: &Expr) -> Ty {
    match expr {
        Expr::String { .. } | Expr::RawString { .. } => Ty::STRING,
        Expr::Number { .. } | Expr::UnaryExpr { .. } => Ty::NUMBER,
        Expr::Bool { .. } => Ty::BOOL,
        Expr::Null { .. } => Ty::NULL,
        Expr::Array { .. } => Ty::ARRAY,
        Expr::Set { .. } => Ty::SET,
        Expr::Object { .. } => Ty::OBJECT,
        _ => Ty::ANY,
    }
}
