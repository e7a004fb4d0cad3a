//! Rust files as tokens: comments and the contents of literals are left out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Rust file.
pub struct Source {
    /// From the repository's root, such as `src/engine/set.rs`.
    pub path: String,
    pub tokens: Vec<Token>,
    /// The module path under `src`: `["engine", "set"]`; empty for the crate's root.
    pub module: Vec<String>,
    /// Whether it is compiled for tests alone.
    pub is_test: bool,
}

/// A word, or one other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
}

/// A path in the code, such as `crate::model::json`, resolved to where it leads.
pub struct Use {
    pub path: Vec<String>,
    pub line: usize,
}

/// Every file under `src`.
pub static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let mut sources: Vec<_> = files("src", "rs").iter().map(|path| read(path)).collect();
    let tests: BTreeSet<_> = sources.iter().flat_map(test_modules).collect();
    for source in &mut sources {
        let module = source.module.as_slice();
        source.is_test = (1..=module.len()).any(|end| tests.contains(&module[..end]));
    }
    sources
});

/// Every Rust file of ours beside `src`, the fuzz targets left out.
pub static OTHERS: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let directories = ["tests", "benches", "build"];
    let paths = directories.iter().flat_map(|it| files(it, "rs"));
    let others = paths.map(|path| Source {
        is_test: path.starts_with("tests/"),
        ..read(&path)
    });
    others.collect()
});

/// Every file with this extension below a directory of the repository, as paths from its root.
pub fn files(directory: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![root().join(directory)];
    while let Some(directory) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
            if path.is_dir() && is_ours {
                waiting.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path.strip_prefix(root()).unwrap().to_str().unwrap().into());
            }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> Source {
    source(path, &fs::read_to_string(root().join(path)).unwrap())
}

/// A file of this path with this text.
pub fn source(path: &str, text: &str) -> Source {
    let stem = path.trim_start_matches("src/").trim_end_matches(".rs");
    let module = match stem {
        "lib" | "main" => Vec::new(),
        stem => stem.split('/').map(str::to_owned).collect(),
    };
    Source {
        path: path.to_owned(),
        tokens: tokens(text),
        module,
        is_test: false,
    }
}

