//! Patterns of names in the configuration: exact, or a prefix with `*` at its end.

/// A pattern of names: `crm` matches that name alone, `agent_*` each that starts so, `*` each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    prefix: bool,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Empty text would match nothing.
    #[error("a pattern may not be empty")]
    Empty,
    /// A `*` elsewhere would look as if it meant something.
    #[error("`{0}` has a `*` that is not at its end")]
    Star(String),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Empty text, or a `*` that is not the last character.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (stem, prefix) = match text.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (text, false),
        };
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if stem.contains('*') {
            return Err(PatternError::Star(text.to_owned()));
        }
        Ok(Self {
            text: stem.to_owned(),
            prefix,
        })
    }

    /// The pattern that every name matches.
    #[must_use]
    pub fn any() -> Self {
        Self {
            text: String::new(),
            prefix: true,
        }
    }

    /// Whether it is for one name alone.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.prefix
    }

    /// Whether a name matches, byte for byte.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        if self.prefix {
            name.starts_with(&self.text)
        } else {
            name == self.text
        }
    }
}

/// Whether any of the patterns matches.
pub(super) fn any_matches(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}
