//! Records for tests: one of each type with every field, and any number of random ones.

use super::*;
use crate::audit::content::Omitted;
use crate::audit::hash::Hashed;
use crate::model::attempt::{Attempt, Claim, ClaimedBy, SeenPeer};
use crate::model::bundle::Change;
use crate::model::call::{Mcp, Phase, Request};
use crate::model::finding::{Finding, Severity};
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::principal::{AuthenticatedBy, Principal};
use crate::model::reason::{Code, Origin, Reason};
use crate::model::revision::EngineKind;
use crate::model::verdict::{Approval, Effect, Filtered, Shadow, Verdict};

pub const TIME: Timestamp = Timestamp::from_nanos(1_795_190_400_123_456_000);

pub fn request() -> Request {
    let arguments = Json::object([("contract", "c-1"), ("api_key", "k-123456")]);
    Request {
        phase: Phase::Call,
        tenant: "acme".into(),
        principal: Principal {
            id: "agent_analytics".into(),
            user: Some("u:ann".into()),
            agent: Some("a:claude".into()),
            client: Some("c:ide".into()),
            authenticated_by: AuthenticatedBy::Jwt,
            ..Principal::default()
        },
        mcp: Mcp {
            server: "contracts".into(),
            method: "tools/call".into(),
            name: "read_contract".into(),
            protocol: "2025-11-25".into(),
        },
        definition_digest: Some(format!("sha256:{:064}", 1)),
        untrusted_annotations: Object::new(),
        params: Object::from_iter([("arguments", arguments)]),
        result: None,
        session_id: "s-1".into(),
        context: Object::from_iter([("purpose", "billing"), ("correlation_id", "corr-1")]),
    }
}

pub fn verdict() -> Verdict {
    Verdict {
        effect: Effect::Constrain,
        visible: true,
        reasons: vec![Reason {
            code: "contracts.read".into(),
            message: "secret of c-1".into(),
            policy: "contracts".into(),
            origin: Origin::Policy,
            retryable: false,
        }],
        obligations: vec![
            Obligation::MaskFields {
                fields: vec!["email".into(), "/customer/phone".into()],
            },
            Obligation::LimitRows { rows: 10 },
        ],
        approvals: vec![Approval {
            code: "contracts.sign".into(),
            by: vec!["legal".into()],
            policy: "contracts".into(),
        }],
        policies: vec!["contracts".into()],
        shadow: vec![Shadow {
            policy: "new_rules".into(),
            effect: Effect::Deny,
            codes: vec!["region.mismatch".into()],
        }],
        params: None,
        result: None,
        filtered: Some(filtered()),
        engine: Some(EngineKind::Rvm),
    }
}

pub fn filtered() -> Filtered {
    Filtered {
        masked: vec!["email".into()],
        dropped: vec!["/customer/phone".into()],
        rows_removed: 3,
    }
}

pub fn claim() -> Claim {
    Claim {
        verified: true,
        issuer: Some("https://issuer.example".into()),
        id: Some("eve".into()),
        user: Some("u:eve".into()),
        agent: Some("a:claude".into()),
        client: Some("c:ide".into()),
        delegation: vec!["u:boss".into()],
        ..Claim::new(ClaimedBy::Token)
    }
}

pub fn attempt() -> Attempt {
    Attempt {
        failed: "no caller's entry matches what the connection proved".into(),
        claimed: Some(claim()),
        peer: SeenPeer {
            uid: Some(1000),
            address: Some("192.0.2.7:40123".into()),
            spiffe_id: Some("spiffe://acme.example/stranger".into()),
            dns_names: vec!["stranger.acme.example".into()],
            token: Some(claim()),
        },
    }
}

pub fn revision() -> Revision {
    Revision {
        version: 3,
        revision: "2026-11-21".into(),
        digest: format!("sha256:{:064}", 7),
    }
}

pub fn hashed() -> Hashed {
    Hashed {
        hash: format!("hmac-sha256:2026-11.0011223344556677:{:064}", 5),
        size: 41,
        secret_present: true,
        secret_valid: Some(true),
        reference: Some("ref-1".into()),
        omitted: None,
    }
}

