//! All rules of a policy set by their path, and what a name stands for.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{BUILTINS, Expr, Ref, Rule, RuleHead};

use super::names::Scope;
use super::parse::{Imported, ParsedModule};
use super::path::DataPath;
use super::refs::{Reference, Step, callee};
use super::visit::{Visitor, walk_rule};

/// Where a definition of a rule stands: indices of its module and of the rule within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleDef {
    /// Index into the modules.
    pub(crate) module: usize,
    /// Index into the module's rules.
    pub(crate) rule: usize,
}

/// What a reference or a call reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `input` or a part of it.
    Input,
    /// A rule or function, or a part of its value.
    Rule(DataPath),
    /// A package, or `data.a[x]…` with a variable above rules: reads all of these.
    Virtual(DataPath, Vec<DataPath>),
    /// A document below `data` where no rule stands: the part before the first variable.
    Data(DataPath),
    /// A builtin function that regorus has.
    Builtin(String),
    /// A local variable, declared or bound by unification.
    Local(String),
    /// A call of something that is neither a function here nor a builtin.
    Unknown(String),
}

/// The rules of all modules.
#[derive(Debug, Default)]
pub(crate) struct Index {
    rules: BTreeMap<DataPath, Vec<RuleDef>>,
}

impl Index {
    /// Indexes the rules of `modules`. A rule whose head has variables, such as `x[k] := v`, stands
    /// at the part before the first one.
    #[must_use]
    pub(crate) fn new(modules: &[ParsedModule]) -> Self {
        let mut rules: BTreeMap<DataPath, Vec<RuleDef>> = BTreeMap::new();
        for (module, parsed) in modules.iter().enumerate() {
            for (rule, node) in parsed.module.policy.iter().enumerate() {
                rules
                    .entry(rule_path(parsed, node))
                    .or_default()
                    .push(RuleDef { module, rule });
            }
        }
        Self { rules }
    }

    /// The definitions of the rule at `path`, in the order of modules and lines; its `default` too.
    #[must_use]
    pub(crate) fn definitions(&self, path: &DataPath) -> &[RuleDef] {
        self.rules.get(path).map_or(&[], Vec::as_slice)
    }

    /// All rules by path.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&DataPath, &[RuleDef])> {
        self.rules
            .iter()
            .map(|(path, definitions)| (path, definitions.as_slice()))
    }

    /// Whether a rule stands at `path` or below it.
    #[must_use]
    pub(crate) fn has_rules_below(&self, path: &DataPath) -> bool {
        self.rules
            .range(path..)
            .next()
            .is_some_and(|(rule, _)| rule.starts_with(path))
    }

    /// What a variable or reference reads; `None` for an expression that is neither.
    #[must_use]
    pub(crate) fn resolve(
        &self,
        module: &ParsedModule,
        scope: &Scope,
        expr: &Expr,
    ) -> Option<Target> {
        let reference = Reference::of(expr)?;
        Some(self.target(module, scope, &reference))
    }

    fn target(&self, module: &ParsedModule, scope: &Scope, reference: &Reference<'_>) -> Target {
        let head = reference.head;
        if head == "_" || scope.declares(head) {
            return Target::Local(head.to_owned());
        }
        let own = module.package_path.join(head);
        match (head, module.imports.get(head)) {
            ("input", _) | (_, Some(Imported::Input(_))) => Target::Input,
            ("data", _) => self.data_target(&DataPath::default(), &reference.steps),
            (_, Some(Imported::Data(path))) => self.data_target(path, &reference.steps),
            _ if self.has_rules_below(&own) => self.data_target(&own, &reference.steps),
            _ => Target::Local(head.to_owned()),
        }
    }

    /// What `steps` from the document at `base` read.
    fn data_target(&self, base: &DataPath, steps: &[Step<'_>]) -> Target {
        let mut path = base.clone();
        let mut rest = steps;
        loop {
            if self.rules.contains_key(&path) {
                return Target::Rule(path);
            }
            match rest.split_first() {
                Some((Step::Name(name), others)) => {
                    path = path.join(name);
                    rest = others;
                }
                Some((Step::Index(_), _)) | None => break,
            }
        }
        let below: Vec<DataPath> = self
            .rules
            .range(&path..)
            .map(|(rule, _)| rule)
            .take_while(|rule| rule.starts_with(&path))
            .filter(|rule| may_reach(rule, path.0.len(), rest))
            .cloned()
            .collect();
        if below.is_empty() {
            Target::Data(path)
        } else {
            Target::Virtual(path, below)
        }
    }

    /// What a call calls: a function of the set before a builtin.
    #[must_use]
    pub(crate) fn resolve_call(&self, module: &ParsedModule, fcn: &Expr) -> Target {
        let Some(name) = callee(fcn) else {
            return Target::Unknown(fcn.span().text().to_owned());
        };
        match self.resolve(module, &Scope::default(), fcn) {
            Some(target @ Target::Rule(_)) => target,
            _ if BUILTINS.contains_key(name.as_str()) || is_tracing(&name) => Target::Builtin(name),
            _ => Target::Unknown(name),
        }
    }

    /// The rules and functions that the rule node reads, with where it does.
    #[must_use]
    pub(crate) fn reads(&self, module: &ParsedModule, rule: &Rule) -> BTreeSet<DataPath> {
        let mut reads = Reads {
            index: self,
            module,
            found: BTreeSet::new(),
        };
        walk_rule(&mut reads, rule);
        reads.found
    }

    /// For each rule, the rules and functions that its definitions read.
    #[must_use]
    pub(crate) fn edges(&self, modules: &[ParsedModule]) -> BTreeMap<DataPath, BTreeSet<DataPath>> {
        self.rules()
            .map(|(path, definitions)| {
                let reads = definitions
                    .iter()
                    .filter_map(|definition| definition.node(modules))
                    .flat_map(|(module, rule)| self.reads(module, rule))
                    .collect();
                (path.clone(), reads)
            })
            .collect()
    }
}

