//! `.manifest`: what a bundle says of itself, in OPA's format.

mod change;
#[cfg(test)]
mod tests;
mod versions;

pub use change::CHANGE_TEXT_BYTES_MAX;
pub use versions::{Disagree, Versions};

use crate::model::bundle::Change;
use crate::model::json::{self, Json, JsonError, Limits, Object};

/// Where the manifest is, within the bundle.
pub const PATH: &str = ".manifest";
/// Longest revision, in bytes: it is in each reply and each record.
pub const REVISION_BYTES_MAX: usize = 256;
const MANIFEST_BYTES_MAX: usize = 1 << 20;
const MANIFEST_DEPTH_MAX: usize = 16;
const KEYS: [&str; 6] = [
    "file_rego_versions",
    "metadata",
    "rego_version",
    "revision",
    "roots",
    "wasm",
];
/// A key that differs in more characters than this is not taken for a typing error.
const TYPO_DISTANCE_MAX: usize = 3;

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The author's name for this state of the bundle; empty if there is none.
    pub revision: String,
    /// The parts of `data` that the bundle owns; the empty root owns everything.
    pub roots: Vec<Root>,
    /// Which Rego its modules are written in.
    pub versions: Versions,
    /// Who changed it last, and why, if it says so.
    pub change: Option<Change>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            revision: String::new(),
            roots: vec![Root::default()],
            versions: Versions::default(),
            change: None,
        }
    }
}

/// A path into `data`, such as `["policies", "contracts"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root(Vec<String>);

impl Root {
    fn parse(text: &str) -> Self {
        let text = text.trim_matches('/');
        let names = text.split('/').filter(|_| !text.is_empty());
        Self(names.map(str::to_owned).collect())
    }

    /// Whether `path` is this root or lies beneath it.
    #[must_use]
    pub fn covers(&self, path: &[String]) -> bool {
        path.starts_with(&self.0)
    }

    /// Whether this root lies beneath `path`.
    #[must_use]
    pub fn is_beneath(&self, path: &[String]) -> bool {
        self.0.len() > path.len() && self.0.starts_with(path)
    }

    /// The more particular of two that overlap.
    #[must_use]
    pub fn longer<'a>(&'a self, other: &'a Self) -> &'a [String] {
        if self.0.len() < other.0.len() {
            &other.0
        } else {
            &self.0
        }
    }

    /// Whether both own something.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.covers(&other.0) || other.covers(&self.0)
    }
}

impl std::fmt::Display for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// Why a manifest was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not strict JSON.
    #[error("no valid JSON: {0}")]
    Json(#[from] JsonError),
    /// JSON, but no object.
    #[error("must be an object, is {0}")]
    NoObject(&'static str),
    /// A key that OPA's format does not have.
    #[error("unknown key `{key}`: {hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The key that was meant, perhaps.
        hint: String,
    },
    /// A value of another type than the format has.
    #[error("`{key}` must be {expected}, is {found}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What the format has.
        expected: &'static str,
        /// What was there.
        found: &'static str,
    },
    /// A version of Rego that there is not.
    #[error("`{0}` must be 0 or 1")]
    RegoVersion(&'static str),
    /// A pattern that fits no file, or that is not known here.
    #[error(
        "`file_rego_versions`: `{0}` is no path: it starts with `/` or `*`, and has no other \
         wildcards than `*` and `?`"
    )]
    Pattern(String),
    /// Too many patterns.
    #[error("`file_rego_versions` has {0} patterns, more than {1}")]
    Patterns(usize, usize),
    /// A revision that does not fit in a record.
    #[error("`revision` has control characters or more than 256 bytes")]
    Revision,
    /// Something of toolgate's that is not known.
    #[error(
        "`metadata.toolgate` has `{0}`: it has `change`, of `author`, `reviewer`, `reason`, \
         `commit` and `ticket`"
    )]
    Change(String),
    /// A text that does not fit in a record.
    #[error(
        "`metadata.toolgate.change.{0}` must be a text without control characters, of at most \
         {CHANGE_TEXT_BYTES_MAX} bytes"
    )]
    ChangeText(&'static str),
    /// No roots: such a bundle may hold nothing.
    #[error("`roots` is empty: name what the bundle owns, or leave `roots` out")]
    NoRoots,
    /// A root within a root.
    #[error("roots `{0}` and `{1}` overlap: keep the shorter one")]
    RootsOverlap(Root, Root),
    /// Compiled policy.
    #[error("`wasm` is not run here: build the bundle with `opa build --target rego`")]
    Wasm,
}

