use super::*;

/// Rules that are left out, and why: nothing else may be.
const LEFT_OUT: [&str; 1] = [
    // It finds files by their names, and has no expression.
    "pkcs12-file",
];

#[test]
fn every_rule_is_used_but_those_that_are_named() {
    let file: File = toml::from_str(GITLEAKS).unwrap();
    assert!(file.rules.len() > 200, "{}", file.rules.len());
    let rules = Rules::gitleaks().unwrap();
    let used = |id: &str| rules.all().iter().any(|rule| rule.id == id);
    let unused: Vec<_> = file.rules.iter().filter(|rule| !used(&rule.id)).collect();
    let unused: Vec<_> = unused.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(unused, LEFT_OUT);
}

#[test]
fn every_expression_compiles() {
    let rules = Rules::gitleaks().unwrap();
    let failing = |pattern: &&Pattern| pattern.get().is_none();
    for rule in rules.all() {
        assert!(rule.regex.get().is_some(), "{}", rule.id);
        assert!(!rule.keywords.is_empty(), "{} has no keyword", rule.id);
        for list in &rule.allowlists {
            let failing = list.regexes.iter().find(failing);
            assert!(failing.is_none(), "{}: {}", rule.id, failing.unwrap().text);
        }
    }
    let failing = rules.always_allowed.regexes.iter().find(failing);
    assert!(failing.is_none(), "{}", failing.unwrap().text);
    assert_eq!(rules.always_allowed.regexes.len(), 13);
}

#[test]
fn braces_of_re2_are_escaped_where_they_are_literal() {
    let cases = [
        (r"a{2,3}", r"a{2,3}"),
        (r"^\$(?:\d+|{\d+})$", r"^\$(?:\d+|\{\d+})$"),
        (r"\{x", r"\{x"),
        (r"\${(?:A)}", r"\$\{(?:A)}"),
        (r"t+{[ x]", r"t+\{[ x]"),
    ];
    for (re2, expected) in cases {
        assert_eq!(in_own_dialect(re2), expected);
    }
}

#[test]
fn entropy_is_shannons() {
    let cases = [("", 0.0), ("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0)];
    for (text, expected) in cases {
        assert!((entropy(text.as_bytes()) - expected).abs() < 1e-9, "{text}");
    }
}

#[test]
fn repetition_without_end_is_seen() {
    let cases = [
        ("a{3,9}", false),
        ("a{3,}", true),
        ("a+", true),
        (r"a\+", false),
        ("[a+*]b", false),
        (r"[\]+]b", false),
    ];
    for (regex, expected) in cases {
        assert_eq!(is_unbounded(regex), expected, "{regex}");
    }
}
