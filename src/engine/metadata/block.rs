//! Finding the metadata blocks among a module's comments.

use super::{MAX_METADATA_BYTES, Place};
use crate::engine::suggest::nearest;
use crate::model::finding::Finding;

/// What makes a comment the begin of a block.
const METADATA: &str = "METADATA";
/// Keys that mean something to toolgate, and so are not written for people alone.
const DECLARING_KEYS: [&str; 3] = ["toolgate", "servers", "enforcement"];

/// The comment lines below one `# METADATA`.
#[derive(Debug)]
pub(super) struct Block {
    /// The line of `# METADATA`, from 1. Line n of `yaml` is n lines below it.
    pub(super) line: u32,
    /// The lines without their `#`: columns are one less than in the module.
    pub(super) yaml: String,
}

/// All blocks of a module in order. As in OPA, a block ends at the first line that is no comment
/// of the first column, and blank lines between it and what it describes do not matter.
///
/// What stands above `package` (in `package_line`) and looks like a part of a block that is none
/// is refused: the package would silently be for every server.
pub(super) fn blocks(path: &str, source: &str, package_line: u32) -> Result<Vec<Block>, Finding> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut lines = (1..).zip(source.lines()).peekable();
    while let Some((line, text)) = lines.next() {
        let place = |column| Place { path, line, column };
        let Some(comment) = text.strip_prefix('#') else {
            open = false;
            refuse_indented(text, place)?;
            continue;
        };
        if !open && line < package_line {
            let next = lines.peek().map_or("", |(_, next)| next);
            refuse_misspelt(comment, next, place)?;
            refuse_outside(comment, place)?;
        }
        if comment.trim() == METADATA {
            open = true;
            blocks.push(Block {
                line,
                yaml: String::new(),
            });
            continue;
        }
        let Some(block) = blocks.last_mut().filter(|_| open) else {
            continue;
        };
        block.yaml.push_str(comment);
        block.yaml.push('\n');
        if block.yaml.len() > MAX_METADATA_BYTES {
            return Err(place(1).finding(
                format!("a `# METADATA` block has more than {MAX_METADATA_BYTES} bytes"),
                "move text out of it, or leave a blank line where it ends",
            ));
        }
    }
    Ok(blocks)
}

/// OPA ignores a block that is indented: what it declares would not hold.
fn refuse_indented<'a>(text: &str, place: impl Fn(u32) -> Place<'a>) -> Result<(), Finding> {
    let trimmed = text.trim_start();
    let indented = trimmed.len() < text.len();
    let is_metadata = trimmed
        .strip_prefix('#')
        .is_some_and(|comment| comment.trim() == METADATA);
    if indented && is_metadata {
        let column = u32::try_from(text.len() - trimmed.len()).unwrap_or(u32::MAX);
        return Err(place(column.saturating_add(1)).finding(
            "`# METADATA` does not begin in the first column, and so declares nothing",
            "move the block to the first column",
        ));
    }
    Ok(())
}

/// `# METDATA` or `# METADATA:` above what reads like a key is a comment to OPA.
fn refuse_misspelt<'a>(
    comment: &str,
    next: &str,
    place: impl Fn(u32) -> Place<'a>,
) -> Result<(), Finding> {
    let word = comment.trim_start_matches('#').trim();
    let plain = word.trim_end_matches([':', '.', '-']).to_uppercase();
    let is_near = nearest(&plain, &[METADATA]).is_some();
    let is_above_keys = next.starts_with('#') && next.contains(':');
    if comment.trim() == METADATA || !is_near || !is_above_keys {
        return Ok(());
    }
    Err(place(1).finding(
        format!("`#{comment}` begins no block, and so what is below it declares nothing"),
        "write `# METADATA`",
    ))
}

/// `servers:` in a comment that is in no block.
fn refuse_outside<'a>(comment: &str, place: impl Fn(u32) -> Place<'a>) -> Result<(), Finding> {
    let Some((key, _)) = comment.trim().split_once(':') else {
        return Ok(());
    };
    if !DECLARING_KEYS.contains(&key) {
        return Ok(());
    }
    Err(place(1).finding(
        format!("`{key}` stands in no `# METADATA` block, and so declares nothing"),
        "begin the block with `# METADATA`, and leave no blank line in it",
    ))
}
