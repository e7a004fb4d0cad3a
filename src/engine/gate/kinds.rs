//! Which expressions surely have a value, and of which kind.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regorus::unstable::{ArithOp, Expr, Ref, Rule, RuleBody, RuleHead};

use super::heads::head_terms;
use super::known::{Facts, Known, text_of};
use super::tables;
use crate::engine::ast::{DataPath, Imported, Reference, Scope, Target, head_args};
use crate::engine::view::{DataView, Stands};

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Number,
    Array,
    Set,
    Object,
    Truth,
}

/// What was worked out about rules: whether they always have a value, of which kind, and whether it
/// holds no set. A rule being worked out is taken as not known, which also ends recursion.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    defined: RefCell<BTreeMap<DataPath, bool>>,
    kinds: RefCell<BTreeMap<DataPath, Option<Kind>>>,
    pub(super) plain: RefCell<BTreeMap<DataPath, bool>>,
}

/// A value that a definition of a rule gives.
pub(crate) struct RuleValue<'r> {
    /// The expression; `None` for a partial rule, and for one that gives `true`.
    pub(crate) expr: Option<&'r Expr>,
    /// The kind, where there is no expression.
    pub(crate) kind: Option<Kind>,
    pub(crate) scope: Scope,
    pub(crate) known: Known,
}

impl<'r> RuleValue<'r> {
    fn of(expr: &'r Expr) -> Self {
        Self {
            expr: Some(expr),
            ..Self::partial(Kind::Truth)
        }
    }

    fn partial(kind: Kind) -> Self {
        Self {
            expr: None,
            kind: Some(kind),
            scope: Scope::default(),
            known: Known::default(),
        }
    }
}

