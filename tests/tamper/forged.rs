//! What the able adversary does: makes chain, tiles and checkpoints anew, without the key.

use super::log::{Files, ORIGIN};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use toolgate::audit::sign::SigningKey;
use toolgate::audit::tree::{Tile, Tree};
use toolgate::tlog::{
    Checkpoint, Hash, Note, Signature, TILE_WIDTH, TileKind, TilePath, VerifierKey, leaf_hash,
    push_entry,
};

/// A log's lines, each with the number of its segment.
#[derive(Clone)]
pub struct Lines(pub Vec<(usize, String)>);

impl Lines {
    pub fn of(files: &Files) -> Self {
        let segments = files.iter().filter(|(path, _)| path.starts_with("log-"));
        let lines = segments.enumerate().flat_map(|(segment, (_, content))| {
            let text = std::str::from_utf8(content).unwrap();
            text.lines().map(move |line| (segment, line.to_owned()))
        });
        Self(lines.collect())
    }

    /// The files of segments in place of the ones that are there.
    pub fn put_into(&self, files: &mut Files) {
        files.retain(|path, _| !path.starts_with("log-"));
        let mut content = String::new();
        let mut first = 0;
        for (at, (segment, line)) in self.0.iter().enumerate() {
            content.push_str(line);
            content.push('\n');
            if self.0.get(at + 1).is_none_or(|(next, _)| next != segment) {
                let whole = std::mem::take(&mut content).into_bytes();
                files.insert(format!("log-{first:020}.jsonl"), Arc::new(whole));
                first = at + 1;
            }
        }
    }

    /// Gives each line from this one on the `seq` and `prev` of its place.
    pub fn chain(&mut self, from: usize) {
        let mut prev = match from.checked_sub(1) {
            Some(before) => sha256_hex(self.0[before].1.as_bytes()),
            None => "0".repeat(64),
        };
        for (seq, (_, line)) in self.0.iter_mut().enumerate().skip(from) {
            place(line, seq, &prev);
            prev = sha256_hex(line.as_bytes());
        }
    }
}

/// Of a line that has lost the one or the other, nothing is made.
fn place(line: &mut String, seq: usize, prev: &str) {
    const PREV: &str = "\"prev\":\"";
    const SEQ: &str = "\"seq\":";
    let Some(start) = line.find(PREV).map(|at| at + PREV.len()) else {
        return;
    };
    if line.len() < start + prev.len() {
        return;
    }
    line.replace_range(start..start + prev.len(), prev);
    let mut seqs = line.match_indices(SEQ).map(|(at, _)| at + SEQ.len());
    if let Some(at) = seqs.find(|at| *at > start) {
        let digits = line.bytes().skip(at).take_while(u8::is_ascii_digit);
        let end = at + digits.count();
        line.replace_range(at..end, &seq.to_string());
    }
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digest = Sha256::digest(bytes);
    let halves = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.map(|half| DIGITS[usize::from(half)]).collect()
}

/// The tiles over these lines in place of the ones that are there. Gives back the checkpoint after
/// each size in `sizes` and after the last line.
pub fn put_tiles(files: &mut Files, lines: &Lines, sizes: &[u64]) -> Vec<Checkpoint> {
    files.retain(|path, _| !path.starts_with("tile/"));
    let (mut tree, mut bundle, mut checkpoints) = (Tree::default(), Vec::new(), Vec::new());
    let mut tiles: Vec<Tile> = Vec::new();
    for (_, line) in &lines.0 {
        tree.push(leaf_hash(line.as_bytes()), &mut tiles);
        assert!(push_entry(&mut bundle, line.as_bytes()));
        let size = tree.size();
        if size.is_multiple_of(TILE_WIDTH) {
            let path = TilePath::full(TileKind::Entries, size / TILE_WIDTH - 1);
            tiles.push((path, std::mem::take(&mut bundle)));
        }
        if sizes.contains(&size) || size == lines.0.len() as u64 {
            checkpoints.push(Checkpoint {
                origin: ORIGIN.to_owned(),
                size,
                root: tree.root(),
                extensions: Vec::new(),
            });
        }
    }
    tiles.extend(tree.edge());
    if !bundle.is_empty() {
        let (kind, width) = (TileKind::Entries, tree.size() % TILE_WIDTH);
        let index = tree.size() / TILE_WIDTH;
        tiles.push((TilePath { kind, index, width }, bundle));
    }
    for (path, content) in tiles {
        files.insert(path.to_string(), Arc::new(content));
    }
    checkpoints
}

/// The root over these lines.
pub fn root(lines: &[(usize, String)]) -> Hash {
    let (mut tree, mut full) = (Tree::default(), Vec::new());
    for (_, line) in lines {
        tree.push(leaf_hash(line.as_bytes()), &mut full);
    }
    tree.root()
}

/// The sizes of the checkpoints that are kept.
pub fn kept_sizes(files: &Files) -> Vec<u64> {
    let kept = files
        .keys()
        .filter_map(|path| path.strip_prefix("checkpoints/"));
    kept.map(|size| size.parse().unwrap()).collect()
}

/// How the adversary comes by signatures.
#[derive(Clone, Copy, Debug)]
pub enum Signatures {
    /// The checkpoints stay as they were.
    Untouched,
    /// Those of the old checkpoints under new ones.
    Copied,
    /// With a key of his own.
    OwnKey,
    /// With a key of his own, under the id of the log's key.
    OwnKeyAsOther,
    /// There are no checkpoints any more.
    Gone,
}

pub const SIGNATURES: [Signatures; 5] = [
    Signatures::Untouched,
    Signatures::Copied,
    Signatures::OwnKey,
    Signatures::OwnKeyAsOther,
    Signatures::Gone,
];

/// Chain from this line on, tiles, and checkpoints with what signatures the adversary has.
pub fn rebuild(
    files: &mut Files,
    lines: &mut Lines,
    from: usize,
    (signatures, key): (Signatures, &SigningKey),
    log_key: &VerifierKey,
) {
    lines.chain(from);
    lines.put_into(files);
    let checkpoints = put_tiles(files, lines, &kept_sizes(files));
    let old = Note::parse(&files["checkpoint"]).unwrap();
    if matches!(signatures, Signatures::Untouched) {
        return;
    }
    files.retain(|path, _| !path.starts_with("checkpoint"));
    if matches!(signatures, Signatures::Gone) {
        return;
    }
    for checkpoint in &checkpoints {
        let text = checkpoint.to_string();
        let mut note = Note::new(&text).unwrap();
        match signatures {
            Signatures::Copied => old
                .signatures()
                .iter()
                .for_each(|signature| note.add(signature.clone()).unwrap()),
            _ => note.add(signed(key, &text, signatures, log_key)).unwrap(),
        }
        let content = Arc::new(note.to_string().into_bytes());
        files.insert(
            format!("checkpoints/{:020}", checkpoint.size),
            content.clone(),
        );
        if checkpoint.size == lines.0.len() as u64 {
            files.insert("checkpoint".to_owned(), content);
        }
    }
}

pub fn signed(
    key: &SigningKey,
    text: &str,
    signatures: Signatures,
    log_key: &VerifierKey,
) -> Signature {
    let own = key.verifier(ORIGIN).unwrap();
    let mut signature = key.sign(&own, text);
    if matches!(signatures, Signatures::OwnKeyAsOther) {
        signature.key_id = log_key.id();
    }
    signature
}
