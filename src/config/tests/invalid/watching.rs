//! Who is to watch the audit logs.

use super::{AUDIT, check};
use crate::config::tests::{SMALL, parse};
use std::time::Duration;

const LOG_KEY: &str = "a.example+6e30238d+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const KEY: &str = "witness.example/w1+7e136b5c+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

fn with(section: &str) -> String {
    SMALL.replacen(AUDIT, &format!("{AUDIT}\n{section}"), 1)
}

#[test]
fn a_witness_has_an_address_and_a_key_of_its_own() {
    for (witness, expected) in [
        (
            "",
            "`audit.witnesses[].url` is missing\n`audit.witnesses[].key` is missing",
        ),
        (
            "url = 'witness.example'\nkey = 'KEY'",
            "`audit.witnesses[].url` is of no use: it must be a URL such as `https://witness.example/submit`",
        ),
        (
            "url = 'http://witness.example'\nkey = 'KEY'",
            "`audit.witnesses[].url` is of no use: it must be `https`; `http` is for `localhost` and loopback addresses alone",
        ),
        (
            "url = 'https://w.example/?a=b'\nkey = 'KEY'",
            "`audit.witnesses[].url` is of no use: it may not have a query",
        ),
        (
            "url = 'https://w.example'\nkey = 'LOG_KEY'",
            "`audit.witnesses[].key` is a log's key: a witness's is of kind 0x04",
        ),
        (
            "url = 'https://w.example'\nkey = 'w'",
            "`audit.witnesses[].key`: `w` is no verifier key: expected `<name>+<key id>+<key>`",
        ),
        (
            "url = 'https://w.example'\nkey = 'KEY'\nkeys = []",
            "unknown key `audit.witnesses[].keys`; did you mean `key`?",
        ),
        (
            "url = 'https://w.example'\nkey = 'KEY'\n[[audit.witnesses]]\nurl = 'https://w.example'\nkey = 'KEY'",
            "an earlier entry of `audit.witnesses` has the key `KEY`",
        ),
    ] {
        let fill = |text: &str| text.replace("LOG_KEY", LOG_KEY).replace("KEY", KEY);
        let text = with(&format!("[[audit.witnesses]]\n{}", fill(witness)));
        let problems = parse(&text).unwrap_err();
        let said: Vec<_> = problems.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(said.join("\n"), fill(expected), "{text}");
    }
    let text = with(&format!(
        "witness_seconds = 7\n[[audit.witnesses]]\nurl = 'https://w.example/submit/'\nkey = '{KEY}'"
    ));
    let audit = parse(&text).unwrap().audit;
    assert_eq!(audit.witness_interval, Duration::from_secs(7));
    let witness = &audit.witnesses[0];
    assert_eq!(
        (witness.url.path.as_str(), witness.url.is_tls),
        ("/submit", true)
    );
    assert_eq!(witness.key.to_string(), KEY);
}

#[test]
fn a_receiver_of_otlp_has_an_address_without_a_path() {
    check(&[(
        AUDIT,
        "dir = 'a'\n[audit.otlp]\nendpoint = 'https://c.example:4317/v1/logs'",
        "12:12: `audit.otlp.endpoint` is of no use: it may not have a path: OTLP over gRPC has none",
    )]);
    let audit = parse(&with("[audit.otlp]\nendpoint = 'http://127.0.0.1:4317'"))
        .unwrap()
        .audit;
    assert_eq!(audit.otlp.unwrap().queue_records_max, 8192);
    assert_eq!(parse(SMALL).unwrap().audit.otlp, None);
}