/// Content that the store did not keep.
fn omitted() -> Hashed {
    Hashed {
        reference: None,
        omitted: Some(Omitted::TooLarge),
        ..hashed()
    }
}

pub fn position(seq: u64) -> ShimPosition {
    ShimPosition {
        id: "shim-1".into(),
        epoch: 2,
        seq: Some(seq),
        seq_reused: false,
    }
}

/// A decision with every field.
pub fn decision() -> DecisionRecord {
    let text = |text: &str| Some(text.to_owned());
    DecisionRecord {
        decision_id: "0199-d".into(),
        call_id: "0199-c".into(),
        caller: text("spiffe://acme/shim"),
        attempt: Some(Box::new(attempt())),
        dropped: vec!["context.roles".into()],
        traceparent: text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        data_classification: text("internal"),
        risk_tier: text("2"),
        arguments: Some(hashed()),
        rewritten_arguments: Some(hashed()),
        response: Some(hashed()),
        released: Some(hashed()),
        reported_code: text("vendor_code"),
        evaluation_us: 48,
        dlp_result: text("clean"),
        labels: vec!["pii".into()],
        shim: Some(position(4)),
        event_id: text("0199-e"),
        event_time: Some(TIME),
        ..DecisionRecord::new(&request(), &verdict(), Some(&revision()))
    }
}

pub fn outcome() -> OutcomeRecord {
    OutcomeRecord {
        decision_id: "0199-d".into(),
        decision_known: true,
        tenant: Some("acme".into()),
        decision_origin: Some("pdp/2".into()),
        call_id: "0199-c".into(),
        status: OutcomeStatus::Ok,
        response: Some(hashed()),
        judged: true,
        filtered: Some(filtered()),
        secret_present: Some(true),
        secret_valid: Some(false),
        fields_returned: vec!["name".into()],
        masked: vec!["email".into()],
        dlp_result: Some("clean".into()),
        labels: vec!["pii".into()],
        latency_ms: 12,
        shim: Some(position(5)),
        event_id: Some("0199-f".into()),
        event_time: Some(TIME),
    }
}

fn change() -> Change {
    Change {
        bundle: "demo".into(),
        author: "ann@acme.example".into(),
        reviewer: "bob@acme.example".into(),
        reason: "auditors read contracts of their region".into(),
        commit: "3f2c1d0a".into(),
        ticket: "SEC-17".into(),
    }
}

pub fn finding() -> Finding {
    Finding {
        severity: Severity::Error,
        code: "fail_open",
        package: "policies.contracts".into(),
        path: "contracts/policy.rego".into(),
        line: 3,
        column: 9,
        message: "`input.arguments.region` may be undefined".into(),
        hint: String::new(),
    }
}

