//! Rego v0: what regorus reads of it as OPA does, which is what has one meaning in v1.
//!
//! Once parsed, a module of v0 is judged and run as one of v1: the syntax tree is the same. So here
//! is refused what regorus' parser takes for something else, and names that v1 does not allow:
//! keywords that are not imported, rules without a body, rules called `input`.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Lexer, Rule, RuleHead, Source, Span, TokenKind};

use super::issue::Issues;
use crate::engine::ast::{Reference, head_ref, is_document};

/// Words that are keywords where they are imported.
const KEYWORDS: [&str; 4] = ["contains", "every", "if", "in"];
const CODE: &str = "gate.rego_version";
const MIGRATE: &str = "or rewrite the module with `opa fmt --v0-v1 -w`, and the manifest's version";

/// Checks a module of v0; one that imports `rego.v1` is parsed as v1 already.
pub(super) fn check(issues: &mut Issues<'_>) {
    let module = issues.module;
    if module.module.rego_v1 {
        return;
    }
    keywords(issues);
    for rule in &module.module.policy {
        match rule.as_ref() {
            Rule::Default { refr, .. } => head_name(issues, refr),
            Rule::Spec {
                head, bodies, span, ..
            } => {
                head_name(issues, head_ref(head));
                if bodies.is_empty() && !has_value(head) {
                    let hint = format!("write `{{ true }}` behind it, {MIGRATE}");
                    issues.refuse(span, CODE, "a rule of Rego v0 without a body", hint);
                }
            }
        }
    }
}

/// Words that regorus, unlike OPA, takes for names where they are not imported.
fn keywords(issues: &mut Issues<'_>) {
    let imported = imported(issues);
    let source = issues.module.module.package.span.source.clone();
    for (word, span) in words(&source) {
        if KEYWORDS.contains(&word) && !imported.contains(word) {
            let message = format!("`{word}` is used and not imported");
            let hint = format!("write `import future.keywords.{word}`, {MIGRATE}");
            issues.refuse(&span, CODE, message, hint);
        }
    }
}

fn imported(issues: &Issues<'_>) -> BTreeSet<&'static str> {
    let mut imported = BTreeSet::new();
    for import in &issues.module.module.imports {
        let Some(reference) = Reference::of(&import.refr) else {
            continue;
        };
        let path: Vec<&str> = reference.static_prefix().collect();
        match (reference.head, path.as_slice()) {
            ("future", ["keywords"]) => imported.extend(KEYWORDS),
            ("future", ["keywords", word]) => {
                imported.extend(KEYWORDS.into_iter().filter(|known| known == word));
                // `every x in xs`
                imported.extend((*word == "every").then_some("in"));
            }
            _ => {}
        }
    }
    imported
}

/// The words of a text, but for those behind a dot, which are names, and the builtin `contains`.
fn words(source: &Source) -> Vec<(&'static str, Span)> {
    let mut lexer = Lexer::new(source);
    let mut found: Vec<(&'static str, Span)> = Vec::new();
    let mut is_behind_dot = false;
    let mut may_be_call = false;
    while let Ok(token) = lexer.next_token() {
        let text = match token.0 {
            TokenKind::Eof => break,
            TokenKind::String | TokenKind::RawString => "",
            _ => token.1.text(),
        };
        if may_be_call && text == "(" {
            found.pop();
        }
        let word = KEYWORDS.into_iter().find(|keyword| *keyword == text);
        let word = word.filter(|_| !is_behind_dot);
        may_be_call = word == Some("contains");
        is_behind_dot = text == ".";
        found.extend(word.map(|word| (word, token.1.clone())));
    }
    found
}

/// Whether a head says what its rule gives where it has no body: `x = 1`, `x contains 1`.
fn has_value(head: &RuleHead) -> bool {
    match head {
        RuleHead::Compr { assign, .. } | RuleHead::Func { assign, .. } => assign.is_some(),
        RuleHead::Set { refr, key, .. } => {
            let span = refr.span();
            let end = usize::try_from(span.end).unwrap_or(usize::MAX);
            let behind = span.source.contents().get(end..).unwrap_or_default();
            key.is_some() && !behind.trim_start().starts_with('[')
        }
    }
}

fn head_name(issues: &mut Issues<'_>, refr: &Expr) {
    let reference = Reference::of(refr).filter(|reference| is_document(reference.head));
    if let Some(Reference {
        head, head_span, ..
    }) = reference
    {
        let hint = format!("give it another name, {MIGRATE}");
        issues.refuse(
            head_span,
            CODE,
            format!("`{head}` has another meaning"),
            hint,
        );
    }
}
