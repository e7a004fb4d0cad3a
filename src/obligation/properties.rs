//! Properties that hold for any result and any policy.

use super::{MASK, apply, exercise, merge, rewrite};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::obligation::{AuditLevel, Obligation};
use proptest::collection::vec;
use proptest::prelude::*;

/// Names that the policies below list, in the cases that servers use.
const LISTED: [&str; 4] = ["email", "Email", "EMAIL", "sSn"];
/// Whether the letters of a listed name follow each other. Text may show a field then, such as two
/// cells of a table in `ssn  a`, and is withheld as it should be (`trace::tests`).
fn mentions_listed(text: &str) -> bool {
    let letters = text.replace(' ', "");
    let mut listed = LISTED.iter().map(|name| name.to_lowercase());
    listed.any(|name| letters.contains(&name))
}

/// Part of every value that stands under a listed name, and of nothing else.
const SECRET: &str = "s3cr3t";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,8}".prop_filter("shows no field", |text| !mentions_listed(text)),
        Just(String::from("[draft] {x}")),
        Just("{}".into()),
        Just("[1, 2]".into()),
        Just("\u{1}\"\\/é😀".into()),
        Just(MASK.into()),
        Just("a: b".into()),
    ]
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        text().prop_map(Json::from),
    ]
}

/// A member that may or may not be listed; of a listed one, the value is marked all over.
fn member(value: impl Strategy<Value = Json>) -> impl Strategy<Value = (String, Json)> {
    let name = prop_oneof![
        2 => "[a-d]",
        1 => prop_oneof![Just("text"), Just("type"), Just("rows"), Just("")].prop_map(String::from),
        3 => proptest::sample::select(&LISTED[..]).prop_map(String::from),
    ];
    (name, value).prop_map(|(name, value)| {
        let listed = LISTED.contains(&name.as_str());
        (name, if listed { marked(value) } else { value })
    })
}

/// The value with the secret in every scalar and every name.
fn marked(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::array(items.into_iter().map(marked).chain([SECRET.into()])),
        Json::Object(object) => {
            let members = object.into_iter();
            Json::object(members.map(|(name, value)| (format!("{name}{SECRET}"), marked(value))))
        }
        scalar => Json::from(format!("{SECRET} {scalar}")),
    }
}

/// Documents, also carried in strings of documents, as one value, as lines, or encoded twice.
fn document() -> impl Strategy<Value = Json> {
    scalar().prop_recursive(5, 48, 4, |inner| {
        prop_oneof![
            3 => vec(member(inner.clone()), 0..4).prop_map(Json::object::<String, Json>),
            2 => vec(inner.clone(), 0..4).prop_map(Json::from),
            2 => inner.clone().prop_map(|value| Json::from(value.to_string())),
            1 => inner.clone().prop_map(|value| Json::from(Json::from(value.to_string()).to_string())),
            1 => vec(inner, 1..4).prop_map(|values| Json::from(lines(&values))),
        ]
    })
}

fn lines(values: &[Json]) -> String {
    let line = |value: &Json| Json::array([value.clone()]).to_string();
    values.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn item() -> impl Strategy<Value = Json> {
    let text = |text: String| Json::object([("type", "text".to_owned()), ("text", text)]);
    let resource = |text: String| {
        let inner = Json::object([("uri", "x".to_owned()), ("text", text)]);
        Json::object([("type", Json::from("resource")), ("resource", inner)])
    };
    let composite = prop_oneof![
        vec(member(document()), 0..4).prop_map(Json::object::<String, Json>),
        vec(document(), 0..4).prop_map(Json::from),
    ];
    let carried = prop_oneof![
        4 => composite.prop_map(|value| value.to_string()),
        2 => vec(document(), 1..4).prop_map(|values| lines(&values)),
        1 => self::text(),
    ];
    prop_oneof![
        5 => carried.clone().prop_map(text),
        3 => carried.prop_map(resource),
        1 => document(),
    ]
}

fn result() -> impl Strategy<Value = Json> {
    let framed = (
        vec(item(), 0..3),
        proptest::option::of(document()),
        vec(member(document()), 0..3),
    );
    let framed = framed.prop_map(|(content, structured, rest)| {
        let mut result: Object = rest.into_iter().collect();
        result.insert("content", content);
        if let Some(structured) = structured {
            result.insert("structuredContent", structured);
        }
        Json::Object(result)
    });
    prop_oneof![3 => framed, 1 => document()]
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(&LISTED[..]).prop_map(String::from),
        2 => "[a-d]",
        1 => Just("content".to_owned()),
        1 => Just("text".to_owned()),
        1 => Just("type".to_owned()),
        4 => "(/structuredContent)?(/(a|b|c|email|content|text|rows|[0-2])){1,4}",
    ]
}

/// Arguments on the paths of the patches below.
fn arguments() -> impl Strategy<Value = Json> {
    let inner = (0_u64..3)
        .prop_map(Json::from)
        .prop_recursive(3, 32, 4, |inner| {
            let members = vec(("[ab01]", inner.clone()), 2..4);
            prop_oneof![
                members.prop_map(Json::object::<String, Json>),
                vec(inner, 2..4).prop_map(Json::from),
            ]
        });
    (inner.clone(), inner).prop_map(|(a, b)| Json::object([("a", a), ("b", b)]))
}

/// Patches on few paths, so that many meet and many apply.
fn patch() -> impl Strategy<Value = Vec<Json>> {
    let path = || "/[ab](/[ab01-]){0,2}";
    let operation = (path(), path(), 0_u64..3, 0_usize..6).prop_map(|(path, from, value, kind)| {
        let op = ["add", "remove", "replace", "test", "move", "copy"][kind];
        let members = [("op", Json::from(op)), ("path", path.into())];
        let mut operation: Object = members.into_iter().collect();
        match op {
            "remove" => None,
            "move" | "copy" => operation.insert("from", from),
            _ => operation.insert("value", value),
        };
        Json::Object(operation)
    });
    vec(operation, 1..3)
}