/// Reads a manifest.
///
/// # Errors
/// The first thing that OPA's format does not have.
pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let limits = Limits {
        bytes_max: MANIFEST_BYTES_MAX,
        depth_max: MANIFEST_DEPTH_MAX,
        values_max: Limits::REQUEST.values_max,
    };
    let document = json::parse(bytes, limits)?;
    let object = document
        .as_object()
        .ok_or(ManifestError::NoObject(document.kind()))?;
    for (key, value) in object.iter() {
        check(key, value)?;
    }
    Ok(Manifest {
        revision: revision(object)?,
        roots: roots(object)?,
        versions: Versions::read(object)?,
        change: change::read(object)?,
    })
}

/// Keys that are not known, and those of which nothing is kept.
fn check(key: &str, value: &Json) -> Result<(), ManifestError> {
    match key {
        "revision" | "roots" | "rego_version" | "file_rego_versions" => Ok(()),
        "metadata" => match value {
            Json::Object(_) | Json::Null => Ok(()),
            _ => Err(wrong_type("metadata", "an object", value)),
        },
        "wasm" if value.as_array().is_some_and(<[Json]>::is_empty) => Ok(()),
        "wasm" => Err(ManifestError::Wasm),
        _ => Err(ManifestError::UnknownKey {
            key: key.chars().filter(|c| !c.is_control()).take(64).collect(),
            hint: hint(key),
        }),
    }
}

fn revision(object: &Object) -> Result<String, ManifestError> {
    match object.get("revision") {
        None => Ok(String::new()),
        Some(Json::String(text)) => {
            let fits = text.len() <= REVISION_BYTES_MAX && !text.chars().any(char::is_control);
            fits.then(|| text.clone()).ok_or(ManifestError::Revision)
        }
        Some(other) => Err(wrong_type("revision", "a string", other)),
    }
}

fn roots(object: &Object) -> Result<Vec<Root>, ManifestError> {
    let Some(value) = object.get("roots") else {
        return Ok(Manifest::default().roots);
    };
    let not_strings = || wrong_type("roots", "an array of strings", value);
    let items = value.as_array().ok_or_else(not_strings)?;
    let mut roots = Vec::with_capacity(items.len());
    for item in items {
        roots.push(Root::parse(item.as_str().ok_or_else(not_strings)?));
    }
    if roots.is_empty() {
        return Err(ManifestError::NoRoots);
    }
    // Sorted, a root stands right before those beneath it.
    roots.sort();
    for pair in roots.windows(2) {
        if let [a, b] = pair
            && a.overlaps(b)
        {
            return Err(ManifestError::RootsOverlap(a.clone(), b.clone()));
        }
    }
    Ok(roots)
}

fn wrong_type(key: &'static str, expected: &'static str, found: &Json) -> ManifestError {
    let found = found.kind();
    ManifestError::WrongType {
        key,
        expected,
        found,
    }
}

fn hint(key: &str) -> String {
    let near = KEYS
        .iter()
        .map(|known| (distance(key, known), known))
        .min()
        .filter(|(distance, _)| *distance <= TYPO_DISTANCE_MAX);
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("the keys are `{}`", KEYS.join("`, `")),
    }
}

/// How many characters have to be changed, added or taken away to make `b` out of `a`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != y))
                .min(above + 1)
                .min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
