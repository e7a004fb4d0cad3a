//! What a check found, before it is known what follows from it.

use regorus::unstable::Span;

use crate::engine::ast::ParsedModule;
use crate::model::finding::{Finding, Severity};

/// Which evaluator would not give OPA's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bars {
    /// Neither would.
    Both,
    /// The register machine would not; the interpreter does.
    Rvm,
    /// The interpreter would not; the register machine does.
    Interpreter,
}

/// One thing found.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) bars: Bars,
    pub(crate) finding: Finding,
}

/// What the checks write to.
pub(crate) struct Issues<'a> {
    pub(crate) module: &'a ParsedModule,
    pub(crate) found: &'a mut Vec<Issue>,
}

impl Issues<'_> {
    /// Neither evaluator may run this.
    pub(crate) fn refuse(
        &mut self,
        span: &Span,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Bars::Both, span, code, message, hint);
    }

    /// Only one evaluator may run this, or neither.
    pub(crate) fn add(
        &mut self,
        bars: Bars,
        span: &Span,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let severity = match bars {
            Bars::Both | Bars::Interpreter => Severity::Error,
            Bars::Rvm => Severity::InterpreterOnly,
        };
        let finding = self.module.finding(span, severity, code, message, hint);
        self.found.push(Issue { bars, finding });
    }
}
