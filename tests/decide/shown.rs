//! An answer and its record as a reader sees them: what is the same on every run. What is not is
//! checked here.

use super::case::Variant;
use super::request::Asked;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::time::SystemTime;
use tonic::Status;
use toolgate::audit::hash::Hasher;
use toolgate::files::OsFiles;
use toolgate::model::json::{Json, Limits, parse};
use toolgate::model::time::Timestamp;
use toolgate::wire::digest;
use toolgate::wire::v1::{self, DecideRequest, DecideResponse};
use uuid::Uuid;

pub struct Shower {
    hasher: Hasher,
    variant: Variant,
    /// The evaluator that should run.
    engine: &'static str,
}

/// A gRPC status.
pub fn status(status: &Status) -> Value {
    json!({"code": format!("{:?}", status.code()), "message": status.message()})
}

impl Shower {
    pub fn new(audit_dir: &Path, variant: Variant, engine: &'static str) -> Self {
        let hasher = Hasher::open(&audit_dir.join("hash.key"), &OsFiles).unwrap();
        Self {
            hasher,
            variant,
            engine,
        }
    }

    pub fn show(&self, asked: &Asked, reply: &DecideResponse, record: &Value) -> Value {
        check_reply(&asked.request, reply);
        self.check_record(&asked.request, reply, record);
        json!({"reply": self.reply(reply), "record": self.record(record)})
    }

    fn reply(&self, reply: &DecideResponse) -> Value {
        let reason = |reason: &v1::Reason| {
            compact(json!({
                "code": reason.code,
                "message": reason.message,
                "policy": reason.policy,
                "origin": lower(reason.origin().as_str_name(), "ORIGIN_"),
                "retryable": reason.retryable,
            }))
        };
        let obligation = |owed: &v1::Obligation| {
            let mut all: Value = serde_json::from_slice(&owed.properties_json).unwrap();
            all["type"] = json!(owed.r#type);
            all["by"] = json!(lower(owed.fulfilled_by().as_str_name(), "FULFILLED_BY_"));
            all
        };
        let approval = reply.approval.as_ref().map(|approval| {
            let requirements = approval.requirements.iter().map(|required| {
                json!({"code": required.code, "by": required.by, "policy": required.policy})
            });
            requirements.collect::<Vec<_>>()
        });
        compact(json!({
            "effect": lower(reply.effect().as_str_name(), "EFFECT_"),
            "visibility": lower(reply.visibility().as_str_name(), "VISIBILITY_"),
            "reasons": reply.reasons.iter().map(reason).collect::<Vec<_>>(),
            "obligations": reply.obligations.iter().map(obligation).collect::<Vec<_>>(),
            "params": text(reply.params_json.as_deref()),
            "result": text(reply.result_json.as_deref()),
            "call_id": if reply.call_id.is_empty() { "" } else { "given" },
            "approval": approval,
            "policy": reply.policy.as_ref().map(|policy| json!({
                "version": policy.version,
                "revision": policy.revision,
                "engine": self.engine(&lower(policy.engine().as_str_name(), "ENGINE_")),
            })),
            "durable": reply.audit.as_ref().is_some_and(|audit| audit.index.is_some()),
        }))
    }

    fn engine(&self, name: &str) -> String {
        if name == self.engine {
            "as configured".to_owned()
        } else {
            name.to_owned()
        }
    }

    fn record(&self, record: &Value) -> Value {
        let mut record = record.clone();
        let fields = record.as_object_mut().unwrap();
        for name in [
            "seq",
            "prev",
            "time",
            "type",
            "origin",
            "decision_id",
            "evaluation_us",
        ] {
            fields.remove(name).unwrap();
        }
        for name in ["call_id", "session_id"] {
            if let Some(id) = fields.get_mut(name) {
                *id = json!("given");
            }
        }
        for name in ["arguments", "rewritten_arguments", "response", "released"] {
            if let Some(hashed) = fields.get_mut(name) {
                hashed.as_object_mut().unwrap().remove("hash").unwrap();
            }
        }
        if let Some(attempt) = fields.get_mut("attempt") {
            let peer = attempt["peer"].as_object_mut().unwrap();
            // As the connection has it: `tests/attempts.rs` looks at that.
            peer.retain(|name, _| name == "token");
        }
        if let Some(policy) = fields.get_mut("policy") {
            policy.as_object_mut().unwrap().remove("digest").unwrap();
        }
        if let Some(engine) = fields.get_mut("engine") {
            *engine = json!(self.engine(engine.as_str().unwrap()));
        }
        if let Some(by) = fields["principal"].get_mut("authenticated_by")
            && by == self.variant.authenticated_by()
        {
            *by = json!("connection");
        }
        compact(record)
    }

    fn check_record(&self, request: &DecideRequest, reply: &DecideResponse, record: &Value) {
        assert_eq!(record["decision_id"], reply.decision_id);
        assert_eq!(record["origin"], "golden");
        assert_eq!(reply.audit.as_ref().unwrap().origin, "golden");
        if let Some(index) = reply.audit.as_ref().unwrap().index {
            assert_eq!(record["seq"], index);
        }
        if !reply.call_id.is_empty() {
            assert_eq!(record["call_id"], reply.call_id);
        }
        if let Some(policy) = &reply.policy {
            assert_eq!(record["policy"]["digest"], policy.digest);
        }
        let arguments = |params: &[u8]| of_json(params)?.get("arguments").cloned();
        self.check_hash(record, "arguments", arguments(&request.params_json));
        self.check_hash(record, "response", of_json(&request.result_json));
        if let Some(params) = &reply.params_json {
            self.check_hash(record, "rewritten_arguments", arguments(params));
        }
        if let Some(result) = &reply.result_json {
            self.check_hash(record, "released", of_json(result));
        }
    }

    /// The record's hash is that of this content, number for number.
    fn check_hash(&self, record: &Value, name: &str, content: Option<Json>) {
        let Some(hashed) = record.get(name) else {
            return;
        };
        let time = Timestamp::parse_rfc3339(record["time"].as_str().unwrap()).unwrap();
        let tenant = record["tenant"].as_str().unwrap();
        let expected = self.hasher.hash(tenant, time, &content.unwrap());
        assert_eq!(hashed["hash"], expected.hash, "{name}");
    }
}

fn check_reply(request: &DecideRequest, reply: &DecideResponse) {
    let id = Uuid::parse_str(&reply.decision_id).unwrap();
    assert_eq!(id.get_version_num(), 7);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(reply.valid_until.unwrap().seconds as u64 >= now);
    let is_result = request.phase() == v1::Phase::Result;
    let judged = match (&reply.params_json, &reply.result_json) {
        (Some(bytes), _) | (None, Some(bytes)) => bytes,
        (None, None) if is_result && !is_malformed(reply) => &request.result_json,
        (None, None) => &request.params_json,
    };
    assert_eq!(reply.judged_digest, digest(judged));
}

fn is_malformed(reply: &DecideResponse) -> bool {
    reply
        .reasons
        .iter()
        .any(|reason| reason.code == "malformed_request")
}

fn of_json(bytes: &[u8]) -> Option<Json> {
    parse(bytes, Limits::REQUEST).ok()
}

fn lower(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap().to_lowercase()
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.map(|bytes| std::str::from_utf8(bytes).unwrap())
}

/// Without what is empty, false or absent.
fn compact(value: Value) -> Value {
    let Value::Object(fields) = value else {
        return value;
    };
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let kept = fields.into_iter().filter(|(_, value)| !is_empty(value));
    Value::Object(kept.collect::<Map<_, _>>())
}
