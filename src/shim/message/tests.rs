use super::*;
use proptest::prelude::*;

#[test]
fn parts_are_slices_of_the_message() {
    let bytes =
        br#" {"params" : {"a":[1, 2]} ,"id":"\u0041", "method":"tools/call","jsonrpc":"2.0"}"#;
    let message = scan(bytes).unwrap();
    let Body::Request(request) = &message.body else {
        panic!("{message:?}");
    };
    assert_eq!(request.id, Id::Text("A".to_owned()));
    assert_eq!(request.params, Some(br#"{"a":[1, 2]}"#.as_slice()));
    let changed = message.with(request.params.unwrap(), b"{}").unwrap();
    let expected = br#" {"params" : {} ,"id":"\u0041", "method":"tools/call","jsonrpc":"2.0"}"#;
    assert_eq!(changed, expected);
    // Not one of its parts, even if the bytes are equal.
    assert_eq!(message.with(br#"{"a":[1, 2]}"#, b"{}"), None);
}

#[test]
fn ids_are_compared_by_meaning() {
    let id = |text: &str| Id::read(&parse(text.as_bytes(), Limits::REQUEST).unwrap());
    assert_eq!(id(r#""\u0061""#), id(r#""a""#));
    assert_ne!(id("1"), id(r#""1""#));
    assert_eq!(
        id("9007199254740991"),
        Some(Id::Integer(9_007_199_254_740_991))
    );
    for refused in [
        "9007199254740992",
        "-9007199254740992",
        "1.0",
        "1e2",
        "-0",
        "null",
        "[]",
        "99999999999999999999",
    ] {
        assert_eq!(id(refused), None, "{refused}");
    }
}

/// A JSON value as text, with space where JSON allows it.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?",
        "\"([a-z,:{}\\[\\] ]|\\\\\"|\\\\\\\\|\\\\u00e9|é|\u{2028}){0,8}\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[ {}]", items.join(" ,\t"))),
            prop::collection::vec(inner, 0..4).prop_map(|items| object(&items)),
        ]
    })
}

fn object(values: &[String]) -> String {
    let members = values
        .iter()
        .enumerate()
        .map(|(at, value)| format!("\"k{at}\" :{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

fn params() -> impl Strategy<Value = String> {
    prop::collection::vec(value(), 0..4).prop_map(|values| object(&values))
}

proptest! {
    #[test]
    fn scanning_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes);
    }

    #[test]
    fn scanning_what_looks_like_a_message_never_panics(
        text in r#"\{("jsonrpc":"2.0"|"id":[0-9"]{1,3}|"method":"a"|"params":[\{\}\[\]]{1,3}|[,:\{\}"\[\]]){0,9}\}?"#,
    ) {
        let _ = scan(text.as_bytes());
    }

    #[test]
    fn a_valid_message_gives_back_its_raw_parts(params in params(), id in any::<i32>(), method in "[a-z/]{1,20}") {
        let text = format!("{{\"jsonrpc\": \"2.0\",\"params\": {params} ,\"id\":{id},\"method\":\"{method}\"}}");
        let message = scan(text.as_bytes()).unwrap();
        prop_assert_eq!(message.bytes, text.as_bytes());
        let expected = Request { id: Id::Integer(id.into()), method, params: Some(params.as_bytes()) };
        prop_assert_eq!(&message.body, &Body::Request(expected));
        prop_assert_eq!(message.with(params.as_bytes(), b"{}"), None);
        let Body::Request(request) = &message.body else { panic!("no request") };
        let replaced = message.with(request.params.unwrap(), b"{}").unwrap();
        prop_assert_eq!(replaced, text.replacen(&params, "{}", 1).into_bytes());
    }

    #[test]
    fn items_of_an_array_are_its_values(values in prop::collection::vec(value(), 0..6)) {
        let array = format!("[ {} ]", values.join(" , "));
        let items = splice::items(array.as_bytes()).unwrap();
        let expected: Vec<_> = values.iter().map(String::as_bytes).collect();
        prop_assert_eq!(items, expected);
    }
}
