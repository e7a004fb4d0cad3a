use super::*;
use crate::model::json::parse;

/// Made up; put together here, so that no scanner of this repository finds it whole.
const PARTS: [&str; 2] = ["ghp", "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"];

fn json(text: &str) -> Json {
    let text = text.replace("GHP", &PARTS.concat());
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

#[test]
fn each_secret_is_seen_and_replaced_and_nothing_else() {
    let named = r#"{"secret":"name","present":true}"#;
    let found = r#"{"secret":"github-pat","present":true}"#;
    let in_text = |text: &str| text.replace('"', "\\\"");
    let cases = [
        (r#"{"a":"b","n":[1,null,"c"]}"#.to_owned(), None),
        (
            r#"{"password":"x"}"#.to_owned(),
            Some(format!(r#"{{"password":{named}}}"#)),
        ),
        (r#"{"password":""}"#.to_owned(), None),
        (
            r#"{"pin_token":4711,"a":1}"#.to_owned(),
            Some(format!(r#"{{"pin_token":{named},"a":1}}"#)),
        ),
        (
            r#"{"note":"GHP"}"#.to_owned(),
            Some(format!(r#"{{"note":{found}}}"#)),
        ),
        (
            r#"{"a":[{"b":["x","use GHP now"]}]}"#.to_owned(),
            Some(format!(r#"{{"a":[{{"b":["x",{found}]}}]}}"#)),
        ),
        (r#"["GHP"]"#.to_owned(), Some(format!("[{found}]"))),
        (
            r#"{"GHP":1,"b":2}"#.to_owned(),
            Some(r#"{"[secret: github-pat] 1":1,"b":2}"#.to_owned()),
        ),
        // JSON in a text, and in a text in that.
        (
            format!(r#"{{"text":"{}"}}"#, in_text(r#"{"password":"x","a":1}"#)),
            Some(format!(
                r#"{{"text":"{}"}}"#,
                in_text(&format!(r#"{{"password":{named},"a":1}}"#))
            )),
        ),
        (
            format!(
                r#"{{"text":"{}\n{}"}}"#,
                in_text(r#"{"k":1}"#),
                in_text(r#"{"note":"GHP"}"#)
            ),
            Some(format!(
                r#"{{"text":"{}\n{}"}}"#,
                in_text(r#"{"k":1}"#),
                in_text(&format!(r#"{{"note":{found}}}"#))
            )),
        ),
        // Told by what it is called.
        (
            r#"{"adobe_id":"a94f0b1c82d37e65f9081b2c3d4e5f67"}"#.to_owned(),
            Some(r#"{"adobe_id":{"secret":"adobe-client-id","present":true}}"#.to_owned()),
        ),
    ];
    for (content, expected) in cases {
        let content = json(&content);
        assert_eq!(is_present(&content), expected.is_some(), "{content}");
        let expected = expected.map_or(content.clone(), |expected| json(&expected));
        assert_eq!(replaced(&content).to_string(), expected.to_string());
    }
}

#[test]
fn texts_that_are_shown_are_scrubbed() {
    let secret = PARTS.concat();
    let cases = [
        ("corr-1".to_owned(), "corr-1"),
        (secret.clone(), "[secret: github-pat]"),
        (format!("for {secret}, please"), "[secret: github-pat]"),
    ];
    for (text, expected) in cases {
        assert_eq!(scrubbed(&text), expected);
        assert_eq!(scrubbed(&scrubbed(&text)), expected);
    }
}

#[test]
fn secrets_beyond_the_work_that_is_done_are_taken_for_granted() {
    let keywords = "api key secret token ghp_ xoxb- sk_live akia ".repeat(30_000);
    let content = Json::object([("text", keywords)]);
    assert!(is_present(&content));
}

#[test]
fn of_a_line_only_the_secrets_are_taken_out() {
    let secret = PARTS.concat();
    let many = format!("{secret} ").repeat(33);
    let cases = [
        ("plain line".to_owned(), "plain line".to_owned()),
        (
            format!("error by {secret}: {secret}"),
            "error by [secret: github-pat]: [secret: github-pat]".to_owned(),
        ),
        (
            "api_key=\"9fK2xLq7Vb4Tz8Nm3Wp6Yc1R\" is refused".to_owned(),
            "api_key=\"[secret: generic-api-key]\" is refused".to_owned(),
        ),
        (many, "[secret: unchecked]".to_owned()),
    ];
    for (line, expected) in cases {
        assert_eq!(redacted(&line), expected);
    }
}
