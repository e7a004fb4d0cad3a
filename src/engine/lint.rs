//! Lints over the syntax of policies; the first of them is that a deny must not fail open.
//!
//! # `fail_open`
//!
//! An expression over something undefined is undefined, and a rule with an undefined statement does
//! not fire. So `deny … if input.arguments.region != "EU"` denies nobody who leaves the region out.
//! The lint refuses this in `deny`, `constrain` and `approve` of the packages below `policies`, and
//! in every rule and function they use. What it passes has this property: **removing or mistyping a
//! field of the input turns no deny into a grant, unless the author wrote that it may.**
//!
//! *What may be undefined.* A part of `input` that the contract does not guarantee (`input.rs`); a
//! look-up with a key from the input; a rule or function with conditions and no `default` or last
//! `else`; a builtin or operator on a value of the wrong type (`builtins.rs`), or one that fails on
//! some values. Data and literals are the operator's and the author's: they are taken to be there
//! and of the right type, also below a look-up that hit. A key made of the time need not be in data.
//! `input.mcp.name` may be absent; a statement that says which name it must be selects what the rule
//! is about, and accepts that.
//!
//! *Polarity.* Under `not`, undefined is safe: the deny fires. A `not` within a helper that itself
//! is used under `not` flips again: there, what stands under it must be defined. A helper is read
//! with the polarity of its use; one whose value falls back (`default`, `else`) and is compared, and
//! a set used other than by membership, `some`, `every` or a count, is read with both.
//!
//! *What accepts.* A reference, or a helper rule or function, alone on a line: the rule does not
//! apply where that is absent. `is_string(x)` alone: it does not apply to other types. `x := ref` and
//! `some x in ref` accept nothing. Naming accepts absence only: that a builtin behind the name fails
//! is not seen by who reads the rule. In the library nothing is accepted, and findings are shown at
//! its call: a helper there is true only if what it says is proven, and belongs under `not`.
//!
//! *What follows.* A deny that is only `not e` fires wherever `e` is undefined: the other rules of
//! its package may take for granted what `e` needs, and what follows from a helper named there.
//!
//! *Comprehensions and sets* are always defined but drop members silently: their queries are read
//! with the polarity of how the set is used: the opposite one for what is taken away from another
//! (`a - b`, `object.remove`), both where it is not followed.
//!
//! *Not undefined, but not meant:* `<` orders values of different types, and `in`, `some` and `every`
//! find nothing in text. Such a comparison of a caller's value of unknown type is a warning,
//! `fail_open_type`.

mod bind;
mod body;
mod builtins;
mod call;
mod constant;
mod data;
mod dead;
mod definition;
mod directory;
mod element;
mod expr;
mod facts;
mod imports;
mod input;
mod library;
mod members;
mod pattern;
mod refs;
mod report;
mod rules;
mod scope;
mod select;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use data::unknown_data;
pub(crate) use directory::{CODE as DIRECTORY, directory};
pub(crate) use element::elements;
pub(crate) use imports::imports;
pub(crate) use library::constants;
pub(crate) use members::input_members;
pub(crate) use pattern::unanchored;
pub use scope::ScopeRow;
pub(crate) use scope::scope_row;
pub(crate) use shape::policy_shape;

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, Ref, Rule, RuleHead};

use self::body::Env;
use self::facts::{Facts, Polarity, Ty, Value};
use crate::engine::ast::{
    DataPath, Index, ParsedModule, Reference, Scope, Target, Visitor, walk_rule,
};
use crate::model::finding::{Finding, Severity};

/// Statements and expressions that are read for one rule before the lint gives up and says so.
const MAX_STEPS_PER_RULE: usize = 200_000;
/// Rules that use each other in a row.
const MAX_RULE_DEPTH: usize = 48;

/// The sets whose rules must not fail open.
const ROOTS: [&str; 3] = ["deny", "constrain", "approve"];

