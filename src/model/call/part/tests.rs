use super::InputPart;
use crate::model::call::{Facts, Given, Request};
use crate::model::json::{Json, Limits, parse};

fn request(principal: &str, context: &str) -> Request {
    let input = format!(
        r#"{{"version":1,"phase":"call","principal":{principal},
            "mcp":{{"server":"s","method":"m"}},"context":{context}}}"#
    );
    let given = Given::from_input(&parse(input.as_bytes(), Limits::REQUEST).unwrap()).unwrap();
    assert_eq!(given.facts, Facts::default());
    given.request
}

fn key(parts: &[InputPart], request: &Request) -> String {
    let mut key = String::new();
    parts
        .iter()
        .for_each(|part| request.write_part(part, &mut key));
    key
}

#[test]
fn neighbours_are_not_taken_for_one_another() {
    let id_and_roles = [InputPart::PrincipalId, InputPart::PrincipalRoles];
    let members = ["a", "b"].map(|name| InputPart::ContextMember(name.to_owned()));
    let whole = [InputPart::Context, InputPart::Principal];
    for (parts, (principal, context), (other_principal, other_context)) in [
        (
            &id_and_roles[..],
            (r#"{"id":"ab"}"#, "{}"),
            (r#"{"id":"a","roles":["b"]}"#, "{}"),
        ),
        (
            &id_and_roles,
            (r#"{"id":"a","roles":["b","c"]}"#, "{}"),
            (r#"{"id":"a","roles":["bc"]}"#, "{}"),
        ),
        (
            &id_and_roles,
            (r#"{"id":"a","roles":[""]}"#, "{}"),
            (r#"{"id":"a","roles":[]}"#, "{}"),
        ),
        (
            &members,
            (r#"{"id":"a"}"#, r#"{"a":1,"b":11}"#),
            (r#"{"id":"a"}"#, r#"{"a":11,"b":1}"#),
        ),
        (
            &members,
            (r#"{"id":"a"}"#, r#"{"a":1}"#),
            (r#"{"id":"a"}"#, r#"{"b":1}"#),
        ),
        (
            &members,
            (r#"{"id":"a"}"#, r#"{"a":null}"#),
            (r#"{"id":"a"}"#, "{}"),
        ),
        (
            &whole,
            (r#"{"id":"a"}"#, r#"{"a":{"b":1}}"#),
            (r#"{"id":"a"}"#, r#"{"a":{},"b":1}"#),
        ),
        (
            &whole,
            (r#"{"id":"a","user":"b"}"#, "{}"),
            (r#"{"id":"a","agent":"b"}"#, "{}"),
        ),
        (
            &whole,
            (r#"{"id":"a","delegation":["b"]}"#, "{}"),
            (r#"{"id":"a","roles":["b"]}"#, "{}"),
        ),
    ] {
        let (first, second) = (
            request(principal, context),
            request(other_principal, other_context),
        );
        assert_ne!(
            key(parts, &first),
            key(parts, &second),
            "{principal} {context}"
        );
        assert_eq!(key(parts, &first), key(parts, &first.clone()));
    }
}

#[test]
fn long_texts_have_their_length() {
    for bytes in [0_usize, 1, 63, 64, 65, 4095, 4096, 300_000] {
        let principal = Json::object([("id", Json::from("x".repeat(bytes)))]);
        let mut asked = request(r#"{"id":"a"}"#, "{}");
        asked.principal.id = principal.to_string();
        let own = key(&[InputPart::PrincipalId], &asked);
        let digits = own.len() - asked.principal.id.len();
        assert!((1..=4).contains(&digits), "{digits}");
    }
}
