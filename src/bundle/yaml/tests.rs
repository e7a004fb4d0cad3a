use super::*;
use proptest::prelude::*;

#[test]
fn plain_yaml_is_the_json_that_it_looks_like() {
    for (text, expected) in [
        ("", "null"),
        ("# nothing\n", "null"),
        ("---\na: 1\n...\n", r#"{"a":1}"#),
        (
            "a: null\nb: ~\nc:\nd: true\ne: False",
            r#"{"a":null,"b":null,"c":null,"d":true,"e":false}"#,
        ),
        (
            "a: 12345678901234567890123\nb: 0.10000000000000000001\nc: -1.5e3",
            r#"{"a":12345678901234567890123,"b":0.10000000000000000001,"c":-1.5e3}"#,
        ),
        (
            "[2026-01-01, 1:30, 10.0.0.1, 1.2.3, 12 apples, y, 'yes', \"0x1F\", --1]",
            r#"["2026-01-01","1:30","10.0.0.1","1.2.3","12 apples","y","yes","0x1F","--1"]"#,
        ),
        (
            "a: |\n  x\n  y\nb: >-\n  x\n  y\n'no': \"\\u00e4\"",
            r#"{"a":"x\ny\n","b":"x y","no":"ä"}"#,
        ),
        (
            "a: &x [1, {b: 2}]\nc: *x",
            r#"{"a":[1,{"b":2}],"c":[1,{"b":2}]}"#,
        ),
        ("a: &x 1\nb: &x 2\nc: *x", r#"{"a":1,"b":2,"c":2}"#),
        ("- a\n- - b\n  - {}\n- []", r#"["a",["b",{}],[]]"#),
    ] {
        assert_eq!(
            parse(text).map(|value| value.to_string()),
            Ok(expected.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn ambiguous_or_dangerous_yaml_is_refused_where_it_is() {
    let deep = "[".repeat(65) + &"]".repeat(65);
    let alias_deep = format!(
        "a: &x {}{}\nb: {}*x{}",
        "[".repeat(40),
        "]".repeat(40),
        "[".repeat(40),
        "]".repeat(40)
    );
    let laughs = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned()
        + &('b'..='j')
            .map(|c| {
                let p = char::from(c as u8 - 1);
                format!("{c}: &{c} [*{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}, *{p}]\n")
            })
            .collect::<String>();
    let number = |text: &str| {
        format!(
            "line 1, column 4: `{text}` is read in more than one way: quote it or write as JSON has numbers"
        )
    };
    let boolean = |text: &str| {
        format!(
            "line 1, column 4: `{text}` is read in more than one way: quote it or write `true` or `false`"
        )
    };
    let mut cases = vec![
        ("a: 1\na: 2".to_owned(), "line 2, column 1: this key occurs twice in its mapping".to_owned()),
        ("1: a".into(), "line 1, column 1: a key that is not a plain string: quote it".into()),
        ("true: a".into(), "line 1, column 1: a key that is not a plain string: quote it".into()),
        ("~: a".into(), "line 1, column 1: a key that is not a plain string: quote it".into()),
        ("? [a]\n: b".into(), "line 1, column 3: a key that is not a plain string: quote it".into()),
        ("a: &x b\n*x : c".into(), "line 2, column 1: a key that is not a plain string: quote it".into()),
        ("on: a".into(), "line 1, column 1: `on` is read in more than one way: quote it or write `true` or `false`".into()),
        ("a: &x {b: 1}\nc:\n  <<: *x".into(), "line 3, column 3: a merge key: write the members out".into()),
        ("a: !!str 1".into(), "line 1, column 10: a tag: remove it, and quote what is a string".into()),
        ("a: !x {}".into(), "line 1, column 7: a tag: remove it, and quote what is a string".into()),
        ("a: 1\n---\nb: 2".into(), "line 2, column 1: a second document: a data file holds one".into()),
        ("a: &x [*x]".into(), "line 1, column 8: an alias of something that is not complete yet".into()),
        (deep, "line 1, column 65: nesting is deeper than the limit of 64".into()),
        (alias_deep, "line 2, column 44: nesting is deeper than the limit of 64".into()),
    ];
    cases.extend(
        [
            "0x1F", "017", "0o17", "0b11", "1_000", "+1", ".5", "1.", ".inf", "-.INF", ".NaN",
            "1e1000",
        ]
        .map(|text| (format!("a: {text}"), number(text))),
    );
    cases.extend(["yes", "No", "ON", "off"].map(|text| (format!("a: {text}"), boolean(text))));
    for (text, expected) in cases {
        assert_eq!(parse(&text).unwrap_err().to_string(), expected, "{text}");
    }
    let error = parse(&laughs).unwrap_err().message;
    assert_eq!(
        error,
        "aliases add more than 16777216 bytes: write less out"
    );
    for text in [
        "a: *x",
        "a: [1",
        "a: 'b",
        "a: b: c",
        "%YAML 9",
        "a: \"\\q\"",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "[-a-c0-9:{}\\[\\]&*!|>'\"#,? \n.\\\\_~<%]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn json_is_yaml(members in prop::collection::btree_map("[a-z]{1,8}x", any::<i64>(), 0..8)) {
        let json = Json::object(members).to_string();
        prop_assert_eq!(parse(&json).unwrap().to_string(), json);
    }
}
