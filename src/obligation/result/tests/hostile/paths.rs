//! Paths to a listed name, as the value that says whose value another member is.

use super::*;

pub(super) fn paths() -> Vec<(&'static str, Json, End)> {
    let rows = [
        r#"{"field":"user.email","value":"ann@example.com"}"#,
        r#"{"name":"user.email","value":"ann@example.com"}"#,
        r#"{"column":"users.email","value":"ann@example.com"}"#,
        r#"{"key":"user/email","value":"ann@example.com"}"#,
        r#"{"attribute":"user.email","values":["ann@example.com"]}"#,
        r#"{"op":"add","path":"/user/email","value":"ann@example.com"}"#,
        r#"{"changes":[{"field":"customer.email","old":"ann@example.com","new":"x"}]}"#,
    ];
    rows.into_iter()
        .flat_map(|row| {
            [
                ("path to a name", structured(row), Withheld),
                ("path to a name in text", text(row), Withheld),
            ]
        })
        .collect()
}
