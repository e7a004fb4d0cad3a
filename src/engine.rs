//! Rego policies: the gate they must pass, compiling, evaluation. The only module that names
//! regorus.

pub(crate) mod ast;
pub(crate) mod gate;
