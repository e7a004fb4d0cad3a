//! Findings as people and programs read them.

use super::output::Colour;
use super::{CliError, Exit, Output};
use crate::engine::Refused;
use crate::model::finding::{Finding, Severity};
use crate::model::json::Json;

/// A finding as JSON.
pub(super) fn json(finding: &Finding) -> Json {
    Json::object([
        ("severity", Json::from(finding.severity.as_str())),
        ("code", finding.code.into()),
        ("package", finding.package.as_str().into()),
        ("file", finding.path.as_str().into()),
        ("line", u64::from(finding.line).into()),
        ("column", u64::from(finding.column).into()),
        ("message", finding.message.as_str().into()),
        ("hint", finding.hint.as_str().into()),
    ])
}

/// A finding as lines: where, how bad, what, and below it what to write instead.
pub(super) fn lines(output: &Output, finding: &Finding) -> String {
    let (colour, severity) = match finding.severity {
        Severity::Error => (Colour::Red, "error"),
        Severity::InterpreterOnly => (Colour::Dim, "interpreter only"),
        Severity::Warning => (Colour::Yellow, "warning"),
    };
    let place = match (finding.path.is_empty(), finding.line) {
        (true, _) => String::new(),
        (false, 0) => format!("{}: ", finding.path),
        (false, _) => format!("{}:{}:{}: ", finding.path, finding.line, finding.column),
    };
    let mut lines = format!(
        "{}{}: {} {}",
        output.paint(Colour::Bold, &place),
        output.paint(colour, severity),
        finding.message,
        output.paint(Colour::Dim, &format!("[{}]", finding.code)),
    );
    for hint in finding.hint.lines() {
        lines.push_str("\n  ");
        lines.push_str(hint);
    }
    lines
}

/// A set that is refused: everything that was found, as an error.
pub(super) fn refused(refused: &Refused) -> CliError {
    CliError {
        message: format!("the policies are refused\n{refused}"),
        exit: Exit::Unusable,
    }
}
