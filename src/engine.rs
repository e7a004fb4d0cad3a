//! Rego policies: the gate they must pass, compiling, evaluation. The only module that names
//! regorus.

pub(crate) mod ast;
mod replica;
mod set;
mod value;

pub use replica::{EvaluationError, EvaluationLimits};
pub use set::{Input, Package, PolicySet, SetName, Sets};
pub use value::Inexact;
