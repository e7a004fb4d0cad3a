use super::*;
use crate::engine::{Options, PolicySet};
use crate::model::finding::Severity;
use crate::model::json::{Limits, parse};
use crate::model::revision::EngineChoice;

const POLICY: &str = "package policies.a

numbers := [n | n := input.numbers[_]; n > 2]

allow contains \"few\" if count(numbers) < 2

allow contains \"constant\"

deny contains \"many\" if {
	count(numbers) > 1
	count(numbers) > 2
}
";

fn costs(choice: EngineChoice, numbers: usize) -> Vec<(usize, Option<usize>)> {
    let module = Module {
        path: "a.rego".to_owned(),
        source: POLICY.to_owned(),
        ..Module::default()
    };
    let sources = Sources {
        modules: vec![module],
        ..Sources::default()
    };
    let options = Options {
        choice,
        fail_open: Severity::Warning,
        ..Options::default()
    };
    let set = PolicySet::compile(&sources, &options, 1).unwrap();
    let input = format!("{{\"numbers\": [{}]}}", vec!["3"; numbers].join(","));
    let input = Input::new(&parse(input.as_bytes(), Limits::REQUEST).unwrap()).unwrap();
    let packages: Vec<&Package> = set.packages().iter().collect();
    let costs = rule_costs(&sources, &packages, options.limits, &input).unwrap();
    let line = |cost: &RuleCost| usize::try_from(cost.line).unwrap();
    costs.iter().map(|it| (line(it), it.instructions)).collect()
}

#[test]
fn the_most_expensive_rules_come_first() {
    let few = costs(EngineChoice::Auto, 10);
    let lines: Vec<usize> = few.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [9, 5, 7]);
    let many = costs(EngineChoice::Auto, 100);
    let grown = |at: usize| many[at].1.unwrap() - few[at].1.unwrap();
    assert!(grown(0) >= 90 && grown(1) >= 90, "{few:?} {many:?}");
    assert_eq!(grown(2), 0, "what reads nothing costs the same");
}

#[test]
fn the_interpreter_has_no_instructions() {
    assert_eq!(costs(EngineChoice::Interpreter, 10), []);
}
