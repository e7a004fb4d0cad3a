//! Rego policies: the gate they must pass, compiling, evaluation. The only module that names
//! regorus.

mod ast;
mod builtins;
mod check;
mod compile;
mod costs;
mod gate;
mod lint;
mod memo;
mod metadata;
mod parts;
mod query;
mod reads;
mod replica;
mod reuse;
mod scope;
mod set;
mod suggest;
mod testing;
mod trace;
mod value;
mod view;

pub use compile::{Options, Refused, STACK_BYTES, explain_scope, findings};
pub use costs::{RuleCost, rule_costs};
pub use lint::ScopeRow;
pub use memo::MEMO_ANSWERS_MAX;
pub use query::{QueryError, query};
pub use replica::{EvaluationError, EvaluationLimits};
pub use reuse::{Compiled, Compiler};
pub use set::{Answered, ElementCheck, Input, Package, PolicySet, SetName, Sets, Unreadable};
pub use testing::{FileCoverage, Outcome, TestPlan, TestReport, TestResult, run_tests};
pub use trace::{OtherEngine, Trace, TraceLimits, TracedRule, trace, trace_set};
pub use value::Inexact;
