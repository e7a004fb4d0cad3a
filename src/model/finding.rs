//! What a check found in a policy: shown by `check`, and the reason why a set is refused.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// The register machine may not run this package; the interpreter may.
    InterpreterOnly,
    /// The set is refused.
    Error,
}

impl Severity {
    /// The name in `--output json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::InterpreterOnly => "interpreter_only",
            Self::Error => "error",
        }
    }
}

/// Something found in a policy, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// A stable name, such as `gate.recursion` or `fail_open`.
    pub code: &'static str,
    /// The package, such as `policies.contracts`; empty if it concerns none.
    pub package: String,
    /// The file, as named in the bundle.
    pub path: String,
    /// Line, from 1; 0 where `path` is a part of `data`, which may be of several files.
    pub line: u32,
    /// Column, from 1; 0 with the line.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead; empty if there is nothing to say.
    pub hint: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            line,
            column,
            code,
            message,
            hint,
            ..
        } = self;
        match (path.is_empty(), line) {
            (true, _) => write!(f, "{message} [{code}]")?,
            (false, 0) => write!(f, "{path}: {message} [{code}]")?,
            (false, _) => write!(f, "{path}:{line}:{column}: {message} [{code}]")?,
        }
        if hint.is_empty() {
            Ok(())
        } else {
            write!(f, "\n  {}", hint.replace('\n', "\n  "))
        }
    }
}