impl<'a> Facts<'a> {
    /// Whether `expr` surely has a value.
    pub(crate) fn definite(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let all = |items: &[Ref<Expr>]| items.iter().all(|item| self.definite(item, scope, known));
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. } => true,
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.definite_reference(expr, scope, known)
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => all(items),
            Expr::Object { fields, .. } => fields.iter().all(|(_, key, value)| {
                self.definite(key, scope, known) && self.definite(value, scope, known)
            }),
            Expr::Call { fcn, params, .. } => {
                all(params) && self.total_call(fcn, params, scope, known)
            }
            Expr::BoolExpr { lhs, rhs, .. } | Expr::BinExpr { lhs, rhs, .. } => {
                self.definite(lhs, scope, known) && self.definite(rhs, scope, known)
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                matches!(op, ArithOp::Add | ArithOp::Sub | ArithOp::Mul)
                    && self.definite(lhs, scope, known)
                    && self.definite(rhs, scope, known)
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().all(|key| self.definite(key, scope, known))
                    && self.definite(value, scope, known)
                    && self.definite(collection, scope, known)
            }
            Expr::UnaryExpr { .. } | Expr::AssignExpr { .. } => false,
        }
    }

    fn definite_reference(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let Some(reference) = Reference::of(expr) else {
            return false;
        };
        match self.index.resolve(self.module, scope, expr) {
            Some(Target::Local(name)) => {
                (reference.steps.is_empty() && known.has(&name))
                    || known.has_reference(expr.span().text())
            }
            Some(Target::Rule(path)) => {
                (self.names_rule(&reference, &path) && self.always_defined(&path))
                    || known.has_reference(expr.span().text())
            }
            Some(Target::Data(path)) => {
                (reference.is_static() && member(self.data, &path.0).is_value())
                    || known.has_reference(expr.span().text())
            }
            Some(Target::Input) => {
                expr.span().text() == "input" || known.has_reference(expr.span().text())
            }
            Some(Target::Virtual(..) | Target::Builtin(_) | Target::Unknown(_)) | None => false,
        }
    }

    /// Whether the reference names the rule itself, not a part of its value.
    pub(crate) fn names_rule(&self, reference: &Reference<'_>, path: &DataPath) -> bool {
        let head_components = match (reference.head, self.module.imports.get(reference.head)) {
            ("data", _) => 0,
            (_, Some(Imported::Data(base))) => base.0.len(),
            _ => self.module.package_path.0.len() + 1,
        };
        head_components + reference.steps.len() == path.0.len()
    }

    /// Whether the rule has a value whatever the input, or the function whatever its arguments.
    pub(crate) fn always_defined(&self, path: &DataPath) -> bool {
        if let Some(known) = self.memory.defined.borrow().get(path) {
            return *known;
        }
        self.memory.defined.borrow_mut().insert(path.clone(), false);
        let defined = self
            .definitions(path)
            .any(|(facts, rule)| facts.always_holds(rule));
        self.memory
            .defined
            .borrow_mut()
            .insert(path.clone(), defined);
        defined
    }

    fn always_holds(&self, rule: &Rule) -> bool {
        let (head, bodies) = match rule {
            Rule::Default { args, .. } => return args.is_empty(),
            Rule::Spec { head, bodies, .. } => (head, bodies),
        };
        let is_partial_object = match head {
            RuleHead::Set { .. } => return true,
            RuleHead::Func { .. } => false,
            RuleHead::Compr { refr, .. } => matches!(refr.as_ref(), Expr::RefBrack { .. }),
        };
        let takes_all = head_args(head)
            .iter()
            .all(|arg| matches!(arg.as_ref(), Expr::Var { .. }));
        let (scope, known) = self.around_bodies(head);
        let own = head_terms(head);
        let definite = |value: &Expr| self.definite(value, &scope, &known);
        let unconditional = match bodies.last() {
            None => own.iter().all(|value| definite(value)),
            Some(last) => {
                last.query.stmts.is_empty()
                    && last.assign.iter().all(|assign| definite(&assign.value))
            }
        };
        is_partial_object || (takes_all && unconditional)
    }

    /// What holds around the bodies of a rule: its arguments.
    fn around_bodies(&self, head: &RuleHead) -> (Scope, Known) {
        let args = head_args(head);
        let mut known = Known::default();
        args.iter().for_each(|arg| known.bind(arg));
        let scope = Scope::default().with_patterns(args.iter().map(AsRef::as_ref));
        (scope, known)
    }

    /// The kind that all values of a rule or function have.
    fn rule_kind(&self, path: &DataPath) -> Option<Kind> {
        if let Some(known) = self.memory.kinds.borrow().get(path) {
            return *known;
        }
        self.memory.kinds.borrow_mut().insert(path.clone(), None);
        let mut kinds = self.definitions(path).flat_map(|(facts, rule)| {
            let values = facts.values(rule).into_iter();
            values.map(move |value| facts.value_kind(&value))
        });
        let first = kinds.next().flatten();
        let kind = first.filter(|_| kinds.all(|kind| kind == first));
        self.memory.kinds.borrow_mut().insert(path.clone(), kind);
        kind
    }

    /// The values of one definition, one for each body.
    pub(crate) fn values<'r>(&self, rule: &'r Rule) -> Vec<RuleValue<'r>> {
        let (head, bodies) = match rule {
            Rule::Default { value, .. } => return vec![RuleValue::of(value)],
            Rule::Spec { head, bodies, .. } => (head, bodies),
        };
        let own = match head {
            RuleHead::Set { .. } => return vec![RuleValue::partial(Kind::Set)],
            RuleHead::Compr { refr, .. } if matches!(refr.as_ref(), Expr::RefBrack { .. }) => {
                return vec![RuleValue::partial(Kind::Object)];
            }
            RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => {
                assign.as_ref().map(|assign| assign.value.as_ref())
            }
        };
        let (scope, known) = self.around_bodies(head);
        let value = |expr: Option<&'r Expr>, scope, known| RuleValue {
            expr,
            // A rule without a value gives `true`.
            kind: expr.is_none().then_some(Kind::Truth),
            scope,
            known,
        };
        let Some((first, others)) = bodies.split_first() else {
            return vec![value(own, scope, known)];
        };
        let behind = |body: &RuleBody| {
            let scope = scope.with_query(&body.query);
            let known = self.after(&body.query, &scope, &known);
            (scope, known)
        };
        let (inner, after) = behind(first);
        let mut values = vec![value(own, inner, after)];
        values.extend(others.iter().map(|body| {
            let (inner, after) = behind(body);
            let expr = body.assign.as_ref().map(|assign| assign.value.as_ref());
            value(expr, inner, after)
        }));
        values
    }

    fn value_kind(&self, value: &RuleValue<'_>) -> Option<Kind> {
        match value.expr {
            Some(expr) => self.kind(expr, &value.scope, &value.known),
            None => value.kind,
        }
    }

    /// The definitions of a rule, each with the facts of its module.
    pub(crate) fn definitions(
        &self,
        path: &DataPath,
    ) -> impl Iterator<Item = (Self, &'a Rule)> + use<'a> {
        let facts = *self;
        facts
            .index
            .definitions(path)
            .iter()
            .filter_map(move |definition| definition.node(facts.modules))
            .map(move |(module, rule)| (Self { module, ..facts }, rule.as_ref()))
    }

    /// The definitions of a rule.
    pub(crate) fn nodes(&self, path: &DataPath) -> impl Iterator<Item = &'a Rule> + use<'a> {
        self.definitions(path).map(|(_, rule)| rule)
    }

    /// Whether a call has a value if its arguments have one.
    fn total_call(&self, fcn: &Expr, params: &[Ref<Expr>], scope: &Scope, known: &Known) -> bool {
        match self.index.resolve_call(self.module, fcn) {
            Target::Rule(path) => self.always_defined(&path),
            Target::Builtin(name) => {
                let kinds: Vec<Option<Kind>> = params
                    .iter()
                    .map(|param| self.kind(param, scope, known))
                    .collect();
                tables::builtin(&name).is_some_and(|builtin| builtin.is_total_for(&kinds))
            }
            _ => false,
        }
    }

    /// Whether `expr`, if it has a value, is an array, a set or an object.
    pub(crate) fn is_collection(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        matches!(
            self.kind(expr, scope, known),
            Some(Kind::Array | Kind::Set | Kind::Object)
        )
    }

    /// Whether `expr`, if it has a value, is a set.
    pub(crate) fn is_set(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        self.kind(expr, scope, known) == Some(Kind::Set)
    }

    /// Whether `expr`, if it has a value, is an integer.
    ///
    /// Fractions are computed otherwise than OPA does: regorus takes doubles, OPA longer ones.
    pub(crate) fn is_integer(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        self.kind(expr, scope, known) == Some(Kind::Integer)
    }

    /// The kind that `expr` has if it has a value.
    pub(crate) fn kind(&self, expr: &Expr, scope: &Scope, known: &Known) -> Option<Kind> {
        let both = |lhs: &Expr, rhs: &Expr, kind: Kind| {
            let is = |side| self.kind(side, scope, known) == Some(kind);
            (is(lhs) && is(rhs)).then_some(kind)
        };
        match expr {
            Expr::String { .. } | Expr::RawString { .. } => Some(Kind::Text),
            Expr::Number { span, .. } if span.text().contains(['.', 'e', 'E']) => {
                Some(Kind::Number)
            }
            Expr::Number { .. } => Some(Kind::Integer),
            Expr::Bool { .. } | Expr::BoolExpr { .. } | Expr::Membership { .. } => {
                Some(Kind::Truth)
            }
            Expr::Array { .. } | Expr::ArrayCompr { .. } => Some(Kind::Array),
            Expr::Set { .. } | Expr::SetCompr { .. } => Some(Kind::Set),
            Expr::Object { .. } | Expr::ObjectCompr { .. } => Some(Kind::Object),
            Expr::BinExpr { lhs, rhs, .. } => both(lhs, rhs, Kind::Set),
            Expr::ArithExpr { op, lhs, rhs, .. } => match op {
                ArithOp::Sub => both(lhs, rhs, Kind::Set).or(both(lhs, rhs, Kind::Integer)),
                ArithOp::Add | ArithOp::Mul | ArithOp::Mod => both(lhs, rhs, Kind::Integer),
                ArithOp::Div => None,
            },
            Expr::Call { fcn, .. } => match self.index.resolve_call(self.module, fcn) {
                Target::Rule(path) => self.rule_kind(&path),
                Target::Builtin(name) => tables::builtin(&name)?.gives,
                _ => None,
            },
            Expr::Var { .. } | Expr::RefDot { .. } => self.reference_kind(expr, scope, known),
            Expr::RefBrack { .. }
            | Expr::Null { .. }
            | Expr::UnaryExpr { .. }
            | Expr::AssignExpr { .. } => None,
        }
    }

    fn reference_kind(&self, expr: &Expr, scope: &Scope, known: &Known) -> Option<Kind> {
        if let Some(kind) = text_of(expr).and_then(|text| known.kind(text)) {
            return Some(kind);
        }
        let reference = Reference::of(expr)?;
        match self.index.resolve(self.module, scope, expr)? {
            Target::Rule(path) if self.names_rule(&reference, &path) => self.rule_kind(&path),
            Target::Data(path) if reference.is_static() => match member(self.data, &path.0) {
                Stands::Array => Some(Kind::Array),
                Stands::Object => Some(Kind::Object),
                Stands::Text => Some(Kind::Text),
                Stands::Truth => Some(Kind::Truth),
                Stands::Null | Stands::Number => None,
                Stands::Nothing | Stands::BelowValue => None,
            },
            // The contract: the input is an object, and its time a whole number.
            Target::Input => match expr.span().text() {
                "input" => Some(Kind::Object),
                "input.time.ns" => Some(Kind::Integer),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What stands below `data`; of all data as a whole nothing is said.
fn member(data: &DataView<'_>, path: &[String]) -> Stands {
    match path {
        [] => Stands::Nothing,
        path => data.stands(path),
    }
}
