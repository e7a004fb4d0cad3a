//! Texts with a syntax of their own: regular expressions and formats.

/// Longest regular expression.
const MAX_REGEX_CHARS: usize = 256;
/// Greatest count in `{n,m}`.
const MAX_REGEX_REPEAT: u32 = 100;

/// Checks that RE2 and Rust's `regex` read a pattern alike, and that it is small.
///
/// Left out on purpose: `\d`, `\w`, `\s`, `\b` (Unicode here, ASCII there), flags, named groups,
/// `[[:class:]]`, and `&&`, `--`, `~~` within a class (operators here, characters there).
///
/// # Errors
/// Says what is not shared.
pub(crate) fn check_regex(pattern: &str) -> Result<(), String> {
    if pattern.chars().count() > MAX_REGEX_CHARS {
        return Err(format!(
            "the pattern has more than {MAX_REGEX_CHARS} characters"
        ));
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut rest = chars.as_slice();
    let mut open_groups = 0usize;
    // Whether a repetition may follow.
    let mut repeatable = false;
    while let Some((&c, after)) = rest.split_first() {
        rest = after;
        repeatable = match c {
            '\\' if matches!(rest.first(), Some('A' | 'z')) => {
                rest = rest.get(1..).unwrap_or_default();
                false
            }
            '\\' => {
                rest = escape(rest)?;
                true
            }
            '[' => {
                rest = class(rest)?;
                true
            }
            '(' => {
                if rest.first() == Some(&'?') {
                    match rest.get(1) {
                        Some(':') => rest = rest.get(2..).unwrap_or_default(),
                        _ => return Err("groups with flags or names".to_owned()),
                    }
                }
                open_groups += 1;
                false
            }
            ')' => {
                open_groups = open_groups.checked_sub(1).ok_or("`)` without `(`")?;
                true
            }
            '*' | '+' | '?' | '{' if !repeatable => {
                return Err(format!("`{c}` with nothing to repeat"));
            }
            '*' | '+' | '?' => {
                rest = lazy(rest);
                false
            }
            '{' => {
                rest = lazy(repeat(rest)?);
                false
            }
            '}' | ']' => return Err(format!("`{c}` that closes nothing; write `\\{c}`")),
            '^' | '$' | '|' => false,
            _ => true,
        };
    }
    if open_groups > 0 {
        return Err("`(` without `)`".to_owned());
    }
    Ok(())
}

fn escape(rest: &[char]) -> Result<&[char], String> {
    match rest.split_first() {
        Some((c, rest)) if c.is_ascii_punctuation() && *c != '<' && *c != '>' => Ok(rest),
        Some((c, _)) => Err(format!(
            "`\\{c}`: write a class such as [0-9] or [A-Za-z0-9_]"
        )),
        None => Err("`\\` at the end".to_owned()),
    }
}

fn lazy(rest: &[char]) -> &[char] {
    match rest.split_first() {
        Some(('?', rest)) => rest,
        _ => rest,
    }
}

/// `{n}`, `{n,}` or `{n,m}`, after the `{`.
fn repeat(rest: &[char]) -> Result<&[char], String> {
    let end = rest
        .iter()
        .position(|&c| c == '}')
        .ok_or("`{` without `}`; write `\\{`")?;
    let (counts, rest) = rest.split_at(end);
    let counts: String = counts.iter().collect();
    let bounds: Vec<&str> = counts.splitn(2, ',').collect();
    let number = |text: &str| text.parse::<u32>().ok().filter(|n| *n <= MAX_REGEX_REPEAT);
    let good = match bounds.as_slice() {
        [exact] => number(exact).is_some(),
        [least, ""] => number(least).is_some(),
        [least, most] => matches!((number(least), number(most)), (Some(a), Some(b)) if a <= b),
        _ => false,
    };
    if !good {
        return Err(format!(
            "`{{{counts}}}` is no repetition of up to {MAX_REGEX_REPEAT}; for the character, write `\\{{`"
        ));
    }
    Ok(rest.get(1..).unwrap_or_default())
}

/// A class, after the `[`.
fn class(rest: &[char]) -> Result<&[char], String> {
    let mut rest = match rest.split_first() {
        Some(('^', rest)) => rest,
        _ => rest,
    };
    let mut empty = true;
    let mut previous = None;
    while let Some((&c, after)) = rest.split_first() {
        rest = match c {
            ']' if empty => return Err("`]` first in a class; write `\\]`".to_owned()),
            ']' => return Ok(after),
            '[' => return Err("`[` within a class; write `\\[`".to_owned()),
            '&' | '~' | '-' if previous == Some(c) => {
                return Err(format!("`{c}{c}` within a class; write `\\{c}`"));
            }
            '\\' => escape(after)?,
            _ => after,
        };
        previous = Some(c);
        empty = false;
    }
    Err("`[` without `]`; write `\\[`".to_owned())
}

/// The number of values that a format takes; `None` if it uses more than `%s`, `%d`, `%v`, `%%`.
#[must_use]
pub(crate) fn verbs(format: &str) -> Option<usize> {
    let mut chars = format.chars();
    let mut count = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        match chars.next()? {
            's' | 'd' | 'v' => count += 1,
            '%' => {}
            _ => return None,
        }
    }
    Some(count)
}
