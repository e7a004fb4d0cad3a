//! What agents do through their shims, and what the log says of it.

use super::client::Agent;
use super::pdp::Tail;
use super::report::Step;
use crate::cli::CliError;
use crate::model::json::{Json, Limits, Object, parse};
use std::time::Instant;

/// Members of a result that a table shows.
const SHOWN_MEMBERS: [&str; 8] = [
    "email",
    "phone",
    "iban",
    "internal_notes",
    "to",
    "reply_to",
    "sent",
    "logged",
];

/// A call of a tool, and what must come of it.
pub struct Call {
    /// The tool.
    pub tool: &'static str,
    /// Its arguments: a JSON object.
    pub arguments: &'static str,
    /// The effect.
    pub effect: &'static str,
    /// The codes of the reasons.
    pub reasons: &'static [&'static str],
    /// What packages in shadow would have said.
    pub shadow: &'static [&'static str],
    /// Texts that the answer must hold.
    pub shows: &'static [&'static str],
    /// Texts that it must not hold.
    pub hides: &'static [&'static str],
}

impl Call {
    /// A call of `read_contract`.
    pub const fn read(
        effect: &'static str,
        reasons: &'static [&'static str],
        shows: &'static [&'static str],
        hides: &'static [&'static str],
    ) -> Self {
        Self {
            tool: "read_contract",
            arguments: r#"{"contract_id":"C-1001"}"#,
            effect,
            reasons,
            shadow: &[],
            shows,
            hides,
        }
    }
}

