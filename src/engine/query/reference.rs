//! What may be asked for: a reference below `data` without variables.

use crate::engine::ast::{self, Step};
use crate::engine::compile::ENTRY_PACKAGE;
use crate::model::bundle::Module;
use regorus::unstable::{Expr, Rule, RuleHead};
use std::fmt;

/// A reference below `data`, such as `data.a.b[0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reference(pub(super) Vec<Key>);

/// One step of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A member, or a string in a set.
    Name(String),
    /// An item of an array, or a number in a set.
    Index(i64),
}

impl Reference {
    /// Reads a text; `None` if it is anything but a reference below `data` whose steps are strings
    /// and whole numbers.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let module = ast::parse(&Module {
            path: ENTRY_PACKAGE.to_owned(),
            source: format!("package {ENTRY_PACKAGE}\n\nq := {text}\n"),
            ..Module::default()
        });
        let module = module.ok()?.module;
        // A text with a line end can hold more than one expression.
        let [rule] = module.policy.as_slice() else {
            return None;
        };
        let Rule::Spec { head, bodies, .. } = rule.as_ref() else {
            return None;
        };
        let RuleHead::Compr {
            assign: Some(assign),
            ..
        } = head
        else {
            return None;
        };
        let reference = ast::Reference::of(&assign.value)?;
        if reference.head != "data" || !bodies.is_empty() || !module.imports.is_empty() {
            return None;
        }
        let keys = reference.steps.iter().map(|step| match step {
            Step::Name(name) => Some(Key::Name((*name).to_owned())),
            Step::Index(Expr::Number { value, .. }) => value.as_i64().ok().map(Key::Index),
            Step::Index(_) => None,
        });
        keys.collect::<Option<_>>().map(Self)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")?;
        self.0.iter().try_for_each(|key| match key {
            Key::Name(name) if ast::is_identifier(name) => write!(f, ".{name}"),
            Key::Name(name) => write!(f, "[{}]", crate::model::json::Json::from(name.as_str())),
            Key::Index(index) => write!(f, "[{index}]"),
        })
    }
}
