//! Whether a document fits a JSON Schema (drafts 07 to 2020-12, the keywords that assert).
//!
//! Own, because it is asked one question about one small document: the crates for JSON Schema bring
//! some forty others, fetch references and read formats. What is not understood here does not fit:
//! a masked result is then withheld, never passed on unchecked.

mod check;
#[cfg(test)]
mod tests;

use crate::model::json::Json;
use check::Check;

/// Largest schema that is read, in bytes.
pub const SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Most pairs of a schema and a value that are looked at.
pub const SCHEMA_STEPS_MAX: u32 = 200_000;
/// Deepest nesting of schemas within schemas, references included, in levels.
pub const SCHEMA_DEPTH_MAX: u32 = 96;
/// Largest compiled regular expression, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why a document is not known to fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It does not fit.
    #[error("it does not fit")]
    Differs,
    /// The schema is larger or takes longer than is allowed.
    #[error("the schema is too large or too complex")]
    TooComplex,
    /// The schema uses a keyword, or one in a form, that is not understood.
    #[error("the schema's `{0}` is not understood")]
    NotUnderstood(&'static str),
}

/// Whether a document fits a schema.
///
/// # Errors
/// Why not.
pub fn fits(schema: &Json, document: &Json) -> Result<(), Unfit> {
    if schema.to_bytes().len() > SCHEMA_BYTES_MAX {
        return Err(Unfit::TooComplex);
    }
    Check::new(schema).value(schema, document)
}
