//! Where results and errors go, and how they look: people get colour and tables, pipes plain text,
//! programs JSON.

use crate::model::json::Json;
use clap::ValueEnum;
use std::io::{IsTerminal, Write};

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, with colour on a terminal.
    Table,
    /// Plain lines.
    Text,
    /// One JSON document.
    Json,
    /// JUnit's XML, of `toolgate test` alone.
    Junit,
}

/// A colour of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Good.
    Green,
    /// Bad.
    Red,
    /// Worth a look.
    Yellow,
    /// Less important.
    Dim,
    /// More important.
    Bold,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Dim => "2",
            Self::Bold => "1",
        }
    }
}

/// Standard output and standard error of one command.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How results are printed.
    pub format: Format,
    coloured: bool,
    coloured_errors: bool,
}

impl Output {
    /// The format asked for, or what suits standard output. `NO_COLOR` is heeded.
    #[must_use]
    pub fn new(format: Option<Format>) -> Self {
        let colour = std::env::var_os("NO_COLOR").is_none();
        let terminal = std::io::stdout().is_terminal();
        let suits = if terminal {
            Format::Table
        } else {
            Format::Text
        };
        Self {
            format: format.unwrap_or(suits),
            coloured: colour && terminal,
            coloured_errors: colour && std::io::stderr().is_terminal(),
        }
    }

    /// Whether results are JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// How many columns the terminal has, where results are shown on one.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        let shown = self.format == Format::Table && std::io::stdout().is_terminal();
        let size = shown.then(|| rustix::termios::tcgetwinsize(std::io::stdout()).ok());
        let columns = size.flatten()?.ws_col;
        (columns > 0).then(|| columns.into())
    }

    /// The text in a colour, where standard output has colours.
    #[must_use]
    pub fn paint(&self, colour: Colour, text: &str) -> String {
        paint(self.coloured, colour, text)
    }

    /// Prints a line of the result. A reader that went away ends the command quietly.
    pub fn line(&self, text: impl AsRef<str>) {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{}", text.as_ref()).is_err() {
            std::process::exit(0);
        }
    }

    /// Prints a result as one JSON document.
    pub fn json(&self, value: &Json) {
        self.line(value.to_string());
    }

    /// Prints rows under headings, in columns as wide as they need; tab-separated in plain text.
    pub fn table(&self, headings: &[&str], rows: &[Vec<String>]) {
        if self.format != Format::Table {
            rows.iter().for_each(|row| self.line(row.join("\t")));
            return;
        }
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let heading = headings
                .get(column)
                .map_or(0, |heading| visible_width(heading));
            cells
                .map(|cell| visible_width(cell))
                .max()
                .unwrap_or(0)
                .max(heading)
        };
        let widths: Vec<usize> = (0..headings.len()).map(width).collect();
        let headings: Vec<_> = headings
            .iter()
            .map(|heading| self.paint(Colour::Bold, heading))
            .collect();
        for row in std::iter::once(&headings).chain(rows) {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| pad(cell, *width));
            self.line(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    /// Tells people something that is not the result.
    pub fn note(&self, text: impl AsRef<str>) {
        let _unread = writeln!(std::io::stderr(), "{}", text.as_ref());
    }

    /// Tells what went wrong.
    pub fn error(&self, text: impl AsRef<str>) {
        let label = paint(self.coloured_errors, Colour::Red, "error:");
        self.note(format!("{label} {}", text.as_ref()));
    }
}

fn paint(coloured: bool, colour: Colour, text: &str) -> String {
    if coloured {
        format!("\x1b[{}m{text}\x1b[0m", colour.code())
    } else {
        text.to_owned()
    }
}

fn pad(cell: &str, width: usize) -> String {
    format!(
        "{cell}{}",
        " ".repeat(width.saturating_sub(visible_width(cell)))
    )
}

/// Characters that are seen: colours are not.
pub(super) fn visible_width(text: &str) -> usize {
    let mut within_escape = false;
    text.chars()
        .filter(|character| {
            let starts = *character == '\x1b';
            let counts = !within_escape && !starts;
            within_escape = starts || (within_escape && *character != 'm');
            counts
        })
        .count()
}
