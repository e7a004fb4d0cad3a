//! Writes expectations as a reader would: blocks above, short values on one line.

use serde_json::Value;
use std::fmt::Write;

/// Longest value on one line, in bytes.
const LINE_BYTES_MAX: usize = 92;

/// A value as a YAML document.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                if fits(item, indent) || !item.is_object() {
                    writeln!(text, "{margin}- {}", line(item)).unwrap();
                    continue;
                }
                let mut inner = String::new();
                block(item, indent + 2, &mut inner);
                // The first line's margin gives way to the dash.
                writeln!(text, "{margin}- {}", inner.trim()).unwrap();
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort_by_key(|name| (*name != "step", *name != "reply", name.as_str()));
            for name in names {
                let value = &fields[name];
                if fits(value, indent + name.len() + 2) || value.is_string() {
                    writeln!(text, "{margin}{name}: {}", line(value)).unwrap();
                } else {
                    writeln!(text, "{margin}{name}:").unwrap();
                    block(value, indent + 2, text);
                }
            }
        }
        scalar => writeln!(text, "{margin}{}", line(scalar)).unwrap(),
    }
}

fn fits(value: &Value, indent: usize) -> bool {
    let is_leaf = match value {
        Value::Array(items) => items
            .iter()
            .all(|item| !item.is_object() || items.len() == 1),
        Value::Object(fields) => !fields.contains_key("reply") && !fields.contains_key("effect"),
        _ => true,
    };
    is_leaf && indent + line(value).len() <= LINE_BYTES_MAX
}

fn line(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) if !text.contains('\'') && !text.contains(char::is_control) => {
            format!("'{text}'")
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", line(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Whether a text is itself without quotes, wherever it stands.
fn is_plain(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let words = [
        "true", "false", "null", "yes", "no", "on", "off", "nan", "inf",
    ];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .split(' ')
            .all(|part| !part.is_empty() && part.chars().all(word))
        && !words.contains(&text.to_lowercase().as_str())
}
