//! Finding the metadata blocks among a module's comments.

use super::{MAX_METADATA_BYTES, Place};
use crate::model::finding::Finding;

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
pub(super) fn blocks(path: &str, source: &str) -> Result<Vec<Block>, Finding> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    for (line, text) in (1..).zip(source.lines()) {
        let place = |column| Place { path, line, column };
        let Some(comment) = text.strip_prefix('#') else {
            open = false;
            refuse_indented(text, place)?;
            continue;
        };
        if comment.trim() == "METADATA" {
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
        .is_some_and(|comment| comment.trim() == "METADATA");
    if indented && is_metadata {
        let column = u32::try_from(text.len() - trimmed.len()).unwrap_or(u32::MAX);
        return Err(place(column.saturating_add(1)).finding(
            "`# METADATA` does not begin in the first column, and so declares nothing",
            "move the block to the first column",
        ));
    }
    Ok(())
}
