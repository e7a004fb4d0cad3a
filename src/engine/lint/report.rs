//! What the lint says: what is wrong, and the safe form of just this expression.

use regorus::unstable::{BoolOp, Expr, Span};

use super::Lint;
use super::body::Env;
use super::facts::{Cause, Need, Ty};
use crate::engine::ast::{ParsedModule, Reference};
use crate::model::finding::Severity;

/// The code of the lint proper.
pub(super) const FAIL_OPEN: &str = "fail_open";
/// The code of what a value of another type slips past, though nothing is undefined.
pub(super) const MISTYPED: &str = "fail_open_type";

/// Where the offending expression stands.
#[derive(Clone, Copy)]
pub(super) enum Form<'e> {
    /// A statement that must hold.
    Statement(&'e Expr),
    /// What a variable is assigned.
    Assigned(&'e Expr),
    /// What `some … in` or `every` goes through.
    Collection(&'e Expr),
    /// Under a `not` that must not hold by accident.
    Not(&'e Expr),
    /// The element or value that a rule gives.
    Head(&'e Expr),
}

impl<'e> Form<'e> {
    const fn expr(self) -> &'e Expr {
        match self {
            Self::Statement(expr)
            | Self::Assigned(expr)
            | Self::Collection(expr)
            | Self::Not(expr)
            | Self::Head(expr) => expr,
        }
    }
}

/// The text of an expression on one line.
pub(super) fn text(expr: &Expr) -> String {
    one_line(whole(expr).text())
}

/// The span of an expression, whole: the parser leaves a string's quotes out of its span, and all
/// fields but the last out of an object's.
fn whole(expr: &Expr) -> Span {
    let mut span = expr.span().clone();
    let first = edge(expr, Edge::First);
    if is_string(first) {
        span.start = span.start.saturating_sub(1);
    }
    if let Expr::Object { fields, .. } = first
        && let Some((_, key, _)) = fields.first()
    {
        span.start = opening_brace(key.span()).unwrap_or(span.start);
    }
    if is_string(edge(expr, Edge::Last)) {
        span.end = span.end.saturating_add(1);
    }
    span
}

/// The offset of the brace before an object's first key.
fn opening_brace(key: &Span) -> Option<u32> {
    let end = usize::try_from(key.start).ok()?;
    let before = key.source.contents().get(..end)?;
    u32::try_from(before.rfind('{')?).ok()
}

fn is_string(expr: &Expr) -> bool {
    matches!(expr, Expr::String { .. } | Expr::RawString { .. })
}

#[derive(Clone, Copy)]
enum Edge {
    First,
    Last,
}

/// The first or the last operand of an expression of operators.
fn edge(expr: &Expr, which: Edge) -> &Expr {
    let (first, last) = match expr {
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => (lhs, rhs),
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => (key.as_ref().unwrap_or(value), collection),
        _ => return expr,
    };
    match which {
        Edge::First => edge(first, which),
        Edge::Last => edge(last, which),
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl<'a> Lint<'a> {
    /// Reports an expression whose `needs` are not met.
    pub(super) fn report(&mut self, env: &Env<'a>, form: Form<'_>, needs: &[Need]) {
        let Some(first) = needs.first() else {
            return;
        };
        if let Some(lift) = env.lift.clone() {
            let root = self.root;
            let call = one_line(lift.span.text());
            let message = format!(
                "`{call}` is true only if what it says is proven: where what it reads is absent or \
                 of another type, `{root}` does not fire"
            );
            let hint = "say what must hold instead, under `not`; for an argument, or write \
                        `tg.argument_present(name)` on a line of its own before"
                .to_owned();
            return self.add(lift.module, &lift.span, FAIL_OPEN, message, hint);
        }
        let same: Vec<&Need> = needs
            .iter()
            .filter(|need| need.cause == first.cause)
            .collect();
        let message = message(form, &same, self.root);
        let hint = hint(form, &same);
        self.add(env.module, &whole(form.expr()), FAIL_OPEN, message, hint);
    }

    /// Warns of an ordering or a membership test that is defined for a value of any type, but does
    /// not mean the same for all.
    pub(super) fn warn_mistyped(&mut self, env: &Env<'a>, expr: &Expr, of: &str, ty: Ty) {
        if env.lift.is_some() {
            return;
        }
        let (guard, said) = ty.guard();
        let shown = text(expr);
        let message = if ty == Ty::NUMBER {
            format!(
                "`{shown}` compares `{of}` whatever its type: null and booleans are below every \
                 number, text and lists above"
            )
        } else {
            format!("`{shown}` finds nothing in `{of}` where that is not {said}")
        };
        let hint = format!(
            "put what is allowed into a helper that begins with `{guard}({of})`, and write `not` \
             that helper"
        );
        self.add(env.module, &whole(expr), MISTYPED, message, hint);
    }

    fn add(
        &mut self,
        module: &'a ParsedModule,
        span: &Span,
        code: &'static str,
        message: String,
        hint: String,
    ) {
        if self.silent {
            return;
        }
        let severity = if code == FAIL_OPEN {
            self.severity
        } else {
            Severity::Warning
        };
        let finding = module.finding(span, severity, code, message, hint);
        let place = (
            finding.path.clone(),
            finding.line,
            finding.column,
            finding.code,
        );
        self.findings.entry(place).or_insert(finding);
    }
}

fn message(form: Form<'_>, needs: &[&Need], root: &str) -> String {
    let expr = text(form.expr());
    let which = texts(needs, " or ");
    if let Some(need) = needs.first().filter(|need| need.text == expr)
        && !matches!(form, Form::Not(_))
    {
        let state = match need.cause {
            Cause::Absent => "may be absent".to_owned(),
            Cause::Type(ty) => format!("may not be {}", ty.guard().1),
            Cause::Fails => "may fail".to_owned(),
        };
        return format!("`{expr}` {state}: then `{root}` does not fire");
    }
    let reason = match needs.first().map(|need| &need.cause) {
        Some(Cause::Type(ty)) => format!("`{which}` is not {}", ty.guard().1),
        Some(Cause::Fails) => format!("`{which}` fails"),
        Some(Cause::Absent) | None => format!("`{which}` is absent"),
    };
    let state = match form {
        Form::Not(_) => format!("`not {expr}` holds where {reason}"),
        Form::Head(_) => format!("`{expr}` has no value where {reason}"),
        Form::Statement(_) | Form::Assigned(_) | Form::Collection(_) => {
            format!("`{expr}` is undefined where {reason}")
        }
    };
    format!("{state}, so that `{root}` does not fire")
}

fn texts(needs: &[&Need], by: &str) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for need in needs {
        if !texts.contains(&need.text.as_str()) {
            texts.push(&need.text);
        }
    }
    texts.join(&format!("`{by}`"))
}

fn hint(form: Form<'_>, needs: &[&Need]) -> String {
    let Some(need) = needs.first() else {
        return String::new();
    };
    let of = texts(needs, " and ");
    let helper = "put what is allowed into a helper and write `not` that helper";
    match (&need.cause, form) {
        (Cause::Absent, Form::Not(_)) => {
            format!(
                "write `{of}` {} before it: the helper then does not hold without",
                own_line(&of)
            )
        }
        (Cause::Absent, Form::Assigned(expr)) => match with_default(expr, &need.text) {
            Some(default) => format!("{}, or `{default}`", accept(&of)),
            None => accept(&of),
        },
        (Cause::Absent, Form::Statement(expr)) => match negated(expr) {
            Some(safe) => format!("{safe}; or {}", accept(&of)),
            None => format!("{helper}; or {}", accept(&of)),
        },
        (Cause::Absent, Form::Collection(_) | Form::Head(_)) => accept(&of),
        (Cause::Type(ty), Form::Not(_)) => {
            let guard = ty.guard().0;
            format!(
                "write `{guard}({of})` on a line of its own before it: the helper then does not \
                 hold for other types"
            )
        }
        (Cause::Type(ty), _) => {
            let guard = ty.guard().0;
            format!(
                "put `{guard}({of})` and what is allowed into a helper and write `not` that helper; \
                 or write `{guard}({of})` on a line of its own before it if the rule does not apply \
                 to other types"
            )
        }
        (Cause::Fails, Form::Not(_)) => format!(
            "write `{of}` as a condition of its own before it: where it fails, the helper then does not hold"
        ),
        (Cause::Fails, Form::Head(_)) if of.starts_with("sprintf") => {
            "write `%v` for each value of the list, and as many values as there are `%v`".to_owned()
        }
        (Cause::Fails, _) => helper.to_owned(),
    }
}

fn accept(of: &str) -> String {
    format!(
        "write `{of}` {} before it if the rule does not apply without",
        own_line(of)
    )
}

/// `of` may be several, joined by "and".
fn own_line(of: &str) -> &'static str {
    if of.contains("` and `") {
        "each on a line of its own"
    } else {
        "on a line of its own"
    }
}

/// `object.get(base, "field", …)` for an assigned reference.
fn with_default(expr: &Expr, need: &str) -> Option<String> {
    if text(expr) != need {
        return None;
    }
    let Expr::RefDot { refr, field, .. } = expr else {
        return None;
    };
    Reference::of(expr)?;
    Some(format!(
        "object.get({}, \"{}\", …)",
        text(refr),
        field.0.text()
    ))
}

/// How to write the same condition under `not`, which holds where it is undefined. OPA takes
/// `not a == b` so only for plain references and constants; anything else needs a rule of its own.
fn negated(expr: &Expr) -> Option<String> {
    let Expr::BoolExpr { op, lhs, rhs, .. } = expr else {
        return None;
    };
    let opposite = match op {
        BoolOp::Eq => "!=",
        BoolOp::Ne => "==",
        BoolOp::Lt => ">=",
        BoolOp::Le => ">",
        BoolOp::Gt => "<=",
        BoolOp::Ge => "<",
    };
    let (allowed, whole) = (
        format!("{} {opposite} {}", text(lhs), text(rhs)),
        text(expr),
    );
    Some(if *op == BoolOp::Ne && is_plain(lhs) && is_plain(rhs) {
        format!("write `not {allowed}` in place of `{whole}`")
    } else {
        format!("write `not ok` in place of `{whole}`, with a rule `ok if {allowed}`")
    })
}

/// Whether an expression is a constant, or a reference made of names.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        other => Reference::of(other).is_some_and(|reference| reference.is_static()),
    }
}
