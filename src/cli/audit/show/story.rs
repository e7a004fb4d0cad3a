//! A call in words.

#[cfg(test)]
mod tests;

use super::{Call, Found};
use crate::cli::Output;
use crate::cli::audit::printable;
use crate::cli::audit::record::{colour, inner, number, objects, text, texts};
use crate::cli::output::Colour;
use crate::model::json::{Json, Object};

/// Prints the story: a paragraph each for who asked what, what was decided and by which policy, what
/// came back, and where it stands.
pub(super) fn tell(output: &Output, call: &Call) {
    let decision = &call.decision.record;
    let effect = text(decision, "effect");
    let title = match effect.as_str() {
        "" => "decided".to_owned(),
        effect => output.paint(colour(effect), effect),
    };
    output.line(asked(decision));
    paragraph(output, "asked", &circumstances(decision));
    paragraph(output, &title, &reasons(decision));
    paragraph(output, "policy", &policy(decision, &call.policy));
    if call.outcomes.is_empty() {
        paragraph(output, "came back", &[no_outcome(decision)]);
    }
    for outcome in &call.outcomes {
        paragraph(output, "came back", &came_back(&outcome.record));
    }
    let mut places = place("the decision", &call.decision).to_vec();
    let outcomes = call.outcomes.iter();
    places.extend(outcomes.flat_map(|outcome| place("the outcome", outcome)));
    paragraph(output, "in the log", &places);
}

fn paragraph(output: &Output, title: &str, lines: &[String]) {
    output.line(output.paint(Colour::Bold, &format!("{title}:")));
    for line in lines.iter().filter(|line| !line.is_empty()) {
        output.line(format!("  {line}"));
    }
}

fn asked(decision: &Object) -> String {
    let or = |text: String, other: &str| match text.is_empty() {
        true => other.to_owned(),
        false => text,
    };
    let id = or(inner(decision, "principal", "id"), "nobody who is known");
    let agent = named(" (agent ", inner(decision, "principal", "agent"), ")");
    let user = named(", on behalf of ", inner(decision, "principal", "user"), ",");
    let tool = text(decision, "tool_name");
    let (method, server) = (text(decision, "method"), text(decision, "tool_server"));
    let what = match tool.is_empty() {
        true => method,
        false => format!("{tool} ({method})"),
    };
    let phase = match text(decision, "phase").as_str() {
        "call" => "asked to call",
        "result" => "was to get the result of",
        "list" => "asked what there is by",
        _ => "sent",
    };
    format!("{id}{agent}{user} {phase} {what} of {server}")
}

/// A text between others, where there is one.
fn named(before: &str, text: String, after: &str) -> String {
    match text.is_empty() {
        true => text,
        false => format!("{before}{text}{after}"),
    }
}

fn circumstances(decision: &Object) -> Vec<String> {
    let by = inner(decision, "principal", "authenticated_by");
    let mut lines = vec![
        format!("at {}", text(decision, "time")),
        named("known by ", by, ""),
        named("through the caller ", text(decision, "caller"), ""),
        named("tenant ", text(decision, "tenant"), ""),
        named("session ", text(decision, "session_id"), ""),
        named("correlation ", text(decision, "correlation_id"), ""),
        named("purpose ", text(decision, "purpose"), ""),
        named(
            "data classification ",
            text(decision, "data_classification"),
            "",
        ),
    ];
    let attempt = decision.get("attempt").and_then(Json::as_object);
    lines.extend(attempt.map(|attempt| format!("not let in: {}", text(attempt, "failed"))));
    let parts = [
        ("arguments", "arguments"),
        ("rewritten_arguments", "forwarded instead"),
        ("response", "result"),
        ("released", "released instead"),
    ];
    lines.extend(parts.iter().filter_map(|(name, what)| {
        let content = decision.get(name)?.as_object()?;
        Some(format!("{what}: {}", content_of(content)))
    }));
    lines
}

fn content_of(content: &Object) -> String {
    let size = number(content, "size").unwrap_or(0);
    let secret = match content.get("secret_present").and_then(Json::as_bool) {
        Some(true) => ", with a secret in it",
        _ => "",
    };
    let hash = named(", ", text(content, "hash"), "");
    format!("{size} bytes{secret}{hash}")
}

fn reasons(decision: &Object) -> Vec<String> {
    let mut lines: Vec<_> = objects(decision, "reasons")
        .map(|reason| {
            let by = match text(reason, "policy") {
                policy if policy.is_empty() => text(reason, "origin"),
                policy => format!("policy {policy}"),
            };
            format!("because of {}, by {by}", text(reason, "code"))
        })
        .collect();
    lines.extend(objects(decision, "obligations").map(|owed| {
        let mut rest = owed.clone();
        rest.remove("type");
        let rest = match rest.is_empty() {
            true => String::new(),
            false => printable(&format!(" {}", Json::Object(rest))),
        };
        format!("on condition of {}{rest}", text(owed, "type"))
    }));
    lines.extend(objects(decision, "approvals").map(|approval| {
        let by = texts(approval, "by").join(" or ");
        format!("needs approval {} by {by}", text(approval, "code"))
    }));
    lines.extend(filtered(decision));
    let micros = number(decision, "evaluation_us").unwrap_or(0);
    let dry = match decision.get("dry_run").and_then(Json::as_bool) {
        Some(true) => ", as a dry run",
        _ => "",
    };
    lines.push(format!("decided in {micros} µs{dry}"));
    lines
}