impl Source {
    /// The top module that it belongs to; empty for the crate's root.
    pub fn top(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// `path:line`.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }

    /// The lines on which these tokens follow each other.
    pub fn lines_with(&self, words: &[&str]) -> Vec<usize> {
        let windows = self.tokens.windows(words.len());
        let same = |window: &&[Token]| window.iter().zip(words).all(|(a, b)| a.text == *b);
        windows.filter(same).map(|window| window[0].line).collect()
    }

    /// Every path that starts with `crate`, `self` or `super`, wherever it stands.
    pub fn uses(&self) -> Vec<Use> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let is_root = matches!(token.text.as_str(), "crate" | "self" | "super");
            if is_root && self.text_at(at + 1) == "::" {
                at = self.tree(at, &Vec::new(), &mut found);
            } else {
                at += 1;
            }
        }
        found
    }

    fn text_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// Reads one path, or a `{…}` of them, that continues `base`; gives the place after it.
    fn tree(&self, mut at: usize, base: &[String], found: &mut Vec<Use>) -> usize {
        let mut path = base.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        loop {
            match self.text_at(at) {
                "{" => {
                    at += 1;
                    while !matches!(self.text_at(at), "}" | "") {
                        at = self.tree(at, &path, found);
                        if matches!(self.text_at(at), ",") {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "crate" => path = Vec::new(),
                "self" if path.is_empty() && base.is_empty() => path.clone_from(&self.module),
                "self" => {}
                "super" => {
                    if path.is_empty() {
                        path.clone_from(&self.module);
                    }
                    path.pop();
                }
                word => path.push(word.to_owned()),
            }
            at += 1;
            let goes_on = self.text_at(at) == "::" && is_path_part(self.text_at(at + 1));
            if !goes_on {
                break;
            }
            at += 1;
        }
        if self.text_at(at) == "as" {
            at += 2;
        }
        found.push(Use { path, line });
        at
    }
}

fn is_path_part(text: &str) -> bool {
    text == "{" || text == "*" || text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The modules that a file declares for tests alone.
fn test_modules(source: &Source) -> Vec<Vec<String>> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let words: Vec<_> = source.tokens.iter().map(|token| &*token.text).collect();
    let marks = (0..words.len()).filter(|at| words[*at..].starts_with(&MARK));
    let module = |at: usize| {
        let item = words[at + MARK.len()..].iter().take_while(|it| **it != ";");
        let item: Vec<_> = item.take(8).collect();
        let name = item.iter().position(|it| **it == "mod")? + 1;
        let name = item.get(name)?;
        let inner = source.module.iter().cloned();
        Some(inner.chain([(**name).to_owned()]).collect())
    };
    marks.filter_map(module).collect()
}

/// Splits a text into words, `::` and single characters.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = skip(&chars, at).max(at + 1).min(chars.len());
        let piece = &chars[at..end];
        if is_code(piece) {
            let text = piece.iter().collect();
            tokens.push(Token { text, line });
        }
        line += piece.iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

/// Whether a piece is neither space nor comment nor literal.
fn is_code(piece: &[char]) -> bool {
    let is_one = piece.len() == 1;
    let is_literal = piece.contains(&'"') || piece.contains(&'\'');
    !piece[0].is_whitespace() && (is_one || !is_literal && piece[0] != '/')
}

/// Where the comment, literal, word or sign that starts at `at` ends.
fn skip(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let until = |end: &[char]| {
        let found = rest.windows(end.len()).skip(1).position(|it| it == end);
        at + found.map_or(rest.len(), |found| found + 1)
    };
    match rest {
        ['/', '/', ..] => until(&['\n']),
        ['/', '*', ..] => until(&['*', '/']) + 2,
        [':', ':', ..] => at + 2,
        ['"', ..] => string(chars, at),
        ['b' | 'c', '"', ..] => string(chars, at + 1),
        ['r', '"' | '#', ..] => raw_string(chars, at).unwrap_or(at + 1),
        ['b', 'r', '"' | '#', ..] => raw_string(chars, at + 1).unwrap_or(at + 1),
        ['\'', '\\', ..] => at + 2 + rest[3..].iter().take_while(|c| **c != '\'').count() + 2,
        ['\'', _, '\'', ..] => at + 3,
        [first, ..] if first.is_alphanumeric() || *first == '_' => {
            let word = rest
                .iter()
                .take_while(|c| c.is_alphanumeric() || **c == '_');
            at + word.count()
        }
        _ => at + 1,
    }
}

fn string(chars: &[char], open: usize) -> usize {
    let mut at = open + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(chars: &[char], r: usize) -> Option<usize> {
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    let open = r + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return None;
    }
    let mut end = vec!['"'];
    end.resize(hashes + 1, '#');
    let body = &chars[open + 1..];
    let close = body.windows(end.len()).position(|it| it == end)?;
    Some(open + 1 + close + end.len())
}

#[test]
fn the_reader_sees_code_and_nothing_else() {
    let text = r##"
// crate::comment
use crate::{a::{B, c::self}, d as e}; /* crate::no */
#[cfg(test)]
pub(crate) mod tests;
fn f<'a>(x: &'a str) -> char { let _ = ("crate::s", r#"crate::"r"#, b'\'', '"'); super::up::Up::new(x) }
"##;
    let source = source("src/m/n.rs", text);
    let uses: Vec<_> = source
        .uses()
        .into_iter()
        .map(|it| format!("{} {}", it.line, it.path.join("::")))
        .collect();
    assert_eq!(
        uses,
        ["3 a::B", "3 a::c", "3 d", "6 m::up::Up::new"],
        "{:?}",
        source.tokens
    );
    assert_eq!(test_modules(&source), [["m", "n", "tests"]]);
}
