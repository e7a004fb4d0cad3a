use super::{LARGE_QUESTION_BYTES, json_bytes};
use crate::wire::v1::decide_request::Subject;
use crate::wire::v1::{AssertedSubject, DecideRequest, ToolDefinition};

#[test]
fn all_json_of_a_question_counts() {
    let json = || vec![b' '; LARGE_QUESTION_BYTES + 1];
    let subject = AssertedSubject {
        attributes_json: json(),
        ..AssertedSubject::default()
    };
    let tool = ToolDefinition {
        definition_json: json(),
    };
    for (part, question) in [
        (
            "params",
            DecideRequest {
                params_json: json(),
                ..DecideRequest::default()
            },
        ),
        (
            "result",
            DecideRequest {
                result_json: json(),
                ..DecideRequest::default()
            },
        ),
        (
            "attributes",
            DecideRequest {
                subject: Some(Subject::Asserted(subject)),
                ..DecideRequest::default()
            },
        ),
        (
            "definition",
            DecideRequest {
                tool: Some(tool),
                ..DecideRequest::default()
            },
        ),
    ] {
        assert!(json_bytes(&question) > LARGE_QUESTION_BYTES, "{part}");
    }
    assert_eq!(json_bytes(&DecideRequest::default()), 0);
}
