//! Calls of other agents to other servers, decided over gRPC without a shim.

use super::pdp::DemoPdp;
use super::report::Step;
use crate::cli::CliError;
use crate::model::json::{Json, Limits, parse};
use crate::model::time::Timestamp;
use crate::wire::v1;
use std::collections::HashMap;
use std::time::Instant;

/// Fridays and a Saturday in London, in winter.
const FRIDAY_10_00: &str = "2026-11-20T10:00:00Z";
const FRIDAY_17_00: &str = "2026-11-20T17:00:00Z";
const SATURDAY_10_00: &str = "2026-11-21T10:00:00Z";
/// One character more than a note may have.
const NOTE_TOO_LONG_CHARS: usize = 501;

/// A question, and what must be answered.
struct Question {
    who: &'static str,
    server: &'static str,
    tool: &'static str,
    /// What is special about it.
    about: &'static str,
    /// A JSON object.
    arguments: &'static str,
    purpose: &'static str,
    time: &'static str,
    effect: &'static str,
    reasons: &'static [&'static str],
    /// The types of the obligations.
    owes: &'static [&'static str],
}

const BASE: Question = Question {
    who: "agent_analytics",
    server: "crm",
    tool: "read_customer_record",
    about: "",
    arguments: r#"{"customer_id":"K-7"}"#,
    purpose: "",
    time: FRIDAY_10_00,
    effect: "deny",
    reasons: &[],
    owes: &[],
};

const BILLING: Question = Question {
    who: "agent_finance",
    server: "billing",
    tool: "update_billing_record",
    about: "invoice, Fri 10:00",
    arguments: r#"{"record_id":"B-3","record_type":"invoice","amount":120}"#,
    purpose: "billing",
    ..BASE
};

const NOTE: Question = Question {
    who: "agent_customer",
    tool: "update_customer_note",
    about: "own region",
    arguments: r#"{"customer_id":"K-7","note":"called back","region":"eu"}"#,
    ..BASE
};

/// A note's text that is replaced by one that is too long.
const LONG_NOTE: &str = "LONG";

const QUESTIONS: &[Question] = &[
    Question {
        effect: "constrain",
        reasons: &["crm.read"],
        owes: &["mask_fields"],
        ..BASE
    },
    Question {
        tool: "delete_customer_record",
        reasons: &["crm.delete"],
        ..BASE
    },
    Question {
        who: "agent_crm_admin",
        tool: "delete_customer_record",
        effect: "constrain",
        reasons: &["crm.delete"],
        owes: &["audit"],
        ..BASE
    },
    Question {
        effect: "constrain",
        reasons: &["billing.update"],
        owes: &["audit"],
        ..BILLING
    },
    Question {
        about: "payment card, Fri 10:00",
        arguments: r#"{"record_id":"B-4","record_type":"payment_card"}"#,
        reasons: &["billing.sensitivity"],
        ..BILLING
    },
    Question {
        about: "invoice, Fri 17:00",
        time: FRIDAY_17_00,
        reasons: &["billing.hours"],
        ..BILLING
    },
    Question {
        about: "invoice, Sat 10:00",
        time: SATURDAY_10_00,
        reasons: &["billing.hours"],
        ..BILLING
    },
    Question {
        who: "agent_analytics",
        reasons: &["billing.role"],
        about: "invoice, Fri 11:00 in Paris",
        ..BILLING
    },
    Question {
        effect: "allow",
        reasons: &["crm.note"],
        ..NOTE
    },
    Question {
        about: "501 characters",
        arguments: r#"{"customer_id":"K-7","note":"LONG","region":"eu"}"#,
        reasons: &["crm.note.length"],
        ..NOTE
    },
    Question {
        about: "other region",
        arguments: r#"{"customer_id":"K-8","note":"called back","region":"us"}"#,
        reasons: &["crm.note.region"],
        ..NOTE
    },
];

/// Asks them all, at the time that each is about.
pub async fn ask_all(pdp: &DemoPdp) -> Result<Vec<Step>, CliError> {
    let mut steps = Vec::new();
    for question in QUESTIONS {
        let time = Timestamp::parse_rfc3339(question.time).unwrap_or_default();
        pdp.clock.hold(time);
        steps.push(ask(pdp, question).await?);
    }
    pdp.clock.release();
    Ok(steps)
}

async fn ask(pdp: &DemoPdp, question: &Question) -> Result<Step, CliError> {
    let request = request(question)?;
    let started = Instant::now();
    let reply = pdp.decide(request).await?;
    let took = started.elapsed();
    let codes: Vec<_> = reply.reasons.iter().map(|it| it.code.as_str()).collect();
    let owes: Vec<_> = reply
        .obligations
        .iter()
        .map(|it| it.r#type.as_str())
        .collect();
    let effect = match reply.effect() {
        v1::Effect::Allow => "allow",
        v1::Effect::Constrain => "constrain",
        v1::Effect::RequireApproval => "require_approval",
        v1::Effect::Deny => "deny",
        v1::Effect::Unspecified => "none",
    };
    let message = reply.reasons.first().map(|it| it.message.clone());
    let mut step = Step {
        who: question.who.to_owned(),
        what: match question.about {
            "" => question.tool.to_owned(),
            about => format!("{}: {about}", question.tool),
        },
        verdict: effect.to_owned(),
        reasons: codes.iter().map(|code| (*code).to_owned()).collect(),
        result: match owes.as_slice() {
            [] => message.unwrap_or_default(),
            owes => format!("owes {}", owes.join(", ")),
        },
        took,
        ..Step::default()
    };
    step.check(effect == question.effect, || {
        format!("expected `{}`, got `{effect}`", question.effect)
    });
    step.check(codes == question.reasons, || {
        format!("expected the reasons {:?}, got {codes:?}", question.reasons)
    });
    step.check(owes == question.owes, || {
        format!("expected the obligations {:?}, got {owes:?}", question.owes)
    });
    Ok(step)
}

fn request(question: &Question) -> Result<v1::DecideRequest, CliError> {
    let note = "n".repeat(NOTE_TOO_LONG_CHARS);
    let arguments = question.arguments.replace(LONG_NOTE, &note);
    let arguments = parse(arguments.as_bytes(), Limits::REQUEST).map_err(CliError::failure)?;
    let params = Json::object([
        ("name", Json::from(question.tool)),
        ("arguments", arguments),
    ]);
    let mut context = HashMap::new();
    if !question.purpose.is_empty() {
        context.insert("purpose".to_owned(), question.purpose.to_owned());
    }
    let subject = v1::AssertedSubject {
        id: question.who.to_owned(),
        ..v1::AssertedSubject::default()
    };
    Ok(v1::DecideRequest {
        phase: v1::Phase::Call.into(),
        subject: Some(v1::decide_request::Subject::Asserted(subject)),
        mcp: Some(v1::Mcp {
            server: question.server.to_owned(),
            method: "tools/call".to_owned(),
            name: question.tool.to_owned(),
            ..v1::Mcp::default()
        }),
        params_json: params.to_bytes(),
        context,
        ..v1::DecideRequest::default()
    })
}
