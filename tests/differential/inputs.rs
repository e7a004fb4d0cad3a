//! Random inputs that meet the edges: what is missing, of another kind, empty, long, not ASCII.

/// How many.
pub(super) const INPUTS: usize = 2_000;
/// Where the generator starts: the same inputs each time.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

const TEXTS: &[&str] = &[
    "",
    "a",
    "abc",
    "b",
    "k",
    "ab",
    "é",
    "😀",
    "😀x",
    "ß",
    "İ",
    "Σας",
    "ΑΣ",
    " a\\u00a0",
    "a,b,,c",
    "/x/y",
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.0.0/16",
    "fe80::/10",
    "1.2.3",
    "v1",
    "1.2.3-rc.1",
    "2024-01-02T03:04:05Z",
    "2024-02-30T00:00:00Z",
    "12",
    "-5",
    "0x10",
    "[1, 2]",
    "{\\\"a\\\": 1}",
    "YWJj",
    "YWI=",
    "6162",
    "GB82 WEST 1234 5698 7654 32",
    "ann@example.com",
    "1h30m",
    "a.b",
    "America/New_York",
    "UTC",
    "\\n\\t",
    "<&>\\\"'\\\\",
    "ﬁ",
    "ŉ",
    "ᾳ",
    "\\u2028",
    "𐐀",
    "aaa",
    "null",
    "true",
    "x].y",
];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "1",
    "1",
    "2",
    "-1",
    "3",
    "10",
    "63",
    "100",
    "1.5",
    "-2.5",
    "0.5",
    "0.1",
    "9007199254740993",
    "-9007199254740993",
    "1700000000000000000",
    "123456789012345678901",
];
const TIMES: &[&str] = &[
    "0",
    "-1",
    "1700000000000000000",
    "1711846800000000000",
    "1711850400000000000",
    "4102444799999999999",
    "-2208988800000000000",
    "1.5",
    "\"1700000000000000000\"",
    "null",
];
const OTHERS: &[&str] = &["true", "false", "null"];
const KEYS: &[&str] = &["k", "a", "b", "x", "é"];

/// A small generator (xorshift); its seed, which must not be 0, gives the same numbers each time.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick(&mut self, items: &[&str]) -> String {
        items[self.below(items.len())].to_owned()
    }

    fn text(&mut self) -> String {
        format!("\"{}\"", self.pick(TEXTS))
    }

    fn scalar(&mut self) -> String {
        match self.below(10) {
            0..5 => self.text(),
            5..9 => self.pick(NUMBERS),
            _ => self.pick(OTHERS),
        }
    }

    fn value(&mut self, depth: usize) -> String {
        match self.below(10) {
            0..2 if depth > 0 => self.array(depth - 1),
            2..4 if depth > 0 => self.object(depth - 1),
            _ => self.scalar(),
        }
    }

    fn array(&mut self, depth: usize) -> String {
        let items: Vec<String> = (0..self.below(5)).map(|_| self.value(depth)).collect();
        format!("[{}]", items.join(", "))
    }

    fn object(&mut self, depth: usize) -> String {
        let first = self.below(KEYS.len());
        let members: Vec<String> = (0..self.below(4))
            .map(|at| {
                let key = KEYS[(first + at) % KEYS.len()];
                format!("\"{key}\": {}", self.value(depth))
            })
            .collect();
        format!("{{{}}}", members.join(", "))
    }

    /// Mostly of the kind that policies expect.
    fn member(&mut self, name: &str) -> String {
        if self.percent(12) {
            return self.value(2);
        }
        match name {
            "xs" | "ys" => self.array(2),
            "o" => self.object(2),
            "s" | "t2" => self.text(),
            "n" => self.pick(NUMBERS),
            "t" => self.pick(TIMES),
            _ => self.value(1),
        }
    }
}

/// The inputs, as JSON.
pub(super) fn inputs() -> Vec<String> {
    let mut random = Random(SEED);
    let mut inputs = vec!["{}".to_owned()];
    while inputs.len() <= INPUTS {
        let mut members = Vec::new();
        for name in ["a", "b", "xs", "ys", "o", "s", "t2", "n", "t"] {
            if random.percent(90) {
                members.push(format!("\"{name}\": {}", random.member(name)));
            }
        }
        inputs.push(format!("{{{}}}", members.join(", ")));
    }
    inputs
}
