//! Other pasts for a log: with a key that was replaced, and behind a note of what was pruned.

use super::forged::{Lines, Signatures, put_tiles, sha256_hex, signed};
use super::log::{Files, Made, ORIGIN};
use super::mutation::KEY;
use super::random::Random;
use std::sync::Arc;
use toolgate::tlog::{Checkpoint, Note, Signature};

/// With the key that was replaced: other records before its last one, the change of the key as
/// both keys signed it, some of what came after, and a checkpoint of the size at which it may sign.
pub fn replaced_key(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let mut lines = Lines::of(&made.files);
    let is_rotation = |(_, line): &(usize, String)| line.contains("\"key_rotated\"");
    let rotation = lines.0.iter().position(is_rotation).unwrap();
    let kept = rotation + 1 + random.below(lines.0.len() - rotation);
    lines.0.truncate(kept);
    let at = random.below(rotation);
    retime(&mut lines, at, random);
    lines.chain(at);
    let own = made.replaced.verifier(ORIGIN).unwrap();
    let sign = |text: &str| made.replaced.sign(&own, text);
    replace(files, &lines, rotation, &sign);
    format!("line {at}, {kept} lines kept")
}

/// Without a key: everything before the last file is said to be pruned, and the checkpoint is over
/// just that.
pub fn pruned_note(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let mut lines = Lines::of(&made.files);
    let at = random.below(lines.0.len());
    retime(&mut lines, at, random);
    lines.chain(at);
    let last = lines.0.last().unwrap().0;
    let first = lines.0.iter().position(|(of, _)| *of == last).unwrap();
    // At the end of what is pruned, or before.
    let size = [first, first - 1][random.below(2)];
    let sign = |text: &str| signed(&KEY, text, Signatures::OwnKey, &made.key);
    replace(files, &lines, size, &sign);
    let prev = sha256_hex(lines.0[first - 1].1.as_bytes());
    let name = format!("log-{first:020}.jsonl");
    files.retain(|path, _| !path.starts_with("log-") || *path == name);
    let note = format!("{{\"first_seq\":{first},\"origin\":\"{ORIGIN}\",\"prev\":\"{prev}\"}}\n");
    files.insert("pruned".to_owned(), Arc::new(note.into_bytes()));
    format!("line {at}, {first} pruned, checkpoint of {size}")
}

/// Another time, in a form that no check of a line objects to.
fn retime(lines: &mut Lines, at: usize, random: &mut Random) {
    let line = &mut lines.0[at].1;
    let start = line.find("\"time\":\"").unwrap();
    let end = start + line.get(start..).unwrap().find("Z\"").unwrap();
    let digit: usize = line.get(end - 1..end).unwrap().parse().unwrap();
    let other = (digit + 1 + random.below(9)) % 10;
    line.replace_range(end - 1..end, &other.to_string());
}

/// These lines as the log, with all tiles, and one checkpoint, of this size.
fn replace(files: &mut Files, lines: &Lines, size: usize, sign: &dyn Fn(&str) -> Signature) {
    lines.put_into(files);
    files.retain(|path, _| !path.starts_with("checkpoint"));
    let mut signed = Files::new();
    let first = Lines(lines.0[..size].to_vec());
    let checkpoint: Checkpoint = put_tiles(&mut signed, &first, &[]).pop().unwrap();
    put_tiles(files, lines, &[]);
    files.extend(signed);
    let text = checkpoint.to_string();
    let mut note = Note::new(&text).unwrap();
    note.add(sign(&text)).unwrap();
    let note = Arc::new(note.to_string().into_bytes());
    files.insert("checkpoint".to_owned(), note);
}
