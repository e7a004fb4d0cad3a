//! From text to syntax tree, with errors that name file, line and column.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regorus::unstable::{Import, Module, Parser, Source, Span};

use super::path::DataPath;
use super::refs::Reference;
use super::shape;
use crate::model::bundle::{self, RegoVersion};
use crate::model::finding::{Finding, Severity};

/// A module and its syntax tree.
pub(crate) struct ParsedModule {
    /// The path within its bundle.
    pub(crate) path: String,
    /// The package as written, such as `policies.contracts`.
    pub(crate) package: String,
    /// Where the package's rules stand: its components.
    pub(crate) package_path: DataPath,
    /// What the imports name: alias to `data…` or `input…`.
    pub(crate) imports: BTreeMap<String, Imported>,
    /// The syntax tree.
    pub(crate) module: Module,
}

/// What an import's alias stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Imported {
    /// A document below `data`.
    Data(DataPath),
    /// `input` or a part of it.
    Input(Vec<String>),
}

impl ParsedModule {
    /// A finding at `span`.
    #[must_use]
    pub(crate) fn finding(
        &self,
        span: &Span,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        let (line, column) = position(span);
        Finding {
            severity,
            code,
            package: self.package.clone(),
            path: self.path.clone(),
            line,
            column,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Parses one module.
///
/// # Errors
/// Says where the text is not Rego of its version, or why it is refused before it is parsed.
pub(crate) fn parse(module: &bundle::Module) -> Result<ParsedModule, Finding> {
    shape::check(module)?;
    // A panic of the parser is a bug of regorus; a policy that meets one is refused, not fatal.
    let parsed = catch_unwind(AssertUnwindSafe(|| syntax(module)))
        .unwrap_or_else(|_| Err("error: the parser panicked".to_owned()))
        .map_err(|error| syntax_error(module, &error))?;
    let package_path: DataPath = Reference::of(&parsed.package.refr)
        .map(|reference| {
            std::iter::once(reference.head)
                .chain(reference.static_prefix())
                .collect()
        })
        .unwrap_or_default();
    Ok(ParsedModule {
        path: module.path.clone(),
        package: package_path.0.join("."),
        package_path,
        imports: parsed.imports.iter().filter_map(imported).collect(),
        module: parsed,
    })
}

fn syntax(module: &bundle::Module) -> Result<Module, String> {
    let parse = || {
        let source = Source::from_contents(module.path.clone(), module.source.clone())?;
        let mut parser = Parser::new(&source)?;
        if module.rego == RegoVersion::V1 {
            parser.enable_rego_v1()?;
        }
        parser.parse()
    };
    parse().map_err(|error| error.to_string())
}

/// The name that an import has in its module.
pub(crate) fn alias(import: &Import) -> Option<&str> {
    let reference = Reference::of(&import.refr)?;
    Some(match &import.r#as {
        Some(span) => span.text(),
        None => reference.static_prefix().last().unwrap_or(reference.head),
    })
}

/// The alias and what it stands for; `None` for `rego.v1` and `future.keywords`.
fn imported(import: &Import) -> Option<(String, Imported)> {
    let reference = Reference::of(&import.refr)?;
    let names: Vec<String> = reference.static_prefix().map(str::to_owned).collect();
    let alias = alias(import)?;
    let imported = match reference.head {
        "data" => Imported::Data(DataPath(names)),
        "input" => Imported::Input(names),
        _ => return None,
    };
    Some((alias.to_owned(), imported))
}

/// regorus says `--> path:line:column`, then the line, then `error: message`; or, for some
/// declarations, `path:line:column error: message`.
fn syntax_error(module: &bundle::Module, error: &str) -> Finding {
    let place = error
        .lines()
        .filter_map(|line| {
            let line = line.strip_prefix("--> ").unwrap_or(line);
            line.strip_prefix(&module.path)?.strip_prefix(':')
        })
        .find_map(|place| {
            let place = place.split(' ').next().unwrap_or_default();
            let (line, column) = place.split_once(':')?;
            Some((line.parse().ok()?, column.parse().ok()?))
        });
    let (line, column) = place.unwrap_or((1, 1));
    let message = error
        .lines()
        .find_map(|line| line.split_once("error: ").map(|(_, message)| message))
        .or_else(|| error.lines().last())
        .unwrap_or_default();
    let (message, hint) = match unclosed(module, message, line, column) {
        Some((message, hint)) => (message, hint),
        None => (
            message.trim().trim_end_matches('.'),
            hint(message, module.rego),
        ),
    };
    Finding {
        severity: Severity::Error,
        code: "gate.syntax",
        package: String::new(),
        path: module.path.clone(),
        line,
        column,
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

/// What regorus says of a string that has no end, in the words of its author.
fn unclosed(
    module: &bundle::Module,
    message: &str,
    line: u32,
    column: u32,
) -> Option<(&'static str, &'static str)> {
    if message.contains("unmatched `") {
        return Some((
            "this raw string is never closed",
            "write a backtick at its end",
        ));
    }
    let line = usize::try_from(line.checked_sub(1)?).ok()?;
    let text = module.source.lines().nth(line);
    let column = usize::try_from(column).ok()?;
    let is_at_end = text.is_none_or(|text| column > text.chars().count());
    let is_cut = message.contains("in string") && is_at_end;
    (is_cut || message.contains("unmatched \"")).then_some((
        "a string is not closed on this line",
        "write `\"` at its end; text of several lines stands between backticks",
    ))
}

fn hint(message: &str, rego: RegoVersion) -> &'static str {
    const V0: &str = "the manifest says that this module is Rego v0, where `if`, `contains`, `in` and \
                      `every` need `import future.keywords`; `opa fmt --v0-v1 -w` makes it v1";
    const V1: &str = "policies are Rego v1: write `if` before a rule's body and `contains` in a \
                      partial set, as in `deny contains \"code\" if { … }`";
    if rego == RegoVersion::V0 {
        V0
    } else if message.contains("`if`") || message.contains("`contains`") {
        V1
    } else {
        ""
    }
}

/// Line and column of a span's start, both from 1; the column counts characters.
///
/// Worked out from the offset: regorus counts a tab as four columns.
#[must_use]
pub(crate) fn position(span: &Span) -> (u32, u32) {
    let offset = usize::try_from(span.start).unwrap_or(usize::MAX);
    let before = span.source.contents().get(..offset).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    let column = before
        .get(line_start..)
        .map_or(0, |text| text.chars().count())
        + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}
