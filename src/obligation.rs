//! Obligations: read what policies asked for, merge it, and fulfil it. Pure, and closed: what
//! cannot be read, merged or applied denies the call or withholds the result.
//!
//! **Fields.** A field that starts with `/` is a JSON Pointer and matches exactly; any other is a
//! name and matches members at any depth by its letters and digits: whatever the case, separators,
//! invisible characters and lookalikes (some decoders and readers take the one for the other, so
//! telling them apart would only make holes). A pointer counts from the root of each *document* of a result: `structuredContent`, and
//! each JSON document that is a content item's text; a leading `/structuredContent` is understood.
//! It counts from the result's own root too (`/_meta/trace`). What a pointer changes in one
//! document it must find in all: where `structuredContent` and a text have different layouts, the
//! pointer cannot say where the copy of the value stands, and the result is withheld.
//!
//! **Masks.** A string becomes `"***"`, every other value `null`. A dropped member is gone; a
//! dropped array element becomes `null`, so that the elements after it keep their places.
//!
//! **The frame.** The members that make a result an MCP result (`content`, `structuredContent`,
//! `isError`; a content item's `type`, `text` and `resource`) are not fields: a name never
//! matches them, what they hold is searched.
//!
//! **Text.** A content item's text, an embedded resource's text and a JSON-RPC error's message are
//! read as strict JSON, or as JSON lines; what is neither is withheld as soon as fields are masked
//! or dropped, and so are images, audio, blobs and unknown content. Inside a document, a string
//! that carries a document is searched too. Other strings are the values of their own fields and
//! pass, unless they look like broken JSON, show a listed name as a label or a column (`phone: 555`)
//! or hold what cannot be searched (a `data:` URI, a file in base64). A mask by name holds servers
//! that name their fields honestly, and no others.
//!
//! **Rows.** Any array, at any depth, that holds objects, arrays or documents is an array of rows,
//! and so are JSON lines and several text items with an object each. Text that is not JSON passes
//! only if it cannot hold more rows than the limit.

mod arguments;
mod encoding;
mod exercise;
mod field;
mod frame;
mod merge;
mod names;
mod parse;
mod patch;
mod plan;
mod pointer;
#[cfg(test)]
mod properties;
mod result;
mod text;
mod trace;
mod walk;

pub use arguments::rewrite;
pub use exercise::exercise;
pub use merge::merge;
pub use parse::parse;
pub use result::{Applied, Cause, Withheld, apply};

/// Most fields of one obligation, and of all merged ones of a kind.
pub const FIELDS_MAX: usize = 256;
/// Longest field, in bytes.
pub const FIELD_BYTES_MAX: usize = 256;
/// Most operations of one patch, and of all merged ones.
pub const PATCH_OPERATIONS_MAX: usize = 64;
/// Deepest nesting of documents within strings that is searched, in levels.
pub const NESTING_MAX: usize = 8;
/// What a masked string becomes.
pub const MASK: &str = "***";