/// One record of each type, every field set.
pub fn all() -> Vec<Record> {
    vec![
        Record::Decision(Box::new(decision())),
        Record::Outcome(Box::new(outcome())),
        Record::PolicyLoaded(PolicyLoaded {
            policy: revision(),
            previous: Some(revision()),
            packages: vec!["policies.contracts".into()],
            source: "bundles/demo".into(),
            changes: vec![change()],
            findings: vec![finding()],
        }),
        Record::PolicyRefused(PolicyRefused {
            digest: Some(revision().digest),
            revision: Some("r4".into()),
            active: Some(revision()),
            source: "bundles/demo".into(),
            error: "1 finding".into(),
            changes: vec![change()],
            findings: vec![finding()],
        }),
        Record::PolicyReload(PolicyReload {
            by: "operator".into(),
        }),
        Record::PolicyRolledBack(PolicyRolledBack {
            policy: revision(),
            previous: Some(revision()),
            reason: "the new scope of `contracts` denies everybody".into(),
            by: "operator".into(),
            until: TIME,
            changes: vec![change()],
        }),
        Record::ShimConnected(ShimConnected {
            shim: position(1),
            event_id: "0199-g".into(),
            event_time: Some(TIME),
            caller: "uid:1000".into(),
            tool_server: "contracts".into(),
            version: "0.1.0".into(),
        }),
        Record::Gap(Gap {
            shim_id: "shim-1".into(),
            epoch: 2,
            first_seq: 2,
            last_seq: 3,
        }),
        Record::Heartbeat(Heartbeat {
            shim: Some(position(6)),
            event_id: Some("0199-h".into()),
            event_time: Some(TIME),
            spooled: Some(0),
        }),
        Record::CallsRefused(CallsRefused {
            since: TIME,
            until: TIME,
            calls: 300,
            from: vec![RefusedPeer {
                peer: "192.0.2.7".into(),
                calls: 200,
            }],
            of_others: 100,
        }),
        Record::AuditRead(read()),
        Record::AuditRead(AuditRead {
            by: "auditor".into(),
            justification: "complaint 17".into(),
            rpc: "GetContent",
            reference: Some("ref-1".into()),
            approved_by: Some("u:legal".into()),
            ..AuditRead::default()
        }),
        Record::AuditRead(AuditRead {
            by: "shim".into(),
            justification: "-".into(),
            rpc: "Query",
            refused: Some("the caller's entry does not let it `audit.read`".into()),
            ..AuditRead::default()
        }),
        Record::Decision(Box::new(DecisionRecord {
            arguments: Some(omitted()),
            rewritten_arguments: Some(omitted()),
            response: Some(omitted()),
            released: Some(omitted()),
            ..decision()
        })),
        Record::Outcome(Box::new(OutcomeRecord {
            response: Some(omitted()),
            ..outcome()
        })),
        Record::ContentErased(ContentErased {
            tenant: "acme".into(),
            month: "2026-10".into(),
            by: "ann@acme.example".into(),
            reason: "retention of 12 months is over".into(),
            objects: 41,
        }),
        Record::LogRepaired(LogRepaired {
            first_seq: 7,
            lines: 3,
            bytes: 1_024,
            digest: format!("sha256:{:064}", 9),
            file: "cut-00000000000000000007-0000000000000000.bin".into(),
            files: vec!["cut-00000000000000000007-0000000000000000.bin".into()],
            checkpoint: Some("cut-checkpoint-00000000000000000009-00".into()),
            fault: "`log-00000000000000000000.jsonl` line 8 (seq 7): not canonical JSON".into(),
        }),
        Record::KeyRotated(Box::new(KeyRotated {
            previous: "pdp/1+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".into(),
            next: "pdp/1+c3ba7d4c+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l".into(),
            note: "toolgate audit key rotated\npdp/1\n7\n…\n…\n…\n\n— pdp/1 …\n— pdp/1 …\n".into(),
        })),
        Record::Decision(Box::new(denied())),
        Record::Heartbeat(Heartbeat::default()),
    ]
}

/// A read of the log with every filter.
fn read() -> AuditRead {
    let texts = [
        ("agent", "a:claude"),
        ("caller", "spiffe://acme/shim"),
        ("correlation_id", "corr-1"),
        ("decision_id", "0199-d"),
        ("effect", "allow"),
        ("from", "2026-11-20T00:00:00.000000Z"),
        ("order", "newest_first"),
        ("principal", "agent_analytics"),
        ("reason", "contracts.read"),
        ("revision", "2026-11-21"),
        ("server", "contracts"),
        ("session_id", "s-1"),
        ("tool", "read_contract"),
        ("until", "2026-11-21T00:00:00.000000Z"),
        ("user", "u:ann"),
    ];
    let mut query = Object::from_iter(texts);
    query.insert("at_seq", 41_u64);
    query.insert("status", "ok");
    query.insert("types", Json::array(["decision", "outcome"]));
    AuditRead {
        by: "auditor".into(),
        justification: "complaint 17".into(),
        rpc: "Query",
        query: Some(query),
        records: Some(3),
        ..AuditRead::default()
    }
}

/// A decision with as few fields as there can be.
pub fn denied() -> DecisionRecord {
    let mut request = request();
    request.principal = Principal::default();
    request.definition_digest = None;
    request.context = Object::new();
    request.session_id.clear();
    request.mcp.name.clear();
    let mut verdict = Verdict::from(Code::Unauthenticated);
    verdict.obligations.push(Obligation::Audit {
        level: AuditLevel::Full,
        durable: false,
    });
    DecisionRecord::new(&request, &verdict, None)
}
