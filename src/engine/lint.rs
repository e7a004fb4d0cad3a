use super::ast::ParsedModule;
use crate::model::finding::{Finding, Severity};
pub(crate) fn fail_open(_m: &[ParsedModule], _s: Severity) -> Vec<Finding> {
    vec![]
}
