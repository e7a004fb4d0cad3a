//! Paths within a bundle: one spelling for each file, and none that leads out.

#[cfg(test)]
mod tests;

use super::{Limits, PATH_BYTES_MAX, RESERVED_PREFIX, SourceError};

/// The one spelling of a path: no leading `/` (`opa build` writes one) or `./`, one `/` between
/// names. The empty path is the bundle's root.
///
/// # Errors
/// A path that leads out of the bundle, is no UTF-8, is deeper or longer than the limit, has
/// control characters or backslashes, or a name that is reserved.
pub fn normalize(raw: &[u8], limits: &Limits) -> Result<String, SourceError> {
    let shown = || printable(raw);
    let bad = |what| SourceError::BadPath {
        path: shown(),
        what,
    };
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(bad("invalid UTF-8"));
    };
    if text.len() > PATH_BYTES_MAX {
        return Err(bad("more than 1024 bytes"));
    }
    if text.contains('\\') {
        return Err(bad("a backslash"));
    }
    if text.chars().any(char::is_control) {
        return Err(bad("a control character"));
    }
    let names: Vec<&str> = text
        .split('/')
        .filter(|name| !name.is_empty() && *name != ".")
        .collect();
    if names.contains(&"..") {
        return Err(SourceError::Escapes(shown()));
    }
    if names.len() > limits.depth_max + 1 {
        return Err(SourceError::TooDeep {
            path: shown(),
            depth_max: limits.depth_max,
        });
    }
    let path = names.join("/");
    if path.starts_with(RESERVED_PREFIX) {
        return Err(bad("the reserved prefix `toolgate:`"));
    }
    Ok(path)
}

/// A path as an error may show it: printable and of bounded length.
pub fn printable(raw: &[u8]) -> String {
    const SHOWN_CHARS_MAX: usize = 200;
    String::from_utf8_lossy(raw)
        .chars()
        .take(SHOWN_CHARS_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
