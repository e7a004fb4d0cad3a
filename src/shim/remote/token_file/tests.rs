use super::*;

#[test]
fn a_token_file_that_cannot_be_used_is_named_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let cases: [(&[u8], &str); 5] = [
        (b"", "it is empty; write the bearer token into it"),
        (b" \n", "it is empty; write the bearer token into it"),
        (
            b"\xff\xfe",
            "it is not UTF-8 text; write the bearer token into it",
        ),
        (
            b"s3cr3t x",
            "it holds more than one word; write the bearer token alone into it",
        ),
        (
            "s3cr\u{e9}t".as_bytes(),
            "it holds characters that no bearer token has; write the token into it",
        ),
    ];
    for (bytes, what) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = TokenFile::open(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("`{}`: {what}", path.display()));
    }
    let absent = dir.path().join("absent");
    let error = TokenFile::open(&absent).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read `{}`: ", absent.display())));
    std::fs::write(&path, b" abc.def.ghi\n").unwrap();
    let file = TokenFile::open(&path).unwrap();
    assert_eq!(file.token().text(), "abc.def.ghi");
}

#[test]
fn a_new_token_is_shown_and_a_broken_file_leaves_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "first").unwrap();
    let file = TokenFile::open(&path).unwrap();
    let mut now = Instant::now();
    // Contents of different lengths: a file system may not tell two moments apart.
    for (content, shown) in [
        (Some("the-second"), "the-second"),
        (Some(""), "the-second"),
        (Some("third"), "third"),
        (None, "third"),
    ] {
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        now += LOOK_EVERY;
        assert_eq!(file.token_at(now).text(), shown, "{content:?}");
    }
}
