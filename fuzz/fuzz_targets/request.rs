//! A question that was accepted is within every limit, is what the bytes say, and has nothing in
//! it that a log line could be broken with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prost::Message;
use toolgate::model::json::{Json, Limits, parse};
use toolgate::wire::v1::DecideRequest;
use toolgate::wire::{Question, digest};

fuzz_target!(|data: &[u8]| {
    let Ok(request) = DecideRequest::decode(data) else {
        return;
    };
    let Ok(question) = Question::read(request.clone(), Limits::REQUEST) else {
        return;
    };
    assert!(!question.mcp.server.is_empty() && !question.mcp.method.is_empty());
    assert_eq!(question.params_digest, digest(&request.params_json));
    if request.params_json.is_empty() {
        assert!(question.params.is_empty());
    } else {
        let params = parse(&request.params_json, Limits::REQUEST);
        assert_eq!(params, Ok(Json::Object(question.params)));
    }
    if let Some((result, of_bytes)) = question.result {
        assert_eq!(parse(&request.result_json, Limits::REQUEST), Ok(result));
        assert_eq!(of_bytes, digest(&request.result_json));
        assert!(!question.call_id.is_empty());
    }
    let texts = [
        &question.request_id,
        &question.mcp.server,
        &question.mcp.method,
        &question.mcp.name,
        &question.call_id,
        &question.client_session,
        &question.correlation_id,
        &question.traceparent,
    ];
    for text in texts {
        assert!(!text.chars().any(char::is_control) && text.len() <= 4096);
    }
    assert_eq!(question.context.len(), request.context.len());
});
