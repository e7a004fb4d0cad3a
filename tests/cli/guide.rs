//! The first policy of the guide, with its table, is good.

use crate::util::{Workplace, repository};

/// The fenced block of this language that has this text.
fn block(language: &str, text: &str) -> String {
    let guide = std::fs::read_to_string(repository("docs/policy-guide.md")).unwrap();
    let blocks = guide.split("```").skip(1).step_by(2);
    let found = blocks.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    let mut found = found.filter(|block| block.contains(text));
    found
        .next()
        .unwrap_or_else(|| panic!("{language}: {text}"))
        .to_owned()
}

#[test]
fn the_ten_lines_pass_their_table() {
    let place = Workplace::with(&[
        (
            "b/contracts/contracts.rego",
            &block("rego", "package policies.contracts\n"),
        ),
        (
            "b/contracts/contracts_test.rego",
            &block("rego", "package policies.contracts_test\n"),
        ),
        (
            "b/contracts/contracts_test.yaml",
            &block("yaml", "\ncases:\n"),
        ),
    ]);
    let checked = place.run(&["check", "b"]).expect(0);
    assert_eq!(checked.out, "contracts\trvm\tallow\tenforce\t\n");
    let tested = place.run(&["test", "b"]).expect(0);
    assert!(tested.out.ends_with("3 tests: PASS 3\n"), "{tested:?}");
}
