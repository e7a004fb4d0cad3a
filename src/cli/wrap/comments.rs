//! JSON as people write it in configurations: with comments and with commas before an end.

/// The same text as strict JSON of the same length: comments and commas before an end are spaces,
/// so that every place is where it was.
pub fn blanked(text: &[u8]) -> Vec<u8> {
    let mut blank = Blank {
        out: text.to_vec(),
        at: 0,
        comma: None,
    };
    while let Some(byte) = blank.byte(0) {
        blank.step(byte);
    }
    blank.out
}

struct Blank {
    out: Vec<u8>,
    at: usize,
    /// A comma after which nothing came yet.
    comma: Option<usize>,
}

impl Blank {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.out.get(self.at + ahead).copied()
    }

    fn step(&mut self, byte: u8) {
        match (byte, self.byte(1)) {
            (b'"', _) => self.string(),
            (b'/', Some(b'/')) => self.blank_until(b"\n", 0),
            (b'/', Some(b'*')) => self.blank_until(b"*/", 2),
            (b',', _) => {
                self.comma = Some(self.at);
                self.at += 1;
            }
            (b']' | b'}', _) => {
                if let Some(comma) = self.comma.take().and_then(|at| self.out.get_mut(at)) {
                    *comma = b' ';
                }
                self.at += 1;
            }
            _ => {
                if !byte.is_ascii_whitespace() {
                    self.comma = None;
                }
                self.at += 1;
            }
        }
    }

    fn string(&mut self) {
        self.comma = None;
        self.at += 1;
        while let Some(byte) = self.byte(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }

    /// Up to this end, or the end of the text; `also` so many bytes of the end. Line breaks stay, so
    /// that errors name the right line.
    fn blank_until(&mut self, end: &[u8], also: usize) {
        let rest = self.out.get_mut(self.at..).unwrap_or_default();
        // The opening of a comment is no part of its end.
        let body = rest.get(2..).unwrap_or_default();
        let found = body.windows(end.len()).position(|part| part == end);
        let length = found.map_or(rest.len(), |at| at + 2 + also);
        for byte in rest.iter_mut().take(length) {
            if *byte != b'\n' && *byte != b'\r' {
                *byte = b' ';
            }
        }
        self.at += length;
    }
}
