//! The address of a document below `data`.

use std::fmt;

/// The path of a rule, package or document below `data`, such as `data.policies.contracts.deny`:
/// the components after `data`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DataPath(pub(crate) Vec<String>);

impl DataPath {
    /// This path and one component more.
    #[must_use]
    pub(crate) fn join(&self, component: &str) -> Self {
        let mut path = self.clone();
        path.0.push(component.to_owned());
        path
    }

    /// Whether `self` is `prefix` or lies below it.
    #[must_use]
    pub(crate) fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl<S: Into<String>> FromIterator<S> for DataPath {
    fn from_iter<I: IntoIterator<Item = S>>(components: I) -> Self {
        Self(components.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("data")?;
        self.0.iter().try_for_each(|component| {
            if is_identifier(component) {
                write!(f, ".{component}")
            } else {
                write!(f, "[{component:?}]")
            }
        })
    }
}

/// Whether `text` can be written after a dot.
#[must_use]
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