fn obligation() -> impl Strategy<Value = Obligation> {
    prop_oneof![
        4 => vec(field(), 1..4).prop_map(|fields| Obligation::MaskFields { fields }),
        4 => vec(field(), 1..4).prop_map(|fields| Obligation::DropFields { fields }),
        2 => (1_u64..4).prop_map(|rows| Obligation::LimitRows { rows }),
        1 => (1_u64..2000).prop_map(|bytes| Obligation::LimitBytes { bytes }),
        2 => patch().prop_map(|patch| Obligation::RewriteArguments { patch }),
        1 => any::<bool>().prop_map(|durable| Obligation::Audit { level: AuditLevel::Full, durable }),
    ]
}

/// The obligation that covers the listed names.
fn covering(drops: bool) -> Obligation {
    let fields = vec!["Email".to_owned(), "ssn".to_owned()];
    if drops {
        Obligation::DropFields { fields }
    } else {
        Obligation::MaskFields { fields }
    }
}

/// The bytes with every layer of string escapes taken off.
fn bare(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap().replace('\\', "")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_under_a_listed_name_is_left(
        result in result(),
        drops in any::<bool>(),
        others in vec(obligation(), 0..3),
    ) {
        let mut obligations = others;
        obligations.push(covering(drops));
        if let Ok(applied) = apply(&result, &obligations) {
            let forwarded = applied.result.unwrap_or(result);
            prop_assert!(!bare(&forwarded.to_bytes()).contains(SECRET), "{}", forwarded);
        }
    }

    #[test]
    fn documents_are_not_withheld(value in document(), drops in any::<bool>()) {
        let value = Json::object([("a", value)]);
        let copy = Json::object([("type", "text".to_owned()), ("text", value.to_string())]);
        let content = Json::array([copy]);
        let result = Json::object([("content", content), ("structuredContent", value)]);
        let applied = apply(&result, &[covering(drops)]);
        prop_assert!(applied.is_ok(), "{:?}: {}", applied, result);
        let after = applied.unwrap().result.unwrap_or(result);
        let text = after.get("content").unwrap().as_array().unwrap()[0].get("text").unwrap();
        let copy = parse(text.as_str().unwrap().as_bytes(), Limits::REQUEST);
        prop_assert_eq!(copy.as_ref().ok(), after.get("structuredContent"));
    }

    #[test]
    fn what_holds_always_holds(
        result in result(),
        obligations in vec(obligation(), 0..5),
        arguments in arguments(),
    ) {
        let obligations = Json::array(obligations.iter().map(Obligation::to_json));
        let params = Json::object([("arguments", arguments)]);
        let input = [("obligations", obligations), ("params", params), ("result", result)];
        prop_assert_eq!(exercise(&Json::object(input).to_bytes()), Ok(()));
    }

    #[test]
    fn what_concerns_nothing_changes_nothing(result in result()) {
        let absent = Obligation::DropFields { fields: vec!["absent".into(), "/absent/x".into()] };
        let many = Obligation::LimitRows { rows: 1000 };
        if let Ok(applied) = apply(&result, &[absent, many]) {
            prop_assert_eq!(applied, super::Applied::default());
        }
    }

    #[test]
    fn merged_is_applied_as_unmerged(result in result(), obligations in vec(obligation(), 0..4)) {
        let obligations: Vec<_> = obligations
            .into_iter()
            .filter(|one| !matches!(one, Obligation::RewriteArguments { .. }))
            .collect();
        let merged = merge(obligations.clone()).unwrap();
        let outcome = |obligations: &[Obligation]| apply(&result, obligations).map(|applied| applied.result);
        prop_assert_eq!(outcome(&merged), outcome(&obligations));
    }

    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..64), text in "[\\[\\]{}\":,a\\\\ ]{0,32}") {
        let obligations = [covering(true), Obligation::LimitRows { rows: 1 }];
        for text in [String::from_utf8_lossy(&bytes).into_owned(), text] {
            let structured = Json::object([("structuredContent", Json::object([("a", text.as_str())]))]);
            let item = Json::object([("type", "text"), ("text", &text)]);
            let content = Json::object([("content", Json::array([item]))]);
            for result in [Json::from(text.as_str()), structured, content] {
                if let Ok(applied) = apply(&result, &obligations) {
                    let forwarded = applied.result.unwrap_or(result);
                    prop_assert_eq!(apply(&forwarded, &obligations), Ok(super::Applied::default()));
                }
            }
        }
    }
}

proptest! {
    // Few pairs both join and apply.
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn joined_patches_commute(one in patch(), other in patch(), arguments in arguments()) {
        let rewrites = |patch: &Vec<Json>| Obligation::RewriteArguments { patch: patch.clone() };
        let (one, other) = (rewrites(&one), rewrites(&other));
        prop_assume!(one != other);
        let params: Object = [("arguments", arguments)].into_iter().collect();
        if let Ok(merged) = merge(vec![one.clone(), other.clone()]) {
            let sorted = |params: Option<Object>| params.map(|params| Json::Object(params).canonical());
            let outcome = |all: &[Obligation]| rewrite(&params, all).map(sorted).ok();
            let expected = outcome(&merged);
            prop_assert_eq!(outcome(&[one.clone(), other.clone()]), expected.clone());
            prop_assert_eq!(outcome(&[other, one]), expected);
        }
    }
}
