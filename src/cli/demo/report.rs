//! What the demo did, as a table while it runs or as one JSON document at its end.

#[cfg(test)]
mod tests;

use crate::cli::output::{Colour, Output, visible_width};
use crate::model::json::{Json, Object};
use std::time::Duration;

/// The last column is cut at the terminal's edge, but keeps so many characters.
const LAST_COLUMN_CHARS_MIN: usize = 24;
/// Spaces between two columns.
const GAP_CHARS: usize = 2;
const HEADINGS: [&str; 6] = ["WHO", "WHAT", "VERDICT", "REASONS", "MS", "RESULT"];

/// One thing that somebody did, and what came of it.
#[derive(Debug, Default)]
pub struct Step {
    /// The principal, or who else did it.
    pub who: String,
    /// What was done.
    pub what: String,
    /// The effect, or what else it came to.
    pub verdict: String,
    /// The codes of the reasons.
    pub reasons: Vec<String>,
    /// What came back.
    pub result: String,
    /// How long it took.
    pub took: Duration,
    /// What was not as it should be.
    pub problems: Vec<String>,
}

impl Step {
    /// Notes a problem unless this holds.
    pub fn check(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    fn row(&self, output: &Output) -> Vec<String> {
        let colour = match self.verdict.as_str() {
            "allow" => Colour::Green,
            "deny" | "refused" | "broken" => Colour::Red,
            "constrain" | "require_approval" => Colour::Yellow,
            _ => Colour::Dim,
        };
        vec![
            self.who.clone(),
            self.what.clone(),
            output.paint(colour, &self.verdict),
            self.reasons.join(", "),
            format!("{:.1}", self.took.as_secs_f64() * 1000.0),
            self.result.clone(),
        ]
    }

    fn to_json(&self, section: &str) -> Json {
        let texts = |texts: &[String]| Json::array(texts.iter().map(String::as_str));
        Json::object([
            ("section", Json::from(section)),
            ("who", self.who.as_str().into()),
            ("what", self.what.as_str().into()),
            ("verdict", self.verdict.as_str().into()),
            ("reasons", texts(&self.reasons)),
            ("result", self.result.as_str().into()),
            ("microseconds", micros(self.took)),
            ("ok", self.problems.is_empty().into()),
            ("problems", texts(&self.problems)),
        ])
    }
}

/// Cuts the last column so that a row fits into so many columns of the terminal.
fn fit(rows: &mut [Vec<String>], columns: usize) {
    let last = HEADINGS.len() - 1;
    let width = |(column, heading): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| visible_width(cell)).max();
        widest.unwrap_or_default().max(heading.len()) + GAP_CHARS
    };
    let others: usize = HEADINGS.iter().take(last).enumerate().map(width).sum();
    let room = columns.saturating_sub(others).max(LAST_COLUMN_CHARS_MIN);
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(last)) {
        if cell.chars().count() > room {
            *cell = cell.chars().take(room - 1).chain(['…']).collect();
        }
    }
}

fn micros(took: Duration) -> Json {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX).into()
}

/// Collects steps, and prints each section when it is complete.
pub struct Report<'a> {
    output: &'a Output,
    steps: Vec<(&'static str, Step)>,
}

impl<'a> Report<'a> {
    /// An empty one.
    pub fn new(output: &'a Output) -> Self {
        let steps = Vec::new();
        Self { output, steps }
    }

    /// Tells people something; programs do not want to know.
    pub fn say(&self, text: &str) {
        if !self.output.is_json() {
            self.output.line(text);
        }
    }

    /// Takes and prints a section.
    pub fn section(&mut self, title: &'static str, steps: Vec<Step>) {
        self.say("");
        self.say(&self.output.paint(Colour::Bold, title));
        let mut rows: Vec<_> = steps.iter().map(|step| step.row(self.output)).collect();
        if let Some(columns) = self.output.columns() {
            fit(&mut rows, columns);
        }
        if !self.output.is_json() {
            self.output.table(&HEADINGS, &rows);
        }
        self.steps
            .extend(steps.into_iter().map(|step| (title, step)));
    }

    /// Everything that was not as it should be.
    pub fn problems(&self) -> Vec<String> {
        let of_step = |(section, step): &(&str, Step)| {
            let Step { who, what, .. } = step;
            let problems = step.problems.iter();
            let named = problems.map(|problem| format!("{section}: {who}, {what}: {problem}"));
            named.collect::<Vec<_>>()
        };
        self.steps.iter().flat_map(of_step).collect()
    }

    /// Ends with a sum; gives what was not as it should be.
    pub fn end(self, log: Object, took: Duration) -> Vec<String> {
        let problems = self.problems();
        let count = self.steps.len();
        if self.output.is_json() {
            let steps = self
                .steps
                .iter()
                .map(|(section, step)| step.to_json(section));
            self.output.json(&Json::object([
                ("ok", Json::from(problems.is_empty())),
                ("steps", Json::array(steps)),
                ("log", log.into()),
                ("microseconds", micros(took)),
            ]));
        } else if problems.is_empty() {
            let seconds = took.as_secs_f64();
            let text = format!("{count} steps, each as expected, in {seconds:.1} s");
            self.say("");
            self.say(&self.output.paint(Colour::Green, &text));
        }
        problems
    }
}