/// Refuses what makes a `deny`, `constrain` or `approve` silently not fire: see the module.
#[must_use]
pub(crate) fn fail_open(modules: &[ParsedModule], severity: Severity) -> Vec<Finding> {
    let mut lint = Lint {
        modules,
        index: Index::new(modules),
        severity,
        root: "",
        silent: false,
        steps: 0,
        findings: BTreeMap::new(),
        memo: BTreeMap::new(),
        partials: BTreeSet::new(),
        stack: Vec::new(),
        input_readers: BTreeMap::new(),
    };
    let mut packages: BTreeMap<&DataPath, Vec<Root<'_>>> = BTreeMap::new();
    for module in modules {
        let roots = packages.entry(&module.package_path).or_default();
        roots.extend(roots_of(module));
    }
    for roots in packages.values() {
        lint.package(roots);
    }
    let refused: BTreeSet<(String, u32, u32)> = lint
        .findings
        .keys()
        .filter(|(_, _, _, code)| *code == report::FAIL_OPEN)
        .map(|(path, line, column, _)| (path.clone(), *line, *column))
        .collect();
    // What is refused is rewritten anyway.
    lint.findings.retain(|(path, line, column, code), _| {
        *code == report::FAIL_OPEN || !refused.contains(&(path.clone(), *line, *column))
    });
    lint.findings.into_values().collect()
}

/// A rule that must not fail open.
struct Root<'a> {
    module: &'a ParsedModule,
    rule: &'a Ref<Rule>,
    name: &'static str,
}

struct Lint<'a> {
    modules: &'a [ParsedModule],
    index: Index,
    severity: Severity,
    root: &'static str,
    /// Nothing is reported: only what is known of values is wanted.
    silent: bool,
    steps: usize,
    findings: BTreeMap<(String, u32, u32, &'static str), Finding>,
    memo: BTreeMap<String, Value<'a>>,
    partials: BTreeSet<String>,
    stack: Vec<DataPath>,
    input_readers: BTreeMap<DataPath, bool>,
}

