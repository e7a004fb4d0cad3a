//! Which Rego the modules of a bundle are written in: `rego_version` and `file_rego_versions`.

#[cfg(test)]
mod tests;

use super::{ManifestError, wrong_type};
use crate::model::bundle::RegoVersion;
use crate::model::json::{Json, Object};

const KEY: &str = "rego_version";
const FILES_KEY: &str = "file_rego_versions";
/// Most patterns of one manifest.
const PATTERNS_MAX: usize = 4096;
/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1024;

/// Which Rego each file is written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    bundle: RegoVersion,
    files: Vec<(Pattern, RegoVersion)>,
}

/// Two patterns that fit one file and do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagree(pub String, pub String);

impl Versions {
    /// Reads both keys.
    ///
    /// # Errors
    /// Any version but 0 and 1, and patterns that fit no file or that are not known here.
    pub(super) fn read(manifest: &Object) -> Result<Self, ManifestError> {
        let bundle = match manifest.get(KEY) {
            None => RegoVersion::V1,
            Some(version) => of(version, KEY)?,
        };
        let files = match manifest.get(FILES_KEY) {
            None => Vec::new(),
            Some(Json::Object(files)) if files.len() > PATTERNS_MAX => {
                return Err(ManifestError::Patterns(files.len(), PATTERNS_MAX));
            }
            Some(Json::Object(files)) => files
                .iter()
                .map(|(pattern, version)| Ok((Pattern::read(pattern)?, of(version, FILES_KEY)?)))
                .collect::<Result<_, ManifestError>>()?,
            Some(other) => return Err(wrong_type(FILES_KEY, "an object", other)),
        };
        Ok(Self { bundle, files })
    }

    /// What the file at a path within the bundle, such as `contracts/policy.rego`, is written in.
    ///
    /// # Errors
    /// Two patterns that do not agree: OPA takes one of them by chance.
    pub fn of(&self, path: &str) -> Result<RegoVersion, Disagree> {
        let mut fitting = self.files.iter().filter(|(pattern, _)| pattern.fits(path));
        let Some((first, version)) = fitting.next() else {
            return Ok(self.bundle);
        };
        match fitting.find(|(_, other)| other != version) {
            None => Ok(*version),
            Some((second, _)) => Err(Disagree(first.0.clone(), second.0.clone())),
        }
    }
}

fn of(version: &Json, key: &'static str) -> Result<RegoVersion, ManifestError> {
    match version.as_u64() {
        Some(0) => Ok(RegoVersion::V0),
        Some(1) => Ok(RegoVersion::V1),
        _ => Err(ManifestError::RegoVersion(key)),
    }
}

/// A path from the bundle's root, such as `/contracts/*.rego`: `*` stands for anything, `/` too, and
/// `?` for one character, as OPA reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(String);

impl Pattern {
    fn read(text: &str) -> Result<Self, ManifestError> {
        let is_path = text.starts_with(['/', '*', '?']);
        let is_known = !text.contains(['[', ']', '{', '}', '\\', '!']);
        let shown = || text.escape_debug().take(80).collect();
        match is_path && is_known && text.len() <= PATTERN_BYTES_MAX {
            true => Ok(Self(text.to_owned())),
            false => Err(ManifestError::Pattern(shown())),
        }
    }

    fn fits(&self, path: &str) -> bool {
        let path: Vec<char> = std::iter::once('/').chain(path.chars()).collect();
        // Which ends of the path's beginnings the pattern so far can reach.
        let mut reached: Vec<bool> = (0..=path.len()).map(|end| end == 0).collect();
        for wanted in self.0.chars() {
            let one_more = path.iter().zip(&reached).map(|(found, before)| {
                let fits = wanted == '?' || wanted == *found;
                *before && fits
            });
            reached = match wanted {
                '*' => reached
                    .iter()
                    .scan(false, |any, end| {
                        *any |= *end;
                        Some(*any)
                    })
                    .collect(),
                _ => std::iter::once(false).chain(one_more).collect(),
            };
        }
        reached.last().copied().unwrap_or_default()
    }
}
