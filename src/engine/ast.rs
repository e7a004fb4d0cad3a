//! The syntax of Rego modules: parsed once, then read by the gate and by the lints.
//!
//! Parsing is bounded before it starts (see [`shape`]): regorus' parser recurses without a limit
//! and takes time exponential in the nesting of brackets.

mod index;
mod names;
mod parse;
mod path;
mod refs;
mod shape;
#[cfg(test)]
mod tests;
mod visit;

pub(crate) use index::{Index, RuleDef, Target, head_ref, rule_path};
pub(crate) use names::{Scope, declared, is_document, variables};
pub(crate) use parse::{Imported, ParsedModule, alias, parse, position};
pub(crate) use path::{DataPath, is_identifier};
pub(crate) use refs::{Reference, Step, callee, string};
pub(crate) use visit::{Visitor, head_args, walk_rule};
