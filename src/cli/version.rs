//! `toolgate version`.

use super::output::Format;
use super::{Exit, Output};
use crate::model::json::Json;

/// This program's version and what it was built with.
const PARTS: [(&str, &str); 3] = [
    ("version", env!("CARGO_PKG_VERSION")),
    ("regorus", env!("TOOLGATE_REGORUS_VERSION")),
    ("target", env!("TOOLGATE_TARGET")),
];

/// Prints them.
pub fn run(output: &Output) -> Exit {
    match output.format {
        Format::Json => output.json(&Json::object(PARTS)),
        Format::Text | Format::Table | Format::Junit => {
            for (name, value) in PARTS {
                output.line(format!("{name} {value}"));
            }
        }
    }
    Exit::Done
}
