//! Members of `input` that there are. Any other is undefined in every decision, so that a rule
//! which reads it never holds.

use regorus::unstable::{BoolOp, Expr};

use super::constant::texts;
use crate::engine::ast::{
    Imported, Index, ParsedModule, Reference, Scope, Target, Visitor, callee, string, walk_rule,
};
use crate::engine::suggest::nearest;
use crate::model::call::INPUT_OBJECTS;
use crate::model::finding::{Finding, Severity};

const UNKNOWN: &str = "input.unknown";
const NEVER: &str = "input.never";

/// Members that are one of a few words.
pub(super) const WORDS: [(&str, &[&str]); 3] = [
    (
        "input.phase",
        &[
            "call",
            "result",
            "list",
            "notification",
            "server_request",
            "client_answer",
        ],
    ),
    (
        "input.principal.authenticated_by",
        &["mtls", "jwt", "peer_uid", "shim", "local"],
    ),
    (
        "input.principal.roles_from",
        &["token", "directory", "shim"],
    ),
];

/// Finds reads of members that there are not. An error where it is clear what was meant.
#[must_use]
pub(crate) fn input_members(modules: &[ParsedModule]) -> Vec<Finding> {
    let index = Index::new(modules);
    let mut findings = Vec::new();
    for module in modules {
        let mut members = Members {
            index: &index,
            module,
            findings: &mut findings,
        };
        for rule in &module.module.policy {
            walk_rule(&mut members, rule);
        }
    }
    findings
}

/// The path of a reference to a part of the input, as far as it is names: `input.mcp.name`.
pub(super) fn input_path(
    index: &Index,
    module: &ParsedModule,
    scope: &Scope,
    expr: &Expr,
) -> Option<Vec<String>> {
    if index.resolve(module, scope, expr) != Some(Target::Input) {
        return None;
    }
    let reference = Reference::of(expr)?;
    let mut path = vec!["input".to_owned()];
    if let Some(Imported::Input(names)) = module.imports.get(reference.head) {
        path.extend(names.iter().cloned());
    }
    path.extend(reference.static_prefix().map(str::to_owned));
    Some(path)
}

struct Members<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    findings: &'a mut Vec<Finding>,
}

impl Visitor for Members<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if let Some(path) = input_path(self.index, self.module, scope, expr) {
            self.path(expr, &path);
            return;
        }
        match expr {
            Expr::Call { fcn, params, .. } if callee(fcn).as_deref() == Some("object.get") => {
                if let [object, key, _] = params.as_slice() {
                    self.get(object, key, scope);
                }
            }
            Expr::BoolExpr {
                op: BoolOp::Eq | BoolOp::Ne,
                lhs,
                rhs,
                ..
            } => {
                self.words(lhs, &[rhs], scope);
                self.words(rhs, &[lhs], scope);
            }
            Expr::Membership {
                key: None,
                value,
                collection,
                ..
            } => {
                let items: Vec<&Expr> = texts(collection)
                    .into_iter()
                    .map(|(item, _)| item)
                    .collect();
                self.words(value, &items, scope);
            }
            _ => {}
        }
    }
}

impl Members<'_> {
    /// `object.get(input, ["arguments", "x"], …)`
    fn get(&mut self, object: &Expr, key: &Expr, scope: &Scope) {
        let Some(mut path) = input_path(self.index, self.module, scope, object) else {
            return;
        };
        match string(key) {
            Some(name) => path.push(name.to_owned()),
            None => path.extend(texts(key).into_iter().map(|(_, name)| name.to_owned())),
        }
        self.path(key, &path);
    }

    fn path(&mut self, expr: &Expr, path: &[String]) {
        for depth in 1..path.len() {
            let (Some(above), Some(name)) = (path.get(..depth), path.get(depth)) else {
                return;
            };
            let above = above.join(".");
            let object = INPUT_OBJECTS.iter().find(|(object, _)| *object == above);
            let Some((_, known)) = object else { return };
            if !known.contains(&name.as_str()) {
                self.unknown(expr, &above, name, known);
                return;
            }
        }
    }

    fn unknown(&mut self, expr: &Expr, above: &str, name: &str, known: &[&str]) {
        let (severity, hint) = match nearest(name, known) {
            Some(meant) => (Severity::Error, format!("write `{above}.{meant}`")),
            None => (
                Severity::Warning,
                format!("`{above}` has {}", known.join(", ")),
            ),
        };
        let message = format!("there is no `{above}.{name}`: it is undefined in every decision");
        let finding = (self.module).finding(expr.span(), severity, UNKNOWN, message, hint);
        self.findings.push(finding);
    }

    /// A comparison of one of `WORDS` with something that it never is.
    fn words(&mut self, read: &Expr, others: &[&Expr], scope: &Scope) {
        let Some(path) = input_path(self.index, self.module, scope, read) else {
            return;
        };
        let path = path.join(".");
        let Some((_, known)) = WORDS.iter().find(|(word, _)| *word == path) else {
            return;
        };
        let wrong = others
            .iter()
            .filter_map(|other| Some((other, string(other)?)));
        for (other, text) in wrong.filter(|(_, text)| !known.contains(text)) {
            let hint = match nearest(text, known) {
                Some(meant) => format!("write \"{meant}\""),
                None => format!("it is one of {}", known.join(", ")),
            };
            self.findings.push(self.module.finding(
                other.span(),
                Severity::Error,
                NEVER,
                format!("`{path}` is never \"{text}\""),
                hint,
            ));
        }
    }
}
