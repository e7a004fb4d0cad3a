//! Spellings of a character by other characters, and texts within encodings.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Shortest run of characters that is tried as base64, in characters: `{"a":1}` has ten.
const BASE64_CHARACTERS_MIN: usize = 10;
/// Shortest run of characters that is tried as hexadecimal, in characters.
const HEX_CHARACTERS_MIN: usize = 16;
/// Shortest line of wrapped base64, in characters; usual are 64 and 76.
const WRAPPED_CHARACTERS_MIN: usize = 40;
/// Longest reference to a character between `&` and `;`, in bytes.
const REFERENCE_BYTES_MAX: usize = 8;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text with one layer of `\u0065`, `\x65`, `%65`, `&#101;` and `&quot;` taken off; `None` if
/// there is none.
pub(super) fn unescaped(text: &str) -> Option<String> {
    if !text.contains(['\\', '%', '&']) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut changed) = (text, false);
    while let Some(first) = rest.chars().next() {
        let (used, character) = match escape(rest) {
            Some((used, bytes)) => {
                changed = true;
                out.extend(bytes);
                (used, None)
            }
            None => (first.len_utf8(), Some(first)),
        };
        out.extend(character.map(String::from).unwrap_or_default().into_bytes());
        rest = rest.get(used..)?;
    }
    changed.then(|| String::from_utf8_lossy(&out).into_owned())
}

/// The escape that a text starts with: its length, and the bytes that it stands for.
fn escape(text: &str) -> Option<(usize, Vec<u8>)> {
    let hex = |from: usize, digits: usize| {
        let digits = text.get(from..from + digits)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| all)
    };
    let spelled = |code: u32| char::from_u32(code).map(|c| c.to_string().into_bytes());
    if let Some(byte) = text.strip_prefix('%').and_then(|_| hex(1, 2)) {
        return Some((3, vec![u8::try_from(byte).ok()?]));
    }
    if text.starts_with("\\u") {
        return Some((6, spelled(hex(2, 4)?)?));
    }
    if text.starts_with("\\x") {
        return Some((4, spelled(hex(2, 2)?)?));
    }
    let (reference, _) = text.strip_prefix('&')?.split_once(';')?;
    if reference.len() > REFERENCE_BYTES_MAX {
        return None;
    }
    let code = match reference.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => match reference {
            "quot" => 0x22,
            "apos" => 0x27,
            "lt" => 0x3c,
            "gt" => 0x3e,
            "amp" => 0x26,
            _ => return None,
        },
    };
    Some((reference.len() + 2, spelled(code)?))
}

/// Whether a `data:` URI stands in the text.
pub(super) fn has_data_uri(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut before = None;
    lower.split("data:").enumerate().any(|(index, piece)| {
        let starts = before.is_none_or(|c: char| !c.is_alphanumeric());
        before = piece.chars().next_back();
        let head = piece.split_once(',').map(|(head, _)| head);
        let is_type = |c: char| c.is_ascii_alphanumeric() || "/;=+-._\"%".contains(c);
        index > 0 && starts && head.is_some_and(|head| head.chars().all(is_type))
    })
}

/// What the runs of base64 and hexadecimal in a text decode to.
pub(super) fn decoded_runs(text: &str) -> Vec<Vec<u8>> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    if let Some(whole) = unwrapped(text) {
        return base64(&whole).into_iter().collect();
    }
    let runs = text.split(|c| !is_base64(c));
    let runs = runs.filter(|run| run.len() >= BASE64_CHARACTERS_MIN);
    runs.flat_map(|run| base64(run).into_iter().chain(hex(run)))
        .collect()
}

/// The text without line breaks, if it is base64 in lines of one length.
fn unwrapped(text: &str) -> Option<String> {
    let mut lines = text.trim().lines();
    let first = lines.next()?;
    let all: Vec<&str> = lines.collect();
    let (_, middle) = all.split_last()?;
    let same = middle.iter().all(|line| line.len() == first.len());
    (first.len() >= WRAPPED_CHARACTERS_MIN && same).then(|| text.split_whitespace().collect())
}

fn base64(run: &str) -> Option<Vec<u8>> {
    let mut run = run.trim_matches('=').replace('-', "+").replace('_', "/");
    if run.len() % 4 == 1 {
        run.pop();
    }
    BASE64.decode(run).ok()
}

fn hex(run: &str) -> Option<Vec<u8>> {
    if run.len() < HEX_CHARACTERS_MIN || !run.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = run.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(byte).collect()
}
