//! Whether a policy package is made as the decision contract has it.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Ref, Rule, RuleHead};

use super::dead::dead;
use super::scope::overlap;
use crate::engine::ast::{
    DataPath, Imported, Index, ParsedModule, Reference, Scope, Step, Target, Visitor, head_ref,
    walk_rule,
};
use crate::model::finding::{Finding, Severity};

/// The sets that a policy package is made of.
pub(super) const SETS: [&str; 5] = ["allow", "approve", "constrain", "deny", "visible"];

/// Checks the packages below `policies`; `servers` is what each declares, `None` every server.
///
/// A decision that is no partial set is an error, and what [`dead`] finds may be one; an `allow`
/// that cannot hold in `tools/list`, where nothing says what is visible, is a warning.
#[must_use]
pub(crate) fn policy_shape(
    modules: &[ParsedModule],
    servers: &BTreeMap<DataPath, Option<Vec<String>>>,
) -> Vec<Finding> {
    let index = Index::new(modules);
    let mut findings = dead(modules, &index);
    for module in modules.iter().filter(|module| is_policy(module)) {
        for rule in &module.module.policy {
            findings.extend(form(module, rule));
        }
    }
    findings.extend(unlisted(modules, &index, servers));
    findings.sort_by(|a, b| (&a.path, a.line, a.column).cmp(&(&b.path, b.line, b.column)));
    findings
}

/// Whether the module is below `policies`.
pub(super) fn is_policy(module: &ParsedModule) -> bool {
    module
        .package_path
        .0
        .first()
        .is_some_and(|first| first == "policies")
}

/// The names of the five sets that a package defines.
pub(super) fn defined<'m>(
    modules: impl IntoIterator<Item = &'m ParsedModule>,
) -> BTreeSet<&'static str> {
    modules
        .into_iter()
        .flat_map(|module| &module.module.policy)
        .filter_map(|rule| SETS.into_iter().find(|set| *set == name(rule)))
        .collect()
}

/// The name that a rule begins with.
pub(super) fn name(rule: &Rule) -> &str {
    let refr = match rule {
        Rule::Default { refr, .. } => refr,
        Rule::Spec { head, .. } => head_ref(head),
    };
    Reference::of(refr).map_or("", |reference| reference.head)
}

fn form(module: &ParsedModule, rule: &Rule) -> Option<Finding> {
    let set = SETS.into_iter().find(|set| *set == name(rule))?;
    let is_set = match rule {
        Rule::Spec {
            head: RuleHead::Set {
                refr, key: Some(_), ..
            },
            ..
        } => matches!(refr.as_ref(), Expr::Var { .. }),
        _ => false,
    };
    if is_set || module.package_path.0.len() != 2 {
        return None;
    }
    let element = match set {
        "constrain" => "{\"type\": \"audit\", \"level\": \"full\"}",
        "approve" => "{\"by\": [\"legal\"], \"code\": \"code\"}",
        _ => "\"code\"",
    };
    Some(module.finding(
        rule.span(),
        Severity::Error,
        "policy.form",
        format!("`{set}` is not a partial set"),
        format!("write `{set} contains {element} if {{ … }}`"),
    ))
}

/// Every `allow` that reads arguments where no package for the same servers defines `visible`.
fn unlisted(
    modules: &[ParsedModule],
    index: &Index,
    servers: &BTreeMap<DataPath, Option<Vec<String>>>,
) -> Vec<Finding> {
    let servers = |package: &DataPath| servers.get(package).and_then(Option::as_deref);
    let policies = || modules.iter().filter(|module| is_policy(module));
    let listed: Vec<Option<&[String]>> = policies()
        .filter(|module| defined([*module]).contains("visible"))
        .map(|module| servers(&module.package_path))
        .collect();
    policies()
        .filter(|module| {
            let own = servers(&module.package_path);
            !listed.iter().any(|other| overlap(own, *other))
        })
        .flat_map(|module| module.module.policy.iter().map(move |rule| (module, rule)))
        .filter(|(module, rule)| {
            name(rule) == "allow" && reads_arguments(modules, index, module, rule)
        })
        .map(|(module, rule)| {
            module.finding(
                rule.span(),
                Severity::Warning,
                "policy.visible",
                "this `allow` reads arguments, which `tools/list` does not have: it lists no tool",
                "say what is listed: `visible contains \"code\" if input.mcp.name == \"…\"`",
            )
        })
        .collect()
}

fn reads_arguments(
    modules: &[ParsedModule],
    index: &Index,
    module: &ParsedModule,
    rule: &Ref<Rule>,
) -> bool {
    let mut seen: BTreeSet<DataPath> = BTreeSet::new();
    let mut open = vec![(module, rule)];
    while let Some((module, rule)) = open.pop() {
        let mut arguments = Arguments {
            index,
            module,
            found: false,
        };
        walk_rule(&mut arguments, rule);
        if arguments.found {
            return true;
        }
        for path in index.reads(module, rule) {
            if seen.insert(path.clone()) {
                let definitions = index.definitions(&path).iter();
                open.extend(definitions.filter_map(|definition| definition.node(modules)));
            }
        }
    }
    false
}

/// Looks for `input.arguments`, or for `input` whole.
struct Arguments<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    found: bool,
}

impl Visitor for Arguments<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if self.index.resolve(self.module, scope, expr) != Some(Target::Input) {
            return;
        }
        let Some(reference) = Reference::of(expr) else {
            return;
        };
        let part = match self.module.imports.get(reference.head) {
            Some(Imported::Input(names)) if !names.is_empty() => names.first().map(String::as_str),
            _ => match reference.steps.first() {
                Some(Step::Name(name)) => Some(*name),
                Some(Step::Index(_)) | None => None,
            },
        };
        self.found |= part.is_none_or(|part| part == "arguments");
    }
}
