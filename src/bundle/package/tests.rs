use super::of;

#[test]
fn a_package_is_found_where_it_is_plainly_written() {
    for (source, expected) in [
        ("package a", vec!["a"]),
        (
            "package policies.contracts\n",
            vec!["policies", "contracts"],
        ),
        (
            "# METADATA\n# title: x\npackage a.b # of b\n\nimport rego.v1",
            vec!["a", "b"],
        ),
        ("\r\n\t package  a_1.B\r\nx := 1", vec!["a_1", "B"]),
        ("package a[\"b-c\"].d\nallow := true", vec!["a", "b-c", "d"]),
        ("package a\n# .b\nx := 1", vec!["a"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(of(source), Some(expected), "{source}");
    }
}

#[test]
fn what_another_reader_could_read_otherwise_is_refused() {
    for source in [
        "",
        "# package a",
        "x := 1\npackage a",
        "package",
        "package\na",
        "packagea",
        "package 1a",
        "package a.",
        "package a.1",
        "package a.\nb",
        "package a\n.b",
        "package a\n# comment\n.b",
        "package a\n[\"b\"]",
        "package a .b",
        "package a[b]",
        "package a[\"b\\u002e\"]",
        "package a[\"b",
        "package a[\"\"]",
        "package a[`b`]",
        "package a;x := 1",
        "package a{}",
        "package ä",
        "\u{feff}package a",
        "\u{a0}package a",
        "package a\u{85}.b",
    ] {
        assert_eq!(of(source), None, "{source}");
    }
}
