use super::super::parse;
use super::*;

fn change(text: &str) -> Result<Option<Change>, String> {
    let manifest = format!(r#"{{"metadata": {text}}}"#);
    let read = parse(manifest.as_bytes()).map_err(|error| error.to_string());
    Ok(read?.change)
}

#[test]
fn a_change_is_read() {
    let whole = r#"{"toolgate": {"change": {"author": "ann", "reviewer": "bob", "reason": "why",
        "commit": "c0ffee", "ticket": "T-1"}}, "other": 1}"#;
    let cases = [
        (r#"{"other": 1}"#, None),
        (r#"{"toolgate": {}}"#, None),
        (
            r#"{"toolgate": {"change": {}}}"#,
            Some(["", "", "", "", ""]),
        ),
        (whole, Some(["ann", "bob", "why", "c0ffee", "T-1"])),
    ];
    for (text, expected) in cases {
        let read = change(text).unwrap();
        let read = read.map(|it| [it.author, it.reviewer, it.reason, it.commit, it.ticket]);
        assert_eq!(
            read,
            expected.map(|texts| texts.map(str::to_owned)),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_change_is_refused() {
    let long = format!(
        r#"{{"toolgate": {{"change": {{"reason": "{}"}}}}}}"#,
        "x".repeat(513)
    );
    let unknown = |key: &str| {
        format!(
            "`metadata.toolgate` has `{key}`: it has `change`, of `author`, `reviewer`, `reason`, \
             `commit` and `ticket`"
        )
    };
    let text = |key: &str| {
        format!(
            "`metadata.toolgate.change.{key}` must be a text without control characters, of at \
             most 512 bytes"
        )
    };
    let cases = [
        (
            r#"{"toolgate": 1}"#,
            "`metadata.toolgate` must be an object, is number".to_owned(),
        ),
        (r#"{"toolgate": {"changes": {}}}"#, unknown("changes")),
        (
            r#"{"toolgate": {"change": []}}"#,
            "`metadata.toolgate.change` must be an object, is array".to_owned(),
        ),
        (
            r#"{"toolgate": {"change": {"reviewed": "bob"}}}"#,
            unknown("reviewed"),
        ),
        (r#"{"toolgate": {"change": {"commit": 1}}}"#, text("commit")),
        (
            r#"{"toolgate": {"change": {"author": "a\nb"}}}"#,
            text("author"),
        ),
        (long.as_str(), text("reason")),
    ];
    for (manifest, expected) in cases {
        assert_eq!(change(manifest), Err(expected));
    }
}
