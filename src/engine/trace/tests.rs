use super::*;
use crate::model::json::{Limits, Object, parse};

#[test]
fn says_which_rules_hold_and_where_the_others_end() {
    let module = Module {
        path: "p/p.rego".to_owned(),
        source: "package policies.p\n\nallow contains \"a\"\n\nallow contains \"b\" if {\n\tinput.n > 1\n\tinput.n > 10\n\tinput.n > 100\n}\n\ndeny contains code if {\n\tsome code in {\"c\", \"d\"}\n\tinput.n == 5\n}\n\nhelper contains \"x\"\n\nallow contains \"e\" if input.n == \"x\"\n".to_owned(), ..Module::default() };
    let other = Module {
        path: "h.rego".to_owned(),
        source: "package helpers\nallow contains \"never\"\n".to_owned(),
        ..Module::default()
    };
    let sources = Sources {
        modules: vec![other, module],
        data: Object::new(),
        ..Sources::default()
    };
    let input = parse(br#"{"n": 5}"#, Limits::REQUEST).unwrap();
    let traced = trace(&sources, &Input::new(&input).unwrap()).unwrap();
    let shown: Vec<String> = traced
        .iter()
        .map(|rule| {
            let elements = rule.elements.as_ref().unwrap();
            let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
            format!(
                "{} {} {}:{}-{} [{}]",
                rule.package,
                rule.set.as_str(),
                rule.path,
                rule.line,
                rule.evaluated_to,
                elements.join(" ")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "p allow p/p.rego:3-3 [\"a\"]",
            "p allow p/p.rego:5-7 []",
            "p deny p/p.rego:11-13 [\"c\" \"d\"]",
            "p allow p/p.rego:18-18 []",
        ]
    );
}
