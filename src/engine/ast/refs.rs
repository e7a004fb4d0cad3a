//! References: a name and the steps taken from it.

use regorus::unstable::{Expr, Span};

/// One step of a reference.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// `.name` or `["name"]`.
    Name(&'a str),
    /// `[expression]` that is not a string: a variable, a number, `_`, a reference.
    Index(&'a Expr),
}

/// A reference such as `input.arguments.region`, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Reference<'a> {
    /// Where it starts from: a variable, `input`, `data`, an import.
    pub(crate) head: &'a str,
    /// Where the head stands.
    pub(crate) head_span: &'a Span,
    /// What is read below the head, in order.
    pub(crate) steps: Vec<Step<'a>>,
}

impl<'a> Reference<'a> {
    /// Takes a variable or a reference that starts from one apart; `None` for anything else, such
    /// as `f(x).y` or `[1, 2][i]`.
    #[must_use]
    pub(crate) fn of(expr: &'a Expr) -> Option<Self> {
        let mut steps = Vec::new();
        let mut at = expr;
        loop {
            match at {
                Expr::Var { span, .. } => {
                    steps.reverse();
                    return Some(Self {
                        head: span.text(),
                        head_span: span,
                        steps,
                    });
                }
                Expr::RefDot { refr, field, .. } => {
                    steps.push(Step::Name(field.0.text()));
                    at = refr;
                }
                Expr::RefBrack { refr, index, .. } => {
                    steps.push(string(index).map_or(Step::Index(index), Step::Name));
                    at = refr;
                }
                _ => return None,
            }
        }
    }

    /// The names up to the first step that is not one.
    pub(crate) fn static_prefix(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().map_while(|step| match step {
            Step::Name(name) => Some(*name),
            Step::Index(_) => None,
        })
    }

    /// Whether every step is a name.
    #[must_use]
    pub(crate) fn is_static(&self) -> bool {
        self.steps.iter().all(|step| matches!(step, Step::Name(_)))
    }
}

/// The text of a string literal.
#[must_use]
pub(crate) fn string(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::String { value, .. } | Expr::RawString { value, .. } => {
            value.as_string().ok().map(AsRef::as_ref)
        }
        _ => None,
    }
}

/// The name that a call calls, such as `startswith` or `tg.has_role`, if it is a plain name.
#[must_use]
pub(crate) fn callee(fcn: &Expr) -> Option<String> {
    let reference = Reference::of(fcn)?;
    reference.is_static().then(|| {
        std::iter::once(reference.head)
            .chain(reference.static_prefix())
            .collect::<Vec<_>>()
            .join(".")
    })
}
