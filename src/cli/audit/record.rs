//! A record for people.

use super::super::Output;
use super::super::output::Colour;
use super::printable;
use crate::model::json::{Json, Limits, Object, parse};

/// The columns of a record.
pub(super) const HEADINGS: [&str; 7] = ["SEQ", "TIME", "WHAT", "WHO", "TOOL", "WHY", "DECISION"];

/// What a line holds; nothing where it holds no record.
pub(super) fn read(line: &[u8]) -> Object {
    match parse(line, Limits::REQUEST) {
        Ok(Json::Object(record)) => record,
        _ => Object::new(),
    }
}

/// The seq of the record on this line.
pub(super) fn seq_of(line: &[u8]) -> u64 {
    let record = read(line);
    record.get("seq").and_then(Json::as_u64).unwrap_or(0)
}

/// A member's text, safe to show; empty where there is none.
pub(super) fn text(record: &Object, name: &str) -> String {
    let found = record.get(name).and_then(Json::as_str);
    printable(found.unwrap_or_default())
}

/// A member's member's text.
pub(super) fn inner(record: &Object, name: &str, member: &str) -> String {
    let object = record.get(name).and_then(Json::as_object);
    object.map_or_else(String::new, |object| text(object, member))
}

/// A number, where the member is one.
pub(super) fn number(record: &Object, name: &str) -> Option<u64> {
    record.get(name).and_then(Json::as_u64)
}

/// The texts of a list.
pub(super) fn texts(record: &Object, name: &str) -> Vec<String> {
    let items = record.get(name).and_then(Json::as_array);
    let items = items.unwrap_or_default().iter();
    items.filter_map(Json::as_str).map(printable).collect()
}

/// The objects of a list.
pub(super) fn objects<'a>(record: &'a Object, name: &str) -> impl Iterator<Item = &'a Object> {
    let items = record.get(name).and_then(Json::as_array);
    let items = items.unwrap_or_default().iter();
    items.filter_map(Json::as_object)
}

/// The cells of a record.
pub(super) fn row(output: &Output, record: &Object) -> Vec<String> {
    let (colour, what) = what(record);
    let seq = number(record, "seq").unwrap_or(0);
    vec![
        seq.to_string(),
        text(record, "time"),
        match colour {
            Some(colour) => output.paint(colour, &what),
            None => what,
        },
        who(record),
        tool(record),
        why(record),
        text(record, "decision_id"),
    ]
}

/// What happened, and how good that is.
fn what(record: &Object) -> (Option<Colour>, String) {
    let kind = text(record, "type");
    match kind.as_str() {
        "decision" => {
            let effect = text(record, "effect");
            let phase = match text(record, "phase").as_str() {
                "call" => String::new(),
                phase => format!(" ({phase})"),
            };
            (Some(colour(&effect)), format!("{effect}{phase}"))
        }
        "outcome" => {
            let status = text(record, "status");
            let colour = (status != "ok").then_some(Colour::Yellow);
            (colour, format!("outcome {status}"))
        }
        "gap" | "policy_refused" | "log_repaired" | "calls_refused" => (Some(Colour::Yellow), kind),
        _ => (None, kind),
    }
}

/// The colour of an effect.
pub(super) fn colour(effect: &str) -> Colour {
    match effect {
        "allow" => Colour::Green,
        "deny" => Colour::Red,
        _ => Colour::Yellow,
    }
}

fn who(record: &Object) -> String {
    let user = inner(record, "principal", "user");
    let id = inner(record, "principal", "id");
    match (user.is_empty(), id.is_empty()) {
        (true, false) => id,
        (false, _) => format!("{user} by {id}"),
        (true, true) => {
            let others = ["by", "caller"].map(|name| text(record, name));
            let mut others = others.into_iter().chain([inner(record, "shim", "id")]);
            others.find(|other| !other.is_empty()).unwrap_or_default()
        }
    }
}

fn tool(record: &Object) -> String {
    let (server, tool) = (text(record, "tool_server"), text(record, "tool_name"));
    match tool.is_empty() {
        true => server,
        false => format!("{server}/{tool}"),
    }
}

fn why(record: &Object) -> String {
    let codes: Vec<_> = objects(record, "reasons")
        .map(|reason| text(reason, "code"))
        .collect();
    let others = ["justification", "reason", "error", "fault"];
    let mut others = others.iter().map(|name| text(record, name));
    match codes.is_empty() {
        false => codes.join(","),
        true => others
            .find(|other| !other.is_empty())
            .unwrap_or_else(|| inner(record, "policy", "revision")),
    }
}
