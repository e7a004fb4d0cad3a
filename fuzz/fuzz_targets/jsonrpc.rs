//! A frame that was accepted is one JSON-RPC message to any other reader too, its parts are parts
//! of its bytes, and replacing one changes nothing else.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use toolgate::model::json::{Limits, parse};
use toolgate::shim::message::{Body, Id, Message, scan};

fuzz_target!(|data: &[u8]| {
    let message = match scan(data) {
        Ok(message) => message,
        Err(refused) => {
            let is_json = parse(data, Limits::REQUEST).is_ok();
            assert!(is_json || refused.id.is_none(), "an id out of no JSON");
            return;
        }
    };
    assert_eq!(message.bytes, data);
    // A double's range ends before ours: then there is nothing to compare.
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    assert_eq!(value["jsonrpc"], "2.0");
    let is = |name: &str| value.get(name).is_some();
    match &message.body {
        Body::Request(request) => {
            assert_eq!(value["method"], request.method.as_str());
            assert!(is_id(&request.id, &value["id"]));
            assert!(!is("result") && !is("error"));
            assert_eq!(is("params"), request.params.is_some());
            replace(&message, request.params, &value, "params");
        }
        Body::Notification(notification) => {
            assert_eq!(value["method"], notification.method.as_str());
            assert!(!is("id") && !is("result") && !is("error"));
            replace(&message, notification.params, &value, "params");
        }
        Body::Response(response) => {
            assert!(is_id(&response.id, &value["id"]));
            assert!(!is("method") && is("result") != is("error"));
            let name = if is("result") { "result" } else { "error" };
            replace(&message, Some(response.payload.raw()), &value, name);
        }
    }
});

fn is_id(id: &Id, value: &Value) -> bool {
    match id {
        Id::Integer(number) => value.as_i64() == Some(*number),
        Id::Text(text) => value.as_str() == Some(text),
    }
}

fn replace(message: &Message<'_>, part: Option<&[u8]>, value: &Value, name: &str) {
    let Some(part) = part else {
        return;
    };
    let same = message.with(part, part).expect("it is a part");
    assert_eq!(same, message.bytes);
    let other = message.with(part, b"{\"new\":1}").expect("it is a part");
    let mut expected = value.clone();
    expected[name] = serde_json::json!({"new": 1});
    assert_eq!(serde_json::from_slice::<Value>(&other).ok(), Some(expected));
}