/// What was taken out of a result.
fn filtered(record: &Object) -> Vec<String> {
    let Some(filtered) = record.get("filtered").and_then(Json::as_object) else {
        return Vec::new();
    };
    let rows = number(filtered, "rows_removed").filter(|rows| *rows > 0);
    vec![
        named("masked: ", texts(filtered, "masked").join(", "), ""),
        named("dropped: ", texts(filtered, "dropped").join(", "), ""),
        rows.map_or_else(String::new, |rows| format!("{rows} rows removed")),
    ]
}

fn policy(decision: &Object, loaded: &[Found]) -> Vec<String> {
    let Some(policy) = decision.get("policy").and_then(Json::as_object) else {
        return vec!["no policy was asked".to_owned()];
    };
    let version = number(policy, "version").unwrap_or(0);
    let mut lines = vec![
        format!(
            "revision {}, version {version}, {}",
            text(policy, "revision"),
            text(policy, "digest")
        ),
        named(
            "packages that took part: ",
            texts(decision, "policies").join(", "),
            "",
        ),
    ];
    if loaded.is_empty() {
        lines.push("this log does not say how it came into force".to_owned());
    }
    lines.extend(loaded.iter().flat_map(|loaded| in_force(&loaded.record)));
    lines
}

fn in_force(loaded: &Object) -> Vec<String> {
    let (time, seq) = (text(loaded, "time"), number(loaded, "seq").unwrap_or(0));
    if text(loaded, "type") == "policy_rolled_back" {
        let (by, reason) = (text(loaded, "by"), text(loaded, "reason"));
        return vec![format!(
            "rolled back to at {time} (seq {seq}) by {by}: {reason}"
        )];
    }
    let source = named(" from ", text(loaded, "source"), "");
    let mut lines = vec![format!("in force since {time} (seq {seq}){source}")];
    lines.extend(objects(loaded, "changes").map(changed));
    if lines.len() == 1 {
        lines.push("its manifest does not say who changed or reviewed it".to_owned());
    }
    lines
}

/// Who changed a bundle, and who looked at it.
fn changed(change: &Object) -> String {
    let parts = [
        named("bundle ", text(change, "bundle"), ""),
        named("changed by ", text(change, "author"), ""),
        named("reviewed by ", text(change, "reviewer"), ""),
        named("because: ", text(change, "reason"), ""),
        named("ticket ", text(change, "ticket"), ""),
        named("commit ", text(change, "commit"), ""),
    ];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// Why there is no outcome of this decision. Outcomes are of calls: one has the decision's id of
/// phase `call`, never that of the decision on the call's result.
fn no_outcome(decision: &Object) -> String {
    let correlation = text(decision, "correlation_id");
    let whole_call = named(" `--correlation ", correlation, "`");
    match (
        text(decision, "phase").as_str(),
        text(decision, "effect").as_str(),
    ) {
        ("call", "allow" | "constrain") => "nobody has reported an outcome to this log".to_owned(),
        ("call", _) => "nothing: the call did not go through".to_owned(),
        ("result", _) => {
            format!("see the decision on the call itself, which has the outcome:{whole_call}")
        }
        _ => "nothing: outcomes are of calls alone".to_owned(),
    }
}

fn came_back(outcome: &Object) -> Vec<String> {
    let latency = number(outcome, "latency_ms").unwrap_or(0);
    let mut lines = vec![format!("{} after {latency} ms", text(outcome, "status"))];
    if let Some(response) = outcome.get("response").and_then(Json::as_object) {
        lines.push(content_of(response));
        lines.push(match response.get("judged").and_then(Json::as_bool) {
            Some(true) => "the client got exactly what was judged".to_owned(),
            _ => "what the client got is the enforcement point's word".to_owned(),
        });
        let fields = texts(response, "fields_returned").join(", ");
        lines.push(named("fields returned: ", fields, ""));
        let masked = texts(response, "masked").join(", ");
        lines.push(named(
            "masked, as the enforcement point saw it: ",
            masked,
            "",
        ));
    }
    lines.extend(filtered(outcome));
    lines.push(named("reported by ", inner(outcome, "shim", "id"), ""));
    if outcome.get("decision_known").and_then(Json::as_bool) == Some(false) {
        lines.push("nothing vouches that it belongs to this decision".to_owned());
    }
    lines
}

fn place(what: &str, found: &Found) -> [String; 2] {
    let origin = text(&found.record, "origin");
    let at = format!(
        "{what}: seq {} of {origin}, SHA-256 {}",
        found.seq(),
        found.hash
    );
    [at, printable(&found.proved())]
}
