//! What the strict parser accepts, any reader accepts, and reads as the same value; writing and
//! reading changes nothing; the canonical form is a fixed point.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value;
use toolgate::model::json::{Json, Limits, members, parse};

const LIMITS: Limits = Limits {
    bytes_max: 1 << 16,
    depth_max: 64,
    values_max: 1 << 20,
};

fuzz_target!(|data: &[u8]| {
    let parsed = parse(data, LIMITS);
    let parts = members(data, LIMITS);
    let Ok(json) = parsed else {
        assert!(parts.is_err(), "`members` accepts what `parse` refuses");
        return;
    };
    serde_json::from_slice::<IgnoredAny>(data).expect("another reader refuses it");
    // A double's range ends before ours: then there is nothing to compare.
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        assert!(is_same(&json, &value), "another reader sees {value}");
    }
    let written = json.to_bytes();
    assert_eq!(parse(&written, LIMITS).as_ref(), Ok(&json));
    let canonical = json.canonical();
    let again = parse(&canonical, LIMITS).expect("the canonical form is JSON");
    assert_eq!(again.canonical(), canonical);
    match (&json, parts) {
        (Json::Object(object), Ok(parts)) => {
            assert_eq!(object.len(), parts.len());
            for ((name, value), (of_parts, raw)) in object.iter().zip(parts) {
                assert_eq!(name, of_parts);
                assert_eq!(parse(raw, LIMITS).as_ref(), Ok(value));
            }
        }
        (_, parts) => assert!(parts.is_err(), "`members` reads what is no object"),
    }
});

fn is_same(json: &Json, value: &Value) -> bool {
    match (json, value) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Bool(b)) => a == b,
        (Json::String(a), Value::String(b)) => a == b,
        (Json::Number(a), Value::Number(b)) => {
            let is_double = b.is_f64();
            is_double || a.as_i64() == b.as_i64() && a.as_u64() == b.as_u64()
        }
        (Json::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Json::Object(a), Value::Object(b)) => {
            let same = |(name, value)| b.get(name).is_some_and(|b| is_same(value, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => false,
    }
}
