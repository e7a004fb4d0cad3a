use super::comments::blanked;
use super::entry::State;
use super::servers::{Planned, unwrapped, wrapped};
use super::starter::POLICY;
use crate::model::json::{Json, Limits, parse};
use proptest::prelude::*;

fn shim(server: &str) -> Vec<String> {
    let words = ["/opt/toolgate", "shim", "stdio", "--server", server];
    words.map(str::to_owned).to_vec()
}

fn wrap(text: &str) -> Planned {
    wrapped(text.as_bytes(), &[], &shim).unwrap()
}

fn states(planned: &Planned) -> Vec<(&str, State)> {
    let servers = planned.servers.iter();
    servers
        .map(|server| (server.name.as_str(), server.state))
        .collect()
}

fn json(text: &[u8]) -> Json {
    parse(&blanked(text), Limits::REQUEST).unwrap()
}

/// A configuration, and what it is with the shim.
const WRAPPED: [(&str, &str); 7] = [
    (
        r#"{"mcpServers":{"git":{"command":"uvx","args":["git","--","x"]}}}"#,
        r#"{"mcpServers":{"git":{"command":"/opt/toolgate","args":["shim","stdio","--server","git","--","uvx","git","--","x"]}}}"#,
    ),
    // No arguments, and the rest of the entry as it was.
    (
        "{\"mcpServers\": {\"a b\": {\"env\": {\"TOKEN\": \"\u{e9}\"}, \"command\": \"./s\", \"disabled\": true}}}\n",
        "{\"mcpServers\": {\"a b\": {\"env\": {\"TOKEN\": \"\u{e9}\"}, \"command\": \"/opt/toolgate\", \"args\": [\"shim\",\"stdio\",\"--server\",\"a b\",\"--\",\"./s\"], \"disabled\": true}}}\n",
    ),
    // VS Code: comments, commas before ends, its own member; arguments before the command.
    (
        "{\n  // mine\n  \"servers\": {\n    \"m\": {\"args\": [/* none */], \"command\": \"npx\",},\n  },\n}",
        "{\n  // mine\n  \"servers\": {\n    \"m\": {\"args\": [\"shim\",\"stdio\",\"--server\",\"m\",\"--\",\"npx\"], \"command\": \"/opt/toolgate\",},\n  },\n}",
    ),
    (
        r#"{"context_servers":{"z":{"command":"a\"b"}}}"#,
        r#"{"context_servers":{"z":{"command":"/opt/toolgate", "args": ["shim","stdio","--server","z","--","a\"b"]}}}"#,
    ),
    (
        r#"{"mcp":{"servers":{"n":{"command":"c"}}}}"#,
        r#"{"mcp":{"servers":{"n":{"command":"/opt/toolgate", "args": ["shim","stdio","--server","n","--","c"]}}}}"#,
    ),
    // Wrapped already, with other options and elsewhere.
    (
        r#"{"mcpServers":{"git":{"command":"/old/toolgate","args":["shim","stdio","--server","g","--pdp","unix:/s","--","uvx","git"]}}}"#,
        r#"{"mcpServers":{"git":{"command":"/opt/toolgate","args":["shim","stdio","--server","git","--","uvx","git"]}}}"#,
    ),
    // Of two places the first counts.
    (
        r#"{"servers":{"b":{"command":"b"}},"mcpServers":{"a":{"command":"a","args":[]}}}"#,
        r#"{"servers":{"b":{"command":"b"}},"mcpServers":{"a":{"command":"/opt/toolgate","args":["shim","stdio","--server","a","--","a"]}}}"#,
    ),
];

#[test]
fn the_shim_comes_before_each_command_and_all_else_keeps_its_bytes() {
    for (before, after) in WRAPPED {
        let planned = wrap(before);
        assert_eq!(std::str::from_utf8(&planned.text).unwrap(), after);
        assert!(planned.servers.iter().all(|it| it.state == State::Wrapped));
        // Once more changes nothing.
        let again = wrapped(&planned.text, &[], &shim).unwrap();
        assert_eq!(again.text, planned.text);
        assert!(again.servers.iter().all(|it| it.state == State::Kept));
    }
}

