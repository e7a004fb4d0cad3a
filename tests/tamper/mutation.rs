//! One change of a log, chosen at random.

use super::forged::{Lines, SIGNATURES, Signatures, kept_sizes, put_tiles, rebuild, root, signed};
use super::log::{Files, Made, ORIGIN};
use super::past::{pruned_note, replaced_key};
use super::random::Random;
use std::sync::{Arc, LazyLock};
use toolgate::audit::sign::SigningKey;
use toolgate::tlog::{Note, TilePath, partial_tiles};

/// The adversary's own key.
pub static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap().0);

/// A changed log.
pub struct Mutated {
    pub files: Files,
    pub kind: &'static str,
    pub what: String,
    pub is_able: bool,
    /// Whether it can be seen only by who holds the last checkpoint.
    pub is_held: bool,
}

type Change = fn(&Made, &mut Files, &mut Random) -> String;

/// What hands do: kind, whether the last checkpoint is held, and how.
pub const KINDS: [(&str, bool, Change); 14] = [
    ("field edited", false, |made, files, random| {
        by_hand(made, files, random, edit)
    }),
    ("lines swapped", false, |made, files, random| {
        by_hand(made, files, random, swap)
    }),
    ("line dropped", false, |made, files, random| {
        by_hand(made, files, random, drop_line)
    }),
    ("line inserted", false, |made, files, random| {
        by_hand(made, files, random, insert)
    }),
    ("line duplicated", false, |made, files, random| {
        by_hand(made, files, random, duplicate)
    }),
    ("lines cut off", true, cut),
    ("bytes cut off", true, cut_bytes),
    ("tile edited", false, edit_tile),
    ("tile dropped", false, drop_tile),
    ("checkpoint edited", false, edit_checkpoint),
    ("kept checkpoint edited", false, edit_kept),
    ("signature forged", false, forge_signature),
    ("segment of another log", false, mix_segments),
    ("rolled back", true, |made, files, _| {
        *files = made.older.clone();
        String::new()
    }),
];

/// What the able adversary does.
pub const ABLE: [(&str, bool, Change); 12] = [
    ("able: field edited", false, |made, files, random| {
        ably(made, files, random, edit)
    }),
    ("able: lines swapped", false, |made, files, random| {
        ably(made, files, random, swap)
    }),
    ("able: line dropped", false, |made, files, random| {
        ably(made, files, random, drop_line)
    }),
    ("able: line inserted", false, |made, files, random| {
        ably(made, files, random, insert)
    }),
    ("able: line duplicated", false, |made, files, random| {
        ably(made, files, random, duplicate)
    }),
    ("able: cut off and rolled back", true, roll_back),
    (
        "able: end rewritten after an older checkpoint",
        true,
        rewrite_end,
    ),
    ("able: logs mixed", false, mix_lines),
    (
        "able: another log of the same key",
        true,
        |made, files, _| {
            *files = made.other.clone();
            String::new()
        },
    ),
    ("able: change of the key forged", false, forge_rotation),
    ("able: replaced key stolen", false, replaced_key),
    ("able: note of pruned records forged", false, pruned_note),
];

/// Changes a log in one way, until it is another one.
pub fn mutate(made: &Made, is_able: bool, random: &mut Random) -> Mutated {
    loop {
        let (kind, is_held, change) = *match is_able {
            true => random.pick(&ABLE),
            false => random.pick(&KINDS),
        };
        let mut files = made.files.clone();
        let what = change(made, &mut files, random);
        if files != made.files {
            return Mutated {
                files,
                kind,
                what,
                is_able,
                is_held,
            };
        }
    }
}

/// Gives back the first line that is another one.
type LineChange = fn(&mut Lines, &mut Random) -> usize;

fn by_hand(made: &Made, files: &mut Files, random: &mut Random, change: LineChange) -> String {
    let mut lines = Lines::of(&made.files);
    let at = change(&mut lines, random);
    lines.put_into(files);
    format!("line {at}")
}

fn ably(made: &Made, files: &mut Files, random: &mut Random, change: LineChange) -> String {
    let mut lines = Lines::of(&made.files);
    let at = change(&mut lines, random);
    let signatures = *random.pick(&SIGNATURES);
    rebuild(files, &mut lines, at, (signatures, &KEY), &made.key);
    format!("line {at}, signatures {signatures:?}")
}

fn edit(lines: &mut Lines, random: &mut Random) -> usize {
    let at = random.below(lines.0.len());
    let line = &mut lines.0[at].1;
    let places: Vec<_> = line
        .bytes()
        .enumerate()
        .filter(|(_, byte)| byte.is_ascii_alphanumeric())
        .collect();
    let (place, byte) = *random.pick(&places);
    let other = match byte.is_ascii_digit() {
        true => random.pick(b"123456789"),
        false => random.pick(b"abcdefghijklmnopqrstuvwxyz"),
    };
    let other = char::from(*other).to_string();
    line.replace_range(place..=place, &other);
    at
}

