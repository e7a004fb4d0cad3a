use super::*;

fn parse(text: &str) -> Json {
    json::parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

#[test]
fn keeps_numbers_or_refuses_them() {
    for text in [
        "9007199254740993",
        "-9223372036854775809",
        "123456789012345678901234567890",
        "0.1",
    ] {
        let value = to_value(&parse(text)).unwrap();
        assert_eq!(to_json(&value, &mut 1000).unwrap().to_string(), text);
    }
    assert!(to_value(&parse("1e400")).is_ok());
    for text in [
        "0.12345678901234567",
        "9007199254740993.5",
        "9007199254740993.0",
        "1e-400",
    ] {
        assert!(to_value(&parse(text)).is_err(), "{text}");
    }
}

#[test]
fn nothing_undefined_gets_out() {
    let value = Value::from(vec![Value::Undefined]);
    assert_eq!(to_json(&value, &mut 1000), Err(NotJson::Undefined));
    let value = Value::from(BTreeMap::from([(Value::from(1), Value::Null)]));
    assert_eq!(to_json(&value, &mut 1000), Err(NotJson::Key));
    assert_eq!(
        to_json(&Value::from("abcd"), &mut 4),
        Err(NotJson::TooLarge)
    );
}
