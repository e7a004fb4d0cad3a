use super::*;

/// The reference lists every option, with what it takes, and no other.
#[test]
fn the_documentation_lists_every_option() {
    let text = std::fs::read_to_string("docs/shim.md").unwrap();
    let documented = text.lines().filter_map(|line| {
        let cell = line.strip_prefix("| `--")?;
        Some(format!("--{}", cell.split_once('`')?.0))
    });
    let documented: Vec<_> = documented.collect();
    let command = Stdio::augment_args(clap::Command::new("stdio"));
    let options = command.get_arguments().filter_map(|argument| {
        let long = argument.get_long()?;
        let value = match argument.get_action().takes_values() {
            true => argument.get_value_names().unwrap()[0].to_string(),
            false => String::new(),
        };
        Some(format!("--{long} {value}").trim().to_owned())
    });
    let options: Vec<_> = options.filter(|it| !it.starts_with("--help")).collect();
    assert_eq!(documented, options);
    for argument in command.get_arguments() {
        for default in argument.get_default_values() {
            let default = default.to_str().unwrap();
            let row = format!("| `--{}", argument.get_long().unwrap());
            let row = text.lines().find(|line| line.starts_with(&row)).unwrap();
            assert!(row.contains(&format!("`{default}`")), "{row}: {default}");
        }
    }
}

#[test]
fn a_token_file_that_cannot_be_used_is_named_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let cases: [(&[u8], &str); 4] = [
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
    ];
    for (bytes, what) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = token(&path).unwrap_err();
        assert_eq!(error.message, format!("`{}`: {what}", path.display()));
    }
    let absent = dir.path().join("absent");
    let error = token(&absent).unwrap_err();
    assert!(
        error
            .message
            .starts_with(&format!("cannot read `{}`: ", absent.display()))
    );
    std::fs::write(&path, b" abc.def.ghi\n").unwrap();
    assert_eq!(token(&path).unwrap().text(), "abc.def.ghi");
}