/// What of contract C-1001 only internal agents may see.
pub const PERSONAL: &[&str] = &[
    "anna.weber@example.com",
    "+49 40 5550 1234",
    "DE89 3704 0044 0532 0130 00",
    "internal_notes",
];
/// What a masked contract still shows.
pub const MASKED: &[&str] = &[
    "Anna Weber",
    r#""email":"***""#,
    r#""phone":"***""#,
    r#""iban":"***""#,
];
/// What a hidden tool is answered.
pub const NO_READ_CONTRACT: &[&str] = &[r#""code":-32602"#, r#""Unknown tool: read_contract""#];

/// Calls of the internal agent.
pub const INTERNAL: &[Call] = &[
    Call::read("allow", &["contracts.read"], PERSONAL, &["***"]),
    Call {
        tool: "sign_contract",
        arguments: r#"{"contract_id":"C-1001"}"#,
        effect: "require_approval",
        reasons: &["contracts.sign"],
        shadow: &[],
        shows: &[r#""isError":true"#, "Denied by policy (contracts.sign)"],
        hides: &[r#""status":"signed""#],
    },
    Call {
        tool: "send_email",
        arguments: r#"{"to":"cfo@bank.example","subject":"Refund","body":"Please pay to ES91 2100 0418 4502 0005 1332."}"#,
        effect: "allow",
        reasons: &["messaging.send"],
        shadow: &["egress.iban"],
        shows: &[r#""sent":true"#],
        hides: &["reply_to"],
    },
];

/// Calls of the agent that talks to customers.
pub const CUSTOMER: &[Call] = &[
    Call::read("constrain", &["contracts.read"], MASKED, PERSONAL),
    Call {
        tool: "sign_contract",
        arguments: r#"{"contract_id":"C-1001"}"#,
        effect: "deny",
        reasons: &["no_matching_allow"],
        shadow: &[],
        shows: &[r#""code":-32602"#, r#""Unknown tool: sign_contract""#],
        hides: &["result"],
    },
    Call {
        tool: "shred_contract",
        arguments: r#"{"contract_id":"C-1001"}"#,
        effect: "deny",
        reasons: &["no_matching_allow"],
        shadow: &[],
        shows: &[r#""code":-32602"#, r#""Unknown tool: shred_contract""#],
        hides: &["result"],
    },
    Call {
        tool: "send_email",
        arguments: r#"{"to":"ann@example.com","subject":"Your contract","body":"It is ready."}"#,
        effect: "constrain",
        reasons: &["messaging.send"],
        shadow: &[],
        shows: &[r#""sent":true"#, r#""reply_to":"support@example.com""#],
        hides: &[],
    },
    Call {
        tool: "send_email",
        arguments: r#"{"to":"eve@evil.example","subject":"Your contract","body":"It is ready."}"#,
        effect: "deny",
        reasons: &["messaging.recipient"],
        shadow: &[],
        shows: &[
            r#""isError":true"#,
            "Denied by policy (messaging.recipient)",
        ],
        hides: &[r#""sent":true"#],
    },
    Call {
        tool: "log_event",
        arguments: r#"{"message":"told Anna Weber that the contract is ready"}"#,
        effect: "allow",
        reasons: &["messaging.log"],
        shadow: &[],
        shows: &[r#""logged":"told Anna"#],
        hides: &[],
    },
];

/// Asks for the tools; the agent must see these and no others.
pub async fn list(agent: &mut Agent, expected: &[&str]) -> Result<Step, CliError> {
    let started = Instant::now();
    let answer = agent.request("tools/list", Object::new().into()).await?;
    let took = started.elapsed();
    let tools = answer
        .get("result")
        .and_then(|it| it.get("tools")?.as_array());
    let names = tools.unwrap_or_default().iter();
    let names: Vec<_> = names.filter_map(|it| it.get("name")?.as_str()).collect();
    let mut step = Step {
        who: agent.principal.to_owned(),
        what: "tools/list".to_owned(),
        verdict: format!("{} shown", names.len()),
        result: names.join(", "),
        took,
        ..Step::default()
    };
    step.check(names == expected, || {
        format!("expected the tools {expected:?}, got {names:?}")
    });
    Ok(step)
}

/// Makes a call, and checks the answer and what was recorded under which revision.
pub async fn make(
    agent: &mut Agent,
    call: &Call,
    revision: &str,
    tail: &mut Tail,
) -> Result<Step, CliError> {
    let arguments = parse(call.arguments.as_bytes(), Limits::REQUEST);
    let arguments = arguments.map_err(CliError::failure)?;
    let params = Json::object([("name", Json::from(call.tool)), ("arguments", arguments)]);
    let started = Instant::now();
    let answer = agent.request("tools/call", params).await?;
    let took = started.elapsed();
    let records = tail.records().map_err(CliError::failure)?;
    let decision = records.iter().find(|it| is_decision(it, call.tool));
    let mut step = Step {
        who: agent.principal.to_owned(),
        what: what(call),
        result: summary(&answer),
        took,
        ..Step::default()
    };
    check_answer(&mut step, call, &answer.to_string());
    match decision {
        Some(decision) => check_decision(&mut step, call, revision, decision),
        None => step
            .problems
            .push("the decision is not in the log".to_owned()),
    }
    Ok(step)
}

fn what(call: &Call) -> String {
    let arguments = parse(call.arguments.as_bytes(), Limits::REQUEST).ok();
    let to = arguments.as_ref().and_then(|it| it.get("to")?.as_str());
    match to {
        Some(to) => format!("{} to {to}", call.tool),
        None => call.tool.to_owned(),
    }
}

fn is_decision(record: &Json, tool: &str) -> bool {
    let is = |member: &str, text: &str| record.get(member).and_then(Json::as_str) == Some(text);
    is("type", "decision") && is("phase", "call") && is("tool_name", tool)
}

fn check_answer(step: &mut Step, call: &Call, answer: &str) {
    // Text items hold JSON as text: what shows through them shows as well.
    let plain = answer.replace('\\', "");
    for text in call.shows {
        step.check(plain.contains(text), || {
            format!("`{text}` is missing in {answer}")
        });
    }
    for text in call.hides {
        step.check(!plain.contains(text), || {
            format!("`{text}` shows in {answer}")
        });
    }
}

fn check_decision(step: &mut Step, call: &Call, revision: &str, decision: &Json) {
    let text = |member: &str| decision.get(member).and_then(Json::as_str);
    let effect = text("effect").unwrap_or_default();
    let codes = codes(decision.get("reasons"), "code");
    let shadow: Vec<_> = decision
        .get("shadow")
        .and_then(Json::as_array)
        .unwrap_or_default()
        .iter()
        .flat_map(|it| it.get("codes").and_then(Json::as_array).unwrap_or_default())
        .filter_map(Json::as_str)
        .collect();
    let policy = decision.get("policy");
    let decided_by = policy.and_then(|it| it.get("revision")?.as_str());
    step.check(effect == call.effect, || {
        format!("expected `{}`, got `{effect}`", call.effect)
    });
    step.check(codes == call.reasons, || {
        format!("expected the reasons {:?}, got {codes:?}", call.reasons)
    });
    step.check(shadow == call.shadow, || {
        format!("expected {:?} in shadow, got {shadow:?}", call.shadow)
    });
    step.check(decided_by == Some(revision), || {
        format!("expected revision `{revision}` to decide, got {decided_by:?}")
    });
    effect.clone_into(&mut step.verdict);
    step.reasons = codes.iter().map(|code| (*code).to_owned()).collect();
    if !shadow.is_empty() {
        let in_shadow = format!("{} in shadow: {}", shadow.join(", "), step.result);
        step.result = in_shadow;
    }
}

/// The texts of one member of each item.
fn codes<'a>(items: Option<&'a Json>, member: &str) -> Vec<&'a str> {
    let items = items.and_then(Json::as_array).unwrap_or_default();
    let codes = items.iter().filter_map(|it| it.get(member)?.as_str());
    codes.collect()
}

/// An answer in one line.
fn summary(answer: &Json) -> String {
    if let Some(error) = answer.get("error") {
        let code = error.get("code").map(Json::to_string).unwrap_or_default();
        let message = error.get("message").and_then(Json::as_str);
        return format!("{code} {}", message.unwrap_or_default());
    }
    let result = answer.get("result");
    if let Some(structured) = result.and_then(|it| it.get("structuredContent")) {
        let mut parts = Vec::new();
        collect(structured, &mut parts);
        return parts.join(", ");
    }
    let items = result.and_then(|it| it.get("content")?.as_array());
    codes(
        items.map(|items| Json::array(items.to_vec())).as_ref(),
        "text",
    )
    .join(" ")
}

/// `name: value` of the members that a table shows, at any depth.
fn collect(value: &Json, parts: &mut Vec<String>) {
    let Some(object) = value.as_object() else {
        return;
    };
    for (name, member) in object.iter() {
        if SHOWN_MEMBERS.contains(&name) {
            let text = member.as_str().map(str::to_owned);
            parts.push(format!(
                "{name}: {}",
                text.unwrap_or_else(|| member.to_string())
            ));
        }
        collect(member, parts);
    }
}