fn swap(lines: &mut Lines, random: &mut Random) -> usize {
    let [a, b] = [(); 2].map(|()| random.below(lines.0.len()));
    let line = lines.0[a].1.clone();
    lines.0[a].1 = std::mem::replace(&mut lines.0[b].1, line);
    a.min(b)
}

fn drop_line(lines: &mut Lines, random: &mut Random) -> usize {
    let at = random.below(lines.0.len());
    lines.0.remove(at);
    at
}

/// Not after the last one: what no checkpoint covers yet, nobody has signed.
fn insert(lines: &mut Lines, random: &mut Random) -> usize {
    let at = random.below(lines.0.len());
    let line = lines.0[random.below(lines.0.len())].1.clone();
    let segment = lines.0[at].0;
    lines.0.insert(at, (segment, line));
    at
}

fn duplicate(lines: &mut Lines, random: &mut Random) -> usize {
    let at = random.below(lines.0.len() - 1);
    let line = lines.0[at].clone();
    lines.0.insert(at + 1, line);
    at + 1
}

fn cut(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let mut lines = Lines::of(&made.files);
    let kept = 1 + random.below(lines.0.len() - 1);
    lines.0.truncate(kept);
    lines.put_into(files);
    if random.below(2) == 0 {
        put_tiles(files, &lines, &[]);
    }
    format!("{kept} lines are left")
}

fn cut_bytes(_made: &Made, files: &mut Files, random: &mut Random) -> String {
    let last = files.keys().rfind(|path| path.starts_with("log-"));
    let last = last.unwrap().clone();
    let mut content = files[&last].to_vec();
    content.truncate(random.below(content.len()));
    let what = format!("{} bytes of {last} are left", content.len());
    files.insert(last, Arc::new(content));
    what
}

/// A byte becomes another one, or the end goes, or gets longer.
fn spoil(content: &Arc<Vec<u8>>, random: &mut Random) -> Arc<Vec<u8>> {
    let mut content = content.to_vec();
    let at = random.below(content.len());
    match random.below(8) {
        0 => content.truncate(at),
        1 => content.push(content[at]),
        _ => content[at] ^= 1 << random.below(8),
    }
    Arc::new(content)
}

fn spoil_one(files: &mut Files, start: &str, random: &mut Random) -> String {
    let paths: Vec<_> = files
        .keys()
        .filter(|path| path.starts_with(start))
        .collect();
    let path = (*random.pick(&paths)).clone();
    let spoilt = spoil(&files[&path], random);
    files.insert(path.clone(), spoilt);
    path
}

fn edit_tile(_made: &Made, files: &mut Files, random: &mut Random) -> String {
    spoil_one(files, "tile/", random)
}

/// One that the last checkpoint needs; or it is put where another one belongs.
fn drop_tile(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let needed = partial_tiles(Lines::of(&made.files).0.len() as u64);
    let tiles = files.keys().filter(|path| {
        let tile: Option<TilePath> = path.parse().ok();
        tile.is_some_and(|tile| tile.is_full() || needed.contains(&tile))
    });
    let tiles: Vec<_> = tiles.cloned().collect();
    let (from, to) = (random.pick(&tiles), random.pick(&tiles));
    let content = files[from].clone();
    files.remove(from);
    if random.below(2) == 0 {
        files.insert(to.clone(), content);
        return format!("{from} in place of {to}");
    }
    from.clone()
}

fn edit_checkpoint(_made: &Made, files: &mut Files, random: &mut Random) -> String {
    if random.below(16) == 0 {
        files.remove("checkpoint");
        return "removed".to_owned();
    }
    let spoilt = spoil(&files["checkpoint"], random);
    files.insert("checkpoint".to_owned(), spoilt);
    String::new()
}

fn edit_kept(_made: &Made, files: &mut Files, random: &mut Random) -> String {
    let sizes = kept_sizes(files);
    if random.below(4) > 0 {
        return spoil_one(files, "checkpoints/", random);
    }
    let path = |size| format!("checkpoints/{size:020}");
    let (from, to) = (*random.pick(&sizes), *random.pick(&[1, 2, 3, 50]));
    let moved = files.remove(&path(from)).unwrap();
    files.insert(path(to), moved);
    format!("{from} as {to}")
}

