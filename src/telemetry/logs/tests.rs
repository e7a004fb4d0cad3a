use super::*;

#[test]
fn secrets_do_not_reach_a_line() {
    let secret = ["ghp", "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].concat();
    let cases = [
        (
            "INFO policy set in force version=1\n".to_owned(),
            "INFO policy set in force version=1\n",
        ),
        (
            format!("WARN by={secret} reason=\"x\"\n"),
            "WARN by=[secret: github-pat] reason=\"x\"\n",
        ),
    ];
    for (line, expected) in cases {
        let mut written = Redacting(Vec::new());
        written.write_all(line.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(written.0).unwrap(), expected);
    }
}
