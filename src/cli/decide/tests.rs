use super::remote::question;
use crate::model::call::Given;
use crate::model::json::{Limits, parse};
use crate::wire::{Question, v1};

fn given(more: &str) -> Given {
    let text = format!(
        r#"{{"version":1,"phase":"call","principal":{{"id":"agent_a","user":"u:ann","roles":["internal"],"attributes":{{"n":9007199254740993}}}},"mcp":{{"server":"demo","method":"tools/call","name":"read"}},"arguments":{{"id":1}}{more}}}"#
    );
    Given::from_input(&parse(text.as_bytes(), Limits::REQUEST).unwrap()).unwrap()
}

#[test]
fn an_input_becomes_a_question_that_the_pdp_reads_back() {
    let given = given(r#","context":{"purpose":"billing","correlation_id":"c-1"}"#);
    let asked = question(given.clone(), None).unwrap();
    assert_eq!(asked.correlation_id, "c-1");
    assert_eq!(asked.context["purpose"], "billing");
    assert_eq!(asked.context.len(), 1);
    let Some(v1::decide_request::Subject::Asserted(subject)) = &asked.subject else {
        panic!("asserted");
    };
    assert_eq!(subject.attributes_json, br#"{"n":9007199254740993}"#);
    let read = Question::read(asked, Limits::REQUEST).unwrap();
    assert_eq!(read.params, given.request.params);
    assert_eq!(read.mcp, given.request.mcp);
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    let itself = |member: &str| {
        format!(
            "`{member}` cannot be sent: the PDP works it out itself; leave it out, or decide with `--bundle`"
        )
    };
    let needs_call = "phase `result` needs `--call-id` with what the call's decision gave, and no other phase has one";
    let cases = [
        (r#","facts":{"sql":1}"#, None, itself("facts")),
        (
            r#","session":{"labels":["pii"]}"#,
            None,
            itself("session.labels"),
        ),
        (
            r#","tool":{"definition_digest":"sha256:0"}"#,
            None,
            itself("tool.definition_digest"),
        ),
        (
            r#","tool":{"untrusted_annotations":{"a":1}}"#,
            None,
            itself("tool.untrusted_annotations"),
        ),
        (
            r#","context":{"n":1}"#,
            None,
            "`context.n` cannot be sent: it must be a string, is number".to_owned(),
        ),
        ("", Some("call-1".to_owned()), needs_call.to_owned()),
    ];
    for (more, call_id, expected) in cases {
        let error = question(given(more), call_id).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
