//! Canonical JSON, checked where it stands: nothing is built but the list of the record's own
//! members. What is not canonical is left to the strict parser, which says why.

use crate::model::json::{Json, Limits, parse};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Deepest nesting in a record.
pub(super) const DEPTH_MAX: usize = 16;
/// 2^53 - 1.
pub(super) const INTEGER_MAX: u64 = 9_007_199_254_740_991;
/// Digits of `INTEGER_MAX`.
const DIGITS_MAX: usize = 16;
/// Members that a record usually has at most.
const USUAL_MEMBERS: usize = 48;
/// Bytes of a string that are looked at together.
const BLOCK_BYTES: usize = 8;

/// The members of a record, in canonical order: names and values as they are written.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    /// The members of a line that is a canonical object, in which every number is an integer from
    /// -(2^53 - 1) to 2^53 - 1; `None` if it is not that.
    pub(super) fn scan(line: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut scan = Scan {
            text,
            bytes: line,
            at: 0,
            depth: 0,
        };
        let mut members = Vec::with_capacity(USUAL_MEMBERS);
        scan.object(Some(&mut members))?;
        (scan.at == line.len()).then_some(Self(members))
    }

    /// The text of a value. Names are looked through one by one: their order is not that of bytes.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| *value)
    }

    /// A value that is a text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let inner = self.raw(name)?.strip_prefix('"')?.strip_suffix('"')?;
        Some(match inner.contains('\\') {
            true => Cow::Owned(unescaped(inner)),
            false => Cow::Borrowed(inner),
        })
    }

    /// A value that is an integer from 0.
    pub(super) fn integer(&self, name: &str) -> Option<u64> {
        self.raw(name)?.parse().ok()
    }
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next.then_some(())
    }

    fn since(&self, start: usize) -> Option<&'a str> {
        self.text.get(start..self.at)
    }

    fn open(&mut self, bracket: u8) -> Option<()> {
        self.take(bracket)?;
        self.depth += 1;
        (self.depth <= DEPTH_MAX).then_some(())
    }

    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => self.object(None),
            b'[' => self.array(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word.as_bytes()).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let is_negative = self.take(b'-').is_some();
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.since(start)?;
        if digits.len() > DIGITS_MAX || (digits.starts_with('0') && (is_negative || digits != "0"))
        {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        (number <= INTEGER_MAX).then_some(())
    }

    fn array(&mut self) -> Option<()> {
        self.open(b'[')?;
        if self.take(b']').is_none() {
            self.value()?;
            while self.take(b',').is_some() {
                self.value()?;
            }
            self.take(b']')?;
        }
        self.depth -= 1;
        Some(())
    }

    fn object(&mut self, mut found: Option<&mut Vec<(&'a str, &'a str)>>) -> Option<()> {
        self.open(b'{')?;
        let mut last: Option<&str> = None;
        if self.take(b'}').is_none() {
            loop {
                let name = self.string()?;
                if last.is_some_and(|last| by_utf16(last, name) != Ordering::Less) {
                    return None;
                }
                last = Some(name);
                self.take(b':')?;
                let start = self.at;
                self.value()?;
                if let Some(found) = &mut found {
                    found.push((name, self.since(start)?));
                }
                if self.take(b',').is_none() {
                    break;
                }
            }
            self.take(b'}')?;
        }
        self.depth -= 1;
        Some(())
    }

    /// The inside of a string, as it is written.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            self.at += plain_bytes(self.bytes.get(self.at..)?);
            match self.peek()? {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
        let inner = self.since(start)?;
        self.at += 1;
        Some(inner)
    }

    /// The shortest escape of what has to be escaped.
    fn escape(&mut self) -> Option<()> {
        self.at += 1;
        let kind = self.peek()?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => self.control(),
            _ => None,
        }
    }

    /// A control character that has no shorter escape, in four lower-case digits.
    fn control(&mut self) -> Option<()> {
        let [b'0', b'0', high @ (b'0' | b'1'), low] = self.bytes.get(self.at..self.at + 4)? else {
            return None;
        };
        self.at += 4;
        let has_shorter = *high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
        (matches!(low, b'0'..=b'9' | b'a'..=b'f') && !has_shorter).then_some(())
    }
}

/// How many bytes come before the first one that means something within a string: a quotation mark,
/// a backslash, a control character. Eight are looked at together; in each of the three masks the
/// lowest bit that is set is of a byte that is meant, those above it may not be.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    let is = |block: u64, byte: u8| {
        let other = block ^ (ONES * u64::from(byte));
        other.wrapping_sub(ONES) & !other
    };
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    for (index, block) in blocks.iter().enumerate() {
        let block = u64::from_le_bytes(*block);
        let control = block.wrapping_sub(ONES * 0x20) & !block;
        let found = (is(block, b'"') | is(block, b'\\') | control) & HIGH;
        if found != 0 {
            return index * BLOCK_BYTES + (found.trailing_zeros() / u8::BITS) as usize;
        }
    }
    let is_plain = |byte: &&u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().take_while(is_plain).count()
}

/// The order of names: by the UTF-16 code units of what they mean.
fn by_utf16(a: &str, b: &str) -> Ordering {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii() && byte != b'\\');
    if is_plain(a) && is_plain(b) {
        return a.cmp(b);
    }
    let (a, b) = (unescaped(a), unescaped(b));
    a.encode_utf16().cmp(b.encode_utf16())
}

/// What the inside of a string means, of which the form was checked.
fn unescaped(inner: &str) -> String {
    match parse(format!("\"{inner}\"").as_bytes(), Limits::REQUEST) {
        Ok(Json::String(text)) => text,
        _ => inner.to_owned(),
    }
}
