//! How tests came out, as JUnit's XML: what CI systems read.

use super::report::{Report, Row, Status};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The whole document.
pub(super) fn document(report: &Report) -> String {
    let mut suites: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in &report.rows {
        suites.entry(file(row)).or_default().push(row);
    }
    let all: Vec<&Row> = report.rows.iter().collect();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a `String` does not fail.
    let _ = writeln!(text, "<testsuites name=\"toolgate\" {}>", counts(&all));
    for (name, rows) in suites {
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" {}>",
            escaped(name),
            counts(&rows)
        );
        for row in rows {
            text.push_str(&case(row));
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// The file of `file:line`.
fn file(row: &Row) -> &str {
    row.place.split(':').next().unwrap_or_default()
}

fn counts(rows: &[&Row]) -> String {
    let count = |wanted: &[Status]| {
        let rows = rows.iter();
        rows.filter(|row| wanted.contains(&row.status)).count()
    };
    let took: Duration = rows.iter().map(|row| row.took).sum();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.6}\"",
        rows.len(),
        count(&[Status::Fail, Status::Differ]),
        count(&[Status::Error]),
        count(&[Status::Skip]),
        took.as_secs_f64()
    )
}

fn case(row: &Row) -> String {
    let mut text = format!(
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.6}\"",
        escaped(&row.name),
        escaped(file(row)),
        row.took.as_secs_f64()
    );
    let mut below = String::new();
    let details = escaped(&row.details.join("\n"));
    let first = escaped(row.details.first().map_or("", String::as_str));
    let place = escaped(&row.place);
    let _ = match row.status {
        Status::Pass => Ok(()),
        Status::Skip => writeln!(below, "      <skipped/>"),
        Status::Fail | Status::Differ => writeln!(
            below,
            "      <failure type=\"{}\" message=\"{first}\">{place}\n{details}</failure>",
            row.status.as_str()
        ),
        Status::Error => writeln!(
            below,
            "      <error message=\"{first}\">{place}\n{details}</error>"
        ),
    };
    if !row.prints.is_empty() {
        let prints = escaped(&row.prints.join("\n"));
        let _ = writeln!(below, "      <system-out>{prints}</system-out>");
    }
    match below.is_empty() {
        true => text.push_str("/>\n"),
        false => {
            let _ = write!(text, ">\n{below}    </testcase>\n");
        }
    }
    text
}

/// Text within XML: what has a meaning is escaped, what may not be there is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}