impl<'a> Lint<'a> {
    fn package(&mut self, roots: &[Root<'a>]) {
        self.memo.clear();
        self.partials.clear();
        let given: Vec<Option<Facts>> = roots.iter().map(|root| self.given(root)).collect();
        for (at, root) in roots.iter().enumerate() {
            let mut facts = Facts::default();
            for (other, given) in given.iter().enumerate() {
                if let Some(given) = given.as_ref().filter(|_| other != at) {
                    facts.extend(given);
                }
            }
            self.root = root.name;
            self.steps = 0;
            let env = Env::new(root.module, facts);
            self.element(&env, root.rule, Polarity::Fires);
            if self.steps > MAX_STEPS_PER_RULE {
                self.give_up(root);
            }
        }
    }

    /// What holds wherever this deny does not fire: what `e` needs, if it is `deny … if not e`.
    fn given(&mut self, root: &Root<'a>) -> Option<Facts> {
        let Rule::Spec {
            head: RuleHead::Set { key: Some(key), .. },
            bodies,
            ..
        } = root.rule.as_ref()
        else {
            return None;
        };
        let ([body], "deny") = (bodies.as_slice(), root.name) else {
            return None;
        };
        let was_silent = std::mem::replace(&mut self.silent, true);
        let mut env = Env::new(root.module, Facts::default());
        let gives_always = self.value(&mut env, key, Polarity::Fires).needs.is_empty();
        let facts = match body.query.stmts.as_slice() {
            [only] if only.with_mods.is_empty() => self.needed(&mut env, &only.literal),
            [first, second] if first.with_mods.is_empty() && second.with_mods.is_empty() => {
                self.typed(&mut env, &first.literal, &second.literal)
            }
            _ => None,
        };
        self.silent = was_silent;
        facts.filter(|_| gives_always).map(|mut facts| {
            facts.forget_locals(0);
            facts
        })
    }

    /// `not e`
    fn needed(&mut self, env: &mut Env<'a>, literal: &'a Literal) -> Option<Facts> {
        let Literal::NotExpr { expr, .. } = literal else {
            return None;
        };
        let mut facts = Facts::default();
        facts.assume_value(&self.condition(env, expr, Polarity::Blocks));
        if let Some((key, ty)) = self.tested_type(env, expr) {
            facts.assume_type(&key, ty);
        }
        Some(facts)
    }

    /// `x` and `not is_string(x)`: where there is an `x`, it is text.
    fn typed(
        &mut self,
        env: &mut Env<'a>,
        first: &'a Literal,
        second: &'a Literal,
    ) -> Option<Facts> {
        let (Literal::Expr { expr: named, .. }, Literal::NotExpr { expr: tested, .. }) =
            (first, second)
        else {
            return None;
        };
        Reference::of(named)?;
        let (key, ty) = self.tested_type(env, tested)?;
        let mut facts = Facts::default();
        let is_same = self.value(env, named, Polarity::Blocks).key == key;
        facts.assume_type_if_present(&key, ty);
        is_same.then_some(facts)
    }

    /// The value and the type of `is_string(x)` and its like.
    fn tested_type(&mut self, env: &mut Env<'a>, expr: &'a Expr) -> Option<(String, Ty)> {
        let Expr::Call { fcn, params, .. } = expr else {
            return None;
        };
        let Target::Builtin(name) = self.index.resolve_call(env.module, fcn) else {
            return None;
        };
        let (ty, [param]) = (Ty::of_guard(&name)?, params.as_slice()) else {
            return None;
        };
        Some((self.value(env, param, Polarity::Blocks).key, ty))
    }

    fn step(&mut self) -> bool {
        self.steps += 1;
        self.steps <= MAX_STEPS_PER_RULE
    }

    /// Whether a rule may be read from here; if not, the whole is given up.
    fn within_depth(&mut self, env: &Env<'a>) -> bool {
        let within = env.depth < MAX_RULE_DEPTH;
        if !within {
            self.steps = MAX_STEPS_PER_RULE + 1;
        }
        within
    }

    fn give_up(&mut self, root: &Root<'a>) {
        let finding = root.module.finding(
            root.rule.span(),
            self.severity,
            report::FAIL_OPEN,
            format!("this `{}` is too large to be checked", root.name),
            "split it, and use fewer helpers that use each other".to_owned(),
        );
        let place = (
            finding.path.clone(),
            finding.line,
            finding.column,
            finding.code,
        );
        self.findings.insert(place, finding);
    }
}

fn roots_of(module: &ParsedModule) -> impl Iterator<Item = Root<'_>> {
    let is_policy = module
        .package_path
        .0
        .first()
        .is_some_and(|first| first == "policies");
    module
        .module
        .policy
        .iter()
        .filter(move |_| is_policy)
        .filter_map(move |rule| {
            let Rule::Spec { head, .. } = rule.as_ref() else {
                return None;
            };
            let refr = match head {
                RuleHead::Compr { refr, .. }
                | RuleHead::Set { refr, .. }
                | RuleHead::Func { refr, .. } => refr,
            };
            let head = Reference::of(refr)?.head;
            let name = ROOTS.into_iter().find(|name| *name == head)?;
            Some(Root { module, rule, name })
        })
}

/// Whether a rule names `input` itself.
fn names_input(index: &Index, module: &ParsedModule, rule: &Rule) -> bool {
    struct Names<'a> {
        index: &'a Index,
        module: &'a ParsedModule,
        found: bool,
    }
    impl Visitor for Names<'_> {
        fn expr(&mut self, expr: &Expr, scope: &Scope) {
            let target = self.index.resolve(self.module, scope, expr);
            self.found |= target == Some(Target::Input);
        }
    }
    let mut names = Names {
        index,
        module,
        found: false,
    };
    walk_rule(&mut names, rule);
    names.found
}