#[test]
fn without_it_servers_start_as_before() {
    for (before, after) in WRAPPED {
        let planned = unwrapped(after.as_bytes(), &[]).unwrap();
        if before.contains("/old/toolgate") {
            continue;
        }
        let (mut found, expected) = (json(&planned.text), json(before.as_bytes()));
        remove_empty_args(&mut found);
        let mut expected = expected;
        remove_empty_args(&mut expected);
        assert_eq!(found, expected);
        let again = unwrapped(&planned.text, &[]).unwrap();
        assert_eq!(again.text, planned.text);
        assert!(again.servers.iter().all(|it| it.state == State::Plain));
    }
}

/// No arguments and an empty list of them are the same.
fn remove_empty_args(value: &mut Json) {
    if let Json::Object(object) = value {
        object.retain(|name, value| {
            remove_empty_args(value);
            name != "args" || value.as_array().is_some_and(|args| !args.is_empty())
        });
    }
}

#[test]
fn what_cannot_be_wrapped_is_left_and_told() {
    let text = r#"{"mcpServers":{
        "web":{"type":"http","url":"https://x"}, "wind":{"serverUrl":"https://x"},
        "zed":{"command":{"path":"x"}}, "odd":{"command":"x","args":"y"}, "num":{"command":"x","args":[1]},
        "none":{}, "text":"x", "ok":{"command":"x"}}}"#;
    let planned = wrap(text);
    let expected = [
        ("web", State::OverHttp),
        ("wind", State::OverHttp),
        ("zed", State::Unclear),
        ("odd", State::Unclear),
        ("num", State::Unclear),
        ("none", State::Unclear),
        ("text", State::Unclear),
        ("ok", State::Wrapped),
    ];
    assert_eq!(states(&planned), expected);
    let open = planned.servers.iter().filter(|it| it.state.is_open());
    assert_eq!(open.count(), 7);
    let only = wrapped(text.as_bytes(), &["web".to_owned()], &shim).unwrap();
    assert_eq!(only.text, text.as_bytes());
    assert_eq!(states(&only).last(), Some(&("ok", State::NotAsked)));
}

#[test]
fn what_readers_understand_differently_is_not_changed() {
    for (text, expected) in [
        ("", "it is not JSON that everybody reads alike"),
        ("{\"mcpServers\":{\"a\":{\"command\":\"x\"}}", "not JSON"),
        (
            "{\"mcpServers\":{\"a\":{\"command\":\"x\"},\"a\":{\"command\":\"y\"}}}",
            "not JSON",
        ),
        ("[]", "not JSON"),
        ("{}", "it has no servers"),
        ("{\"mcpServers\":{}}", "it has no servers"),
        ("{\"mcpServers\":[]}", "it has no servers"),
    ] {
        let error = wrapped(text.as_bytes(), &[], &shim).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_shim_without_a_command_behind_it_is_wrapped_like_any_other() {
    let text =
        r#"{"servers":{"a":{"command":"toolgate","args":["shim","stdio","--server","a","--"]}}}"#;
    let planned = wrap(text);
    assert_eq!(states(&planned), [("a", State::Wrapped)]);
}

#[test]
fn comments_are_blanked_and_nothing_else() {
    for (text, expected) in [
        ("{\"a\": \"//\\\"/*\", }", "{\"a\": \"//\\\"/*\"  }"),
        (
            "[1, // one\n 2 /* two, */ , ]",
            "[1,       \n 2              ]",
        ),
        ("1 /* no end", "1          "),
        ("[1,,]", "[1, ]"),
        ("\"no end \\", "\"no end \\"),
    ] {
        assert_eq!(
            String::from_utf8(blanked(text.as_bytes())).unwrap(),
            expected
        );
    }
}

proptest! {
    #[test]
    fn places_stay(text in "[\\[\\]{}\",/*a\\\\ \n:é]{0,40}") {
        prop_assert_eq!(blanked(text.as_bytes()).len(), text.len());
    }

    #[test]
    fn strict_json_without_such_commas_stays(value in any::<Vec<(String, u64)>>()) {
        let text = Json::array(value.iter().map(|(text, number)| {
            Json::array([Json::from(text.as_str()), Json::from(*number)])
        })).to_bytes();
        prop_assert_eq!(blanked(&text), text);
    }
}

#[test]
fn the_policy_to_begin_with_is_sound() {
    let (_, text) = POLICY.split_once("package policies.starter").unwrap();
    assert!(text.contains("\nallow contains "), "{text}");
}