impl RuleDef {
    /// The module and the syntax tree of this definition.
    #[must_use]
    pub(crate) fn node<'a>(
        &self,
        modules: &'a [ParsedModule],
    ) -> Option<(&'a ParsedModule, &'a Ref<Rule>)> {
        let module = modules.get(self.module)?;
        Some((module, module.module.policy.get(self.rule)?))
    }
}

/// `print` and `trace` are handled by regorus itself.
fn is_tracing(name: &str) -> bool {
    name == "print" || name == "walk"
}

/// Whether `rest`, taken from the first `depth` components of `rule`, can reach it: a variable
/// step matches any component.
fn may_reach(rule: &DataPath, depth: usize, rest: &[Step<'_>]) -> bool {
    rule.0
        .iter()
        .skip(depth)
        .zip(rest)
        .all(|(component, step)| match step {
            Step::Name(name) => component == name,
            Step::Index(_) => true,
        })
}

/// The path of the rule that a node defines.
#[must_use]
pub(crate) fn rule_path(module: &ParsedModule, rule: &Rule) -> DataPath {
    let refr = match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => head_ref(head),
    };
    let mut path = module.package_path.clone();
    if let Some(reference) = Reference::of(refr) {
        path.0.push(reference.head.to_owned());
        path.0.extend(reference.static_prefix().map(str::to_owned));
    }
    path
}

/// The name that a head defines.
#[must_use]
pub(crate) fn head_ref(head: &RuleHead) -> &Ref<Expr> {
    match head {
        RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => {
            refr
        }
    }
}

struct Reads<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    found: BTreeSet<DataPath>,
}

impl Visitor for Reads<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        let target = match expr {
            Expr::Call { fcn, .. } => Some(self.index.resolve_call(self.module, fcn)),
            _ => self.index.resolve(self.module, scope, expr),
        };
        match target {
            Some(Target::Rule(path)) => {
                self.found.insert(path);
            }
            Some(Target::Virtual(_, rules)) => self.found.extend(rules),
            Some(
                Target::Input
                | Target::Data(_)
                | Target::Builtin(_)
                | Target::Local(_)
                | Target::Unknown(_),
            )
            | None => {}
        }
    }
}
