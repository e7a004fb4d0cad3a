//! What lies in a log's directory under which name, as `docs/audit-format.md` has it: for who
//! writes a log, who checks it and who reads it.

/// Longest line without its newline, in bytes.
pub const LINE_BYTES_MAX: usize = 61_440;
/// The latest checkpoint.
pub const CHECKPOINT_NAME: &str = "checkpoint";
/// The directory of the checkpoints that are kept.
pub const KEPT_NAME: &str = "checkpoints";
/// The directory of tiles.
pub const TILES_NAME: &str = "tile";
/// Largest tile, in bytes: a bundle of 256 of the longest lines.
pub const TILE_BYTES_MAX: u64 = 17 << 20;
/// Longest file `pruned`, in bytes.
pub const PRUNED_BYTES_MAX: usize = 4096;
/// The key that signs the log, where the configuration names none.
pub const SIGNING_KEY_NAME: &str = "signing.key";
/// Digits in the names of files that are numbered.
const NAME_DIGITS: usize = 20;

/// The name of the file whose first record has this seq.
#[must_use]
pub fn segment_name(first_seq: u64) -> String {
    format!("log-{first_seq:0NAME_DIGITS$}.jsonl")
}

/// The seq that a file's name promises; `None`: the file is not part of a log.
#[must_use]
pub fn first_seq(name: &str) -> Option<u64> {
    digits_of(name.strip_prefix("log-")?.strip_suffix(".jsonl")?)
}

/// Whether a file of this name is part of a log.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    first_seq(name).is_some()
}

/// The name of the kept checkpoint over so many records.
#[must_use]
pub fn kept_name(size: u64) -> String {
    format!("{size:0NAME_DIGITS$}")
}

/// The size that a kept checkpoint's name promises; `None`: it is none.
#[must_use]
pub fn kept_size(name: &str) -> Option<u64> {
    digits_of(name)
}

fn digits_of(text: &str) -> Option<u64> {
    let is_number = text.len() == NAME_DIGITS && text.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}
