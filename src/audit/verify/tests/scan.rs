//! The check in place against the strict parser: what one takes, the other takes, and in the same
//! sense.

use crate::audit::record::samples::all;
use crate::audit::verify::scan::{DEPTH_MAX, Fields, INTEGER_MAX};
use crate::audit::verify::tests::log;
use crate::model::json::{Json, Limits, parse};
use proptest::prelude::*;

/// As the format has it, by way of a tree.
fn strict(bytes: &[u8]) -> Option<Json> {
    let limits = Limits {
        depth_max: DEPTH_MAX,
        ..Limits::REQUEST
    };
    let json = parse(bytes, limits).ok()?;
    let is_canonical = json.canonical() == bytes && has_integers(&json);
    (is_canonical && json.as_object().is_some()).then_some(json)
}

fn has_integers(json: &Json) -> bool {
    match json {
        Json::Number(number) => number
            .as_i64()
            .is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX && n.to_string() == number.as_str()),
        Json::Array(items) => items.iter().all(has_integers),
        Json::Object(object) => object.iter().all(|(_, value)| has_integers(value)),
        _ => true,
    }
}

fn assert_agree(bytes: &[u8]) {
    let (fields, strict) = (Fields::scan(bytes), strict(bytes));
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(fields.is_some(), strict.is_some(), "{text}");
    let (Some(fields), Some(Json::Object(object))) = (fields, strict) else {
        return;
    };
    for (name, value) in object
        .iter()
        .filter(|(name, _)| !name.contains(|c| c < ' ' || c == '"' || c == '\\'))
    {
        assert_eq!(fields.raw(name), Some(value.to_string().as_str()), "{text}");
        assert_eq!(fields.text(name).as_deref(), value.as_str(), "{text}");
        assert_eq!(fields.integer(name), value.as_u64(), "{text}");
    }
    assert_eq!(fields.raw("no such field"), None);
}

#[test]
fn texts_of_every_form_are_taken_or_refused_alike() {
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut texts: Vec<String> = [
        "",
        "{",
        "{}",
        "{} ",
        " {}",
        "[]",
        "\"a\"",
        "1",
        "null",
        "{}{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1\"b\":2}",
        "{\"a\":1,\"b\":2}",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 ,2]}",
        "{\"a\":[1,2]}",
        "{\"a\":[1}",
        "{\"a\":[1,{\"c\":[],\"d\":{}}]}",
        "{\"a\": 1}",
        "{\"a\" :1}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":True}",
        "{\"\\u0000\":1}",
        "{\"\\u000A\":1}",
        "{\"\":1}",
        "{1:1}",
        "{\"a\":\"b}",
        "{\"a\":\"\\\"}",
        "{\"\\t\":1,\"\\n\":2}",
        "{\"\\n\":1,\"\\r\":2}",
        "{\"\u{e000}\":1,\"\u{10000}\":2}",
        "{\"\u{10000}\":1,\"\u{e000}\":2}",
        "{\"a\":1,\"\\\\\":2}",
        "{\"\\\\\":1,\"a\":2}",
        "{\"A\":1,\"a\":2,\"ä\":3}",
        "{\"a\":1,\"A\":2}",
        "{\"\\\"\":1,\"z\":2}",
    ]
    .map(str::to_owned)
    .into();
    for number in [
        "0",
        "-0",
        "00",
        "01",
        "-1",
        "-",
        "--1",
        "+1",
        "1.0",
        "1e3",
        "1E3",
        ".5",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740991",
        "-9007199254740992",
        "99999999999999999",
        "0x1",
    ] {
        texts.push(format!("{{\"a\":{number}}}"));
    }
    for code in 0_u32..0x100 {
        texts.push(format!("{{\"a\":\"\\u{code:04x}\"}}"));
        texts.push(format!("{{\"a\":\"\\u{code:04X}\"}}"));
        let character = char::from_u32(code).unwrap();
        texts.push(format!("{{\"a\":\"\\{character}\"}}"));
        texts.push(format!("{{\"a\":\"{character}\"}}"));
        texts.push(format!("{{\"a\":\"sixteen plain ones{character}\"}}"));
    }
    texts.extend((DEPTH_MAX - 2..DEPTH_MAX + 2).map(deep));
    texts.iter().for_each(|text| assert_agree(text.as_bytes()));
    assert_agree(b"{\"a\":\"\xff\"}");
    assert_agree(b"{\"a\":\"\\ud800\"}");
}

#[test]
fn records_with_one_byte_changed_are_taken_or_refused_alike() {
    let (log, _) = log();
    let mut taken = 0;
    for (_, line) in log.lines() {
        assert!(Fields::scan(line.as_bytes()).is_some());
        for at in (0..line.len()).step_by(3) {
            for byte in [b'"', b'\\', b'{', b'}', b'0', b',', b' ', b'z', 0, 0xc3] {
                let mut changed = line.clone().into_bytes();
                changed[at] = byte;
                assert_agree(&changed);
                taken += u64::from(Fields::scan(&changed).is_some());
            }
        }
    }
    assert!(taken > all().len() as u64);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        (0..=INTEGER_MAX + 3).prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| members
                .into_iter()
                .collect::<crate::model::json::Object>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn any_value_is_taken_or_refused_alike(json in any_json()) {
        let object = Json::object([("a", json)]);
        assert_agree(&object.canonical());
        assert_agree(&object.to_bytes());
    }
}
