//! `toolgate demo`, as somebody runs it.

use serde_json::Value;
use std::process::{Command, Output};

fn demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
    // From anywhere: the bundle is embedded.
    let directory = tempfile::tempdir().unwrap();
    command
        .arg("demo")
        .args(arguments)
        .current_dir(directory.path());
    command.output().unwrap()
}

/// Who does what, what it comes to, and what of the result must be seen.
const STEPS: &[(&str, &str, &str, &str)] = &[
    ("agent_internal", "tools/list", "4 shown", "sign_contract"),
    (
        "agent_customer",
        "tools/list",
        "3 shown",
        "read_contract, send_email, log_event",
    ),
    (
        "agent_internal",
        "read_contract",
        "allow",
        "email: anna.weber@example.com",
    ),
    (
        "agent_internal",
        "sign_contract",
        "require_approval",
        "A human has to approve",
    ),
    (
        "agent_internal",
        "send_email to cfo@bank.example",
        "allow",
        "egress.iban in shadow",
    ),
    (
        "agent_customer",
        "read_contract",
        "constrain",
        "email: ***, phone: ***, iban: ***",
    ),
    (
        "agent_customer",
        "sign_contract",
        "deny",
        "-32602 Unknown tool: sign_contract",
    ),
    (
        "agent_customer",
        "shred_contract",
        "deny",
        "-32602 Unknown tool: shred_contract",
    ),
    (
        "agent_customer",
        "send_email to ann@example.com",
        "constrain",
        "reply_to: support@example.com",
    ),
    (
        "agent_customer",
        "send_email to eve@evil.example",
        "deny",
        "(messaging.recipient)",
    ),
    ("agent_customer", "log_event", "allow", "logged"),
    (
        "agent_analytics",
        "read_customer_record",
        "constrain",
        "owes mask_fields",
    ),
    (
        "agent_analytics",
        "delete_customer_record",
        "deny",
        "CRM administrators",
    ),
    (
        "agent_crm_admin",
        "delete_customer_record",
        "constrain",
        "owes audit",
    ),
    (
        "agent_finance",
        "update_billing_record: invoice, Fri 10:00",
        "constrain",
        "owes audit",
    ),
    (
        "agent_finance",
        "update_billing_record: payment card, Fri 10:00",
        "deny",
        "internal",
    ),
    (
        "agent_finance",
        "update_billing_record: invoice, Fri 17:00",
        "deny",
        "business hours",
    ),
    (
        "agent_finance",
        "update_billing_record: invoice, Sat 10:00",
        "deny",
        "business hours",
    ),
    (
        "agent_analytics",
        "update_billing_record: invoice, Fri 11:00 in Paris",
        "deny",
        "finance",
    ),
    (
        "agent_customer",
        "update_customer_note: own region",
        "allow",
        "",
    ),
    (
        "agent_customer",
        "update_customer_note: 501 characters",
        "deny",
        "500 characters",
    ),
    (
        "agent_customer",
        "update_customer_note: other region",
        "deny",
        "region",
    ),
    (
        "the operator",
        "edits contracts/contracts.rego",
        "in force",
        "internal agents alone",
    ),
    (
        "agent_customer",
        "read_contract",
        "deny",
        "-32602 Unknown tool: read_contract",
    ),
    (
        "agent_internal",
        "read_contract",
        "allow",
        "email: anna.weber@example.com",
    ),
    (
        "the operator",
        "breaks contracts/contracts.rego",
        "refused",
        "contracts/contracts.rego:",
    ),
    (
        "agent_customer",
        "read_contract",
        "deny",
        "-32602 Unknown tool: read_contract",
    ),
    (
        "the operator",
        "edits contracts/contracts.rego",
        "in force",
        "as before",
    ),
    (
        "agent_customer",
        "read_contract",
        "constrain",
        "email: ***, phone: ***, iban: ***",
    ),
    ("an auditor", "verifies the log", "whole", "7 outcome"),
    (
        "an auditor",
        "proves a record to somebody else",
        "proved",
        "the log's signature",
    ),
    (
        "an auditor",
        "verifies a copy with one byte changed",
        "broken",
        "the record was altered",
    ),
    (
        "an auditor",
        "verifies one rewritten without the key",
        "broken",
        "another root",
    ),
];

#[test]
fn every_step_comes_to_what_it_must() {
    let output = demo(&["--output", "json"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["ok"], true);
    let text = |step: &Value, member: &str| step[member].as_str().unwrap().to_owned();
    let steps = document["steps"].as_array().unwrap();
    assert_eq!(steps.len(), STEPS.len());
    for (step, (who, what, verdict, result)) in steps.iter().zip(STEPS) {
        let expected = [who, what, verdict].map(|it| (*it).to_owned());
        assert_eq!(
            ["who", "what", "verdict"].map(|it| text(step, it)),
            expected
        );
        assert!(text(step, "result").contains(result), "{step}");
        assert_eq!(step["problems"], Value::Array(Vec::new()));
        assert!(step["microseconds"].as_u64().unwrap() > 0);
    }
    let log = &document["log"];
    let by_type = log["by_type"].as_object().unwrap().values();
    let records: u64 = by_type.map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(log["records"], records);
    let altered = log["altered_record"].as_u64().unwrap();
    assert!(altered < records - 1);
    assert!(
        log["found"]
            .as_str()
            .unwrap()
            .contains(&format!("(seq {altered})"))
    );
}

#[test]
fn in_a_pipe_it_is_plain_and_has_every_step() {
    let output = demo(&[]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    for (who, what, verdict, _) in STEPS {
        let row = format!("{who}\t{what}\t{verdict}\t");
        assert!(
            text.lines().any(|line| line.starts_with(&row)),
            "{row} is missing in {text}"
        );
    }
    let end = format!("{} steps, each as expected", STEPS.len());
    assert!(text.lines().last().unwrap().starts_with(&end), "{text}");
}
