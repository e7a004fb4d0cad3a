//! Values as texts that can be compared.

use std::collections::BTreeMap;

use toolgate::model::json::Json;

/// The elements of a set, in an order of its own: regorus orders sets before objects, OPA after.
pub(super) fn elements(set: &Json) -> String {
    let Json::Array(elements) = set else {
        panic!("{set:?}");
    };
    let mut elements: Vec<String> = elements.iter().map(canonical).collect();
    elements.sort();
    elements.join("\n")
}

/// A text that is the same for the same value: members sorted, numbers as their value.
pub(super) fn canonical(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => canonical_number(number.as_str()),
        Json::String(text) => format!("{text:?}"),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Json::Object(members) => {
            let members: BTreeMap<&str, String> = members
                .iter()
                .map(|(name, value)| (name, canonical(value)))
                .collect();
            format!("{members:?}")
        }
    }
}

/// `1`, `1.0` and `10e-1` are one number.
fn canonical_number(text: &str) -> String {
    if let Ok(integer) = text.parse::<i128>() {
        return integer.to_string();
    }
    let double: f64 = text.parse().unwrap();
    if double.fract() == 0.0 && double.abs() < 1e37 {
        return format!("{double:.0}");
    }
    format!("{double:e}")
}
