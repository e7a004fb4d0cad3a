//! The package that a Rego module says it is of: which data it owns, before anything is compiled.
//!
//! A module starts with `package`, and only comments may come before it, so this needs no Rego
//! parser. It is stricter than Rego: what it does not understand is refused, so that no parser can
//! read another package out of the same text.

#[cfg(test)]
mod tests;

/// The path of a module's package, such as `["policies", "contracts"]`; `None` if the module does
/// not start with a plainly written `package`.
pub fn of(source: &str) -> Option<Vec<String>> {
    let rest = skip_space(source).strip_prefix("package")?;
    let mut rest = rest
        .strip_prefix([' ', '\t'])?
        .trim_start_matches([' ', '\t']);
    let (first, after) = identifier(rest)?;
    let mut path = vec![first];
    rest = after;
    while let Some((name, after)) = segment(rest) {
        path.push(name?);
        rest = after;
    }
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n', '#']);
    // A dot or bracket on a later line may be read as more of the path.
    let goes_on = skip_space(rest).starts_with(['.', '[']);
    (ends && !goes_on).then_some(path)
}

/// Skips blanks, line ends and comments.
fn skip_space(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches([' ', '\t', '\r', '\n']);
        match text.strip_prefix('#') {
            Some(comment) => text = comment.split_once('\n').map_or("", |(_, rest)| rest),
            None => return text,
        }
    }
}

/// `.name` or `["name"]`, if one follows; its name is `None` if it is not plainly written.
fn segment(text: &str) -> Option<(Option<String>, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        return Some(match identifier(rest) {
            Some((name, rest)) => (Some(name), rest),
            None => (None, rest),
        });
    }
    let rest = text.strip_prefix('[')?;
    let quoted = rest
        .strip_prefix('"')
        .and_then(|rest| rest.split_once("\"]"));
    Some(match quoted {
        Some((name, rest)) if is_plain(name) => (Some(name.to_owned()), rest),
        _ => (None, rest),
    })
}

/// A quoted name without escapes or quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\\', '"', '\n', '\r'])
}

fn identifier(text: &str) -> Option<(String, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well.then(|| (name.to_owned(), rest))
}
