//! What a package declares about itself: the `# METADATA` block above `package`.
//!
//! The format is OPA's: comment lines that begin in the first column, the first of them
//! `# METADATA`, the rest YAML. toolgate reads `title`, `description` and `custom.toolgate`; other
//! keys are left to other tools. Everything that could make a declaration silently not hold is
//! refused: a misspelled key, a second block, a block with another scope or in another place.

mod block;
#[cfg(test)]
mod tests;
mod yaml;

use crate::model::finding::{Finding, Severity};

/// The longest block that is read, in bytes.
pub(crate) const MAX_METADATA_BYTES: usize = 64 * 1024;

const CODE: &str = "metadata";

/// Whether a package's answers count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Enforcement {
    /// They do.
    #[default]
    Enforce,
    /// They are recorded as would-be and never change the verdict.
    Shadow,
}

/// What a package declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PackageMetadata {
    /// One line for people.
    pub(crate) title: Option<String>,
    /// More for people.
    pub(crate) description: Option<String>,
    /// Servers the package is about; `None`: every server its bundle may speak for.
    pub(crate) servers: Option<Vec<String>>,
    /// Whether its answers count; `None`: not declared, they do.
    pub(crate) enforcement: Option<Enforcement>,
}

/// Where a finding about metadata stands.
struct Place<'a> {
    path: &'a str,
    line: u32,
    column: u32,
}

impl Place<'_> {
    fn finding(&self, message: impl Into<String>, hint: impl Into<String>) -> Finding {
        Finding {
            severity: Severity::Error,
            code: CODE,
            package: String::new(),
            path: self.path.to_owned(),
            line: self.line,
            column: self.column,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Reads the metadata of the module `source`, whose `package` stands in `package_line` (from 1).
///
/// # Errors
/// A block that is no YAML, has an unknown or ill-formed key under `custom.toolgate`, or declares
/// it where it would not hold. The finding's `package` is empty: the caller knows it.
pub(crate) fn package_metadata(
    path: &str,
    source: &str,
    package_line: u32,
) -> Result<PackageMetadata, Finding> {
    let mut found: Option<PackageMetadata> = None;
    for block in block::blocks(path, source, package_line)? {
        let place = Place {
            path,
            line: block.line,
            column: 1,
        };
        if block.line > package_line {
            yaml::refuse_toolgate(path, &block)?;
            continue;
        }
        let Some(metadata) = yaml::read(path, &block)? else {
            continue;
        };
        if found.replace(metadata).is_some() {
            return Err(place.finding(
                "a second `# METADATA` block above `package`",
                "keep one block above `package` and put everything into it",
            ));
        }
    }
    Ok(found.unwrap_or_default())
}

/// Merges what the modules of one package declare: a list of path, `package` line and metadata.
/// Each of `servers` and `enforcement` stands in one module, or is the same in all that have it;
/// title and description are those of the first module that has one.
///
/// # Errors
/// Names the module that contradicts an earlier one.
pub(crate) fn merge<'a>(
    modules: impl IntoIterator<Item = (&'a str, u32, PackageMetadata)>,
) -> Result<PackageMetadata, Finding> {
    let mut merged = PackageMetadata::default();
    let mut declared_in: [Option<&str>; 2] = [None, None];
    let [servers_in, enforcement_in] = &mut declared_in;
    for (path, line, metadata) in modules {
        let place = Place {
            path,
            line,
            column: 1,
        };
        let PackageMetadata {
            title,
            description,
            servers,
            enforcement,
        } = metadata;
        merged.title = merged.title.or(title);
        merged.description = merged.description.or(description);
        merged.servers = agree(&place, "servers", servers_in, merged.servers, servers)?;
        merged.enforcement = agree(
            &place,
            "enforcement",
            enforcement_in,
            merged.enforcement,
            enforcement,
        )?;
    }
    Ok(merged)
}

/// The one value of a key that at most one module, or all in the same words, declare.
fn agree<'a, T: PartialEq>(
    place: &Place<'a>,
    key: &str,
    declared_in: &mut Option<&'a str>,
    before: Option<T>,
    now: Option<T>,
) -> Result<Option<T>, Finding> {
    match (before, now) {
        (before, None) => Ok(before),
        (None, now) => {
            *declared_in = Some(place.path);
            Ok(now)
        }
        (Some(before), Some(now)) if before == now => Ok(Some(before)),
        (Some(_), Some(_)) => Err(place.finding(
            format!(
                "`custom.toolgate.{key}` differs from what `{}` declares for the same package",
                declared_in.unwrap_or_default()
            ),
            format!("declare `{key}` in one module of the package only"),
        )),
    }
}