fn forge_signature(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let paths: Vec<_> = files
        .keys()
        .filter(|path| path.starts_with("checkpoint"))
        .collect();
    let path = (*random.pick(&paths)).clone();
    let text = Note::parse(&files[&path]).unwrap().text().to_owned();
    let signatures = *random.pick(&[Signatures::OwnKey, Signatures::OwnKeyAsOther]);
    let mut note = Note::new(&text).unwrap();
    note.add(signed(&KEY, &text, signatures, &made.key))
        .unwrap();
    files.insert(path.clone(), Arc::new(note.to_string().into_bytes()));
    format!("{path}, {signatures:?}")
}

/// A segment, or tiles and checkpoint, of another log of the same origin.
fn mix_segments(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let starts = ["log-", "tile/0/", "tile/entries/", "checkpoint"];
    let start = *random.pick(&starts);
    let of = |files: &Files| -> Vec<_> {
        let found = files.iter().filter(|(path, _)| path.starts_with(start));
        found
            .map(|(path, content)| (path.clone(), content.clone()))
            .collect()
    };
    let (path, _) = random.pick(&of(files)).clone();
    let (other, content) = random.pick(&of(&made.other)).clone();
    files.insert(path.clone(), content);
    format!("{other} of the other as {path}")
}

/// Back to an older checkpoint that is genuine, with everything that belongs to it.
fn roll_back(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let (size, mut lines) = back_to(made, files, random);
    lines.0.truncate(usize::try_from(size).unwrap());
    lines.put_into(files);
    put_tiles(files, &lines, &[]);
    format!("to size {size}")
}

/// Back to an older checkpoint, and records after it that are made up.
fn rewrite_end(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let (size, mut lines) = back_to(made, files, random);
    let from = usize::try_from(size).unwrap();
    let at = from + random.below(lines.0.len() - from);
    lines.0[at].1 = lines.0[random.below(from)].1.clone();
    lines.chain(at);
    lines.put_into(files);
    put_tiles(files, &lines, &[]);
    format!("from line {at} on, after size {size}")
}

/// Puts an older checkpoint in place of the latest, and takes away those after it.
fn back_to(made: &Made, files: &mut Files, random: &mut Random) -> (u64, Lines) {
    let lines = Lines::of(&made.files);
    let mut sizes = kept_sizes(files);
    sizes.retain(|size| *size > 0 && *size < lines.0.len() as u64);
    let size = *random.pick(&sizes);
    let kept = files[&format!("checkpoints/{size:020}")].clone();
    for later in sizes.iter().filter(|other| **other > size) {
        files.remove(&format!("checkpoints/{later:020}"));
    }
    files.insert("checkpoint".to_owned(), kept);
    (size, lines)
}

fn mix_lines(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let mut lines = Lines::of(&made.files);
    let others = Lines::of(&made.other);
    let at = random.below(lines.0.len().min(others.0.len()));
    for (line, other) in lines.0.iter_mut().zip(&others.0).skip(at) {
        line.1.clone_from(&other.1);
    }
    let signatures = *random.pick(&SIGNATURES);
    rebuild(files, &mut lines, at, (signatures, &KEY), &made.key);
    if random.below(2) == 0 {
        let of_other = made.other["checkpoint"].clone();
        files.insert("checkpoint".to_owned(), of_other);
    }
    format!("from line {at} on, signatures {signatures:?}")
}

/// A record that makes the adversary's key the log's, and checkpoints that it signs.
fn forge_rotation(made: &Made, files: &mut Files, random: &mut Random) -> String {
    let mut lines = Lines::of(&made.files);
    let genuine = lines
        .0
        .iter()
        .position(|(_, line)| line.contains("\"key_rotated\""));
    let genuine = genuine.unwrap();
    let at = genuine + random.below(lines.0.len() - genuine);
    let own = KEY.verifier(ORIGIN).unwrap();
    let previous = made.key.to_string();
    let start = "toolgate audit key rotated";
    let root = root(&lines.0[..at]);
    let text = format!("{start}\n{ORIGIN}\n{at}\n{root}\n{previous}\n{own}\n");
    let mut note = Note::new(&text).unwrap();
    for signatures in [Signatures::OwnKeyAsOther, Signatures::OwnKey] {
        note.add(signed(&KEY, &text, signatures, &made.key))
            .unwrap();
    }
    let (_, line) = &lines.0[genuine];
    let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
    record["note"] = note.to_string().into();
    record["next"] = own.to_string().into();
    record["previous"] = previous.into();
    let segment = lines.0[at].0;
    match random.below(2) {
        0 => lines.0[at].1 = record.to_string(),
        _ => lines.0.insert(at, (segment, record.to_string())),
    }
    let signatures = Signatures::OwnKey;
    rebuild(files, &mut lines, at, (signatures, &KEY), &made.key);
    format!("at line {at}")
}
