//! Values from outside the file: environment variables, and flags, which win over them.

use std::collections::BTreeMap;

/// What every environment variable of the configuration starts with.
pub(super) const PREFIX: &str = "TOOLGATE_";

/// Values that win over the file's. `listen.tcp` is `TOOLGATE_LISTEN_TCP` in the environment;
/// lists are separated by commas; `[[bundles]]` and `[[callers]]` stand in the file alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(BTreeMap<String, Override>);

/// One such value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) value: String,
    /// What its user calls it: the variable, or the flag.
    pub(super) name: String,
}

impl Overrides {
    /// Nothing wins over the file.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The variables whose names start with `TOOLGATE_`.
    #[must_use]
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours = variables
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX));
        let named = |(name, value): (String, String)| {
            let of_name = name.clone();
            (of_name, Override { value, name })
        };
        Self(ours.map(named).collect())
    }

    /// The variables of this process. One that is not UTF-8 is left out.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self::from_environment(std::env::vars_os().filter_map(text))
    }

    /// Sets a key such as `listen.tcp`; `flag` is what the user typed, such as `--tcp`.
    pub fn set(&mut self, key: &str, value: impl Into<String>, flag: &str) {
        let set = Override {
            value: value.into(),
            name: flag.to_owned(),
        };
        self.0.insert(variable(key), set);
    }

    pub(super) fn get(&self, key: &str) -> Option<&Override> {
        self.0.get(&variable(key))
    }

    /// Whether anything is set within a section such as `listen.tls`.
    pub(super) fn reach_into(&self, section: &str) -> bool {
        let start = variable(section) + "_";
        self.0.keys().any(|name| name.starts_with(&start))
    }

    /// The variables that are set.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// The variable of a key: `listen.tcp` is `TOOLGATE_LISTEN_TCP`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}
