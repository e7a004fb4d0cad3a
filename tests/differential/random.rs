//! Random policies: what the gate lets through, `opa` accepts and answers alike.

use std::process::Command;

use super::inputs::{Random, inputs};
use super::{Answers, Policy, answers_of, compile, differences, exec, here, write_inputs};
use toolgate::engine::PolicySet;
use toolgate::model::bundle::Module;
use toolgate::model::revision::EngineChoice;

/// How many are written, unless this variable of the environment says otherwise; the gate and OPA's
/// type checker refuse most.
const WRITTEN: (&str, u64) = ("TOOLGATE_RANDOM_POLICIES", 400);
/// Where the generator starts, unless this variable says otherwise.
const SEED: (&str, u64) = ("TOOLGATE_RANDOM_SEED", 0x1234_5678_9ABC_DEF1);
/// Of so many written policies, one at least is compared.
const WRITTEN_FOR_ONE: u64 = 50;
/// Inputs of each.
const INPUTS: usize = 60;
/// What is read of the input and the data.
const REFERENCES: &[&str] = &[
    "input.a",
    "input.b",
    "input.xs",
    "input.ys",
    "input.o",
    "input.o.k",
    "input.s",
    "input.n",
    "input.xs[0]",
    "data.differential.roles",
    "data.differential.roles.a",
    "data.differential.roles[input.s]",
    "helper",
    "elements",
    "chosen",
    "fallback",
];
const LITERALS: &[&str] = &[
    "1",
    "\"a\"",
    "true",
    "false",
    "null",
    "-1",
    "1.5",
    "[]",
    "{}",
    "set()",
    "[\"a\", 1]",
    "{\"a\", 1}",
    "{\"k\": 1}",
    "\"k\"",
];
const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const CALLS: &[&str] = &[
    "count",
    "lower",
    "is_string",
    "is_number",
    "is_array",
    "type_name",
    "first",
    "truth",
    "named",
    "object.keys",
    "trim_space",
    "to_number",
    "sort",
    "max",
];

/// A policy being written.
struct Writer {
    random: Random,
    /// The variables that may be used here.
    variables: Vec<String>,
    next: usize,
}

impl Writer {
    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("v{}", self.next)
    }

    fn operand(&mut self, depth: usize) -> String {
        match self.random.below(12) {
            0..3 => self.random.pick(LITERALS),
            3..6 => self.random.pick(REFERENCES),
            6..9 if !self.variables.is_empty() => self.variable(),
            9 if depth > 0 => {
                let name = self.random.pick(CALLS);
                format!("{name}({})", self.operand(depth - 1))
            }
            10 if depth > 0 => self.compound(depth - 1),
            11 if depth > 0 => self.comprehension(depth - 1),
            _ => self.random.pick(REFERENCES),
        }
    }

    fn variable(&mut self) -> String {
        let at = self.random.below(self.variables.len());
        let name = self.variables[at].clone();
        match self.random.below(6) {
            0 => format!("{name}.k"),
            1 => format!("input.o[{name}]"),
            2 => format!("data.differential.roles[{name}]"),
            _ => name,
        }
    }

    fn compound(&mut self, depth: usize) -> String {
        let (one, two) = (self.operand(depth), self.operand(depth));
        match self.random.below(4) {
            0 => format!("[{one}, {two}]"),
            1 => format!("{{{one}, {two}}}"),
            2 => format!("{{\"k\": {one}, \"l\": {two}}}"),
            _ => format!("({one} | {two})"),
        }
    }

    fn comprehension(&mut self, depth: usize) -> String {
        let outer = self.variables.clone();
        let name = self.fresh();
        let over = self.operand(depth);
        self.variables.push(name.clone());
        let condition = self.statement(depth);
        let term = self.operand(0);
        self.variables = outer;
        match self.random.below(3) {
            0 => format!("[{term} | some {name} in {over}; {condition}]"),
            1 => format!("{{{term} | {name} := {over}[_]; {condition}}}"),
            _ => format!("{{{name}k: {term} | some {name}k, {name} in {over}; {condition}}}"),
        }
    }

    fn statement(&mut self, depth: usize) -> String {
        match self.random.below(13) {
            0..3 => self.comparison(depth),
            3 => {
                let (value, over) = (self.operand(depth), self.operand(depth));
                format!("{value} in {over}")
            }
            4 | 5 => {
                let inner = match self.random.below(3) {
                    0 => self.operand(depth),
                    1 => self.comparison(depth),
                    _ => format!("{} in {}", self.operand(0), self.operand(0)),
                };
                format!("not {inner}")
            }
            6 | 7 => {
                let value = self.operand(depth);
                let name = self.fresh();
                self.variables.push(name.clone());
                format!("{name} := {value}")
            }
            8 => {
                let over = self.operand(depth);
                let name = self.fresh();
                self.variables.push(name.clone());
                format!("some {name} in {over}")
            }
            9 => {
                let over = self.random.pick(REFERENCES);
                let name = self.fresh();
                self.variables.push(name.clone());
                format!("{name} := {over}[_]")
            }
            10 if depth > 0 => {
                let over = self.operand(depth - 1);
                let outer = self.variables.clone();
                let name = self.fresh();
                self.variables.push(name.clone());
                let body = self.statement(depth - 1);
                self.variables = outer;
                format!("every {name} in {over} {{ {body} }}")
            }
            11 => {
                let (name, of) = (
                    self.random.pick(&["truth", "first", "startswith"]),
                    self.operand(0),
                );
                match name.as_str() {
                    "startswith" => format!("startswith({of}, \"a\")"),
                    _ => format!("{name}({of})"),
                }
            }
            _ => self.operand(depth),
        }
    }

    fn comparison(&mut self, depth: usize) -> String {
        let operator = self.random.pick(OPERATORS);
        format!("{} {operator} {}", self.operand(depth), self.operand(depth))
    }

    fn body(&mut self) -> String {
        let statements: Vec<String> = (0..=self.random.below(3))
            .map(|_| self.statement(1))
            .collect();
        statements.join("\n\t")
    }

    fn rule(&mut self, head: impl FnOnce(&mut Self) -> String) -> String {
        self.variables.clear();
        let body = self.body();
        format!("{} if {{\n\t{body}\n}}\n", head(self))
    }

    fn policy(&mut self, name: &str) -> Policy {
        let mut policy = Policy {
            name: name.to_owned(),
            module: Module {
                path: format!("{name}.rego"),
                source: self.module(name),
                ..Module::default()
            },
            rvm: false,
            interpreter: false,
            reads: Vec::new(),
            conflicts: false,
        };
        if alone(&policy, EngineChoice::Auto).is_ok() {
            policy.rvm = alone(&policy, EngineChoice::Rvm).is_ok();
            policy.interpreter = alone(&policy, EngineChoice::Interpreter).is_ok();
        }
        policy
    }

    fn module(&mut self, name: &str) -> String {
        let mut text = format!("package policies.{name}\n\n{HELPERS}\n");
        match self.random.below(3) {
            0 => text += &self.rule(|_| "helper".to_owned()),
            1 => {
                self.variables = vec!["x".to_owned()];
                let (statement, value) = (self.statement(1), self.operand(1));
                text += "helper if input.a\n\n";
                text += &format!("second(x) := {value} if {{\n\t{statement}\n}} else := 7\n\n");
                text += "allow contains [\"second\", y] if {\n\tx := input.xs[_]\n\ty := second(x)\n}\n\n";
            }
            _ => text += "helper if input.a\n\n",
        }
        text += &self.rule(|w| format!("allow contains [\"one\", {}]", w.operand(0)));
        text
    }
}

const HELPERS: &str = "elements contains x if x := input.ys[_]

chosen := \"x\" if input.b == 1

default fallback := 2

fallback := 1 if input.a == 1

first(x) := 1 if is_string(x)

else := x

truth(x) if x == 1

truth(x) if x == \"a\"

named(\"a\") := 1

named(\"k\") := [2]
";

/// A number from the environment.
fn setting((name, default): (&str, u64)) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().expect(name))
}

/// The policies that some evaluator may run, and that OPA compiles; and what OPA refuses otherwise
/// than for what the gate leaves to authors.
fn policies() -> (Vec<Policy>, Vec<String>) {
    let mut writer = Writer {
        random: Random(setting(SEED)),
        variables: Vec::new(),
        next: 0,
    };
    let mut policies: Vec<Policy> = (0..setting(WRITTEN))
        .map(|number| writer.policy(&format!("r{number:04}")))
        .filter(|policy| policy.rvm || policy.interpreter)
        .collect();
    let mut unexpected = Vec::new();
    loop {
        let refused = opa_check(&policies);
        if refused.is_empty() {
            return (policies, unexpected);
        }
        let errors = refused.lines().filter(|line| line.contains(": rego_"));
        // OPA's types, and variables that nothing uses.
        let errors =
            errors.filter(|error| !error.contains("rego_type_error") && !error.contains("unused"));
        for error in errors {
            let mut named = policies.iter();
            let policy = named.find(|policy| error.contains(&policy.module.path));
            let source = policy.map(|policy| policy.module.source.as_str());
            unexpected.push(format!(
                "opa refuses: {error}\n{}",
                source.unwrap_or_default()
            ));
        }
        policies.retain(|policy| !refused.contains(&policy.module.path));
    }
}

/// What `opa check` says against them; empty if nothing.
fn opa_check(policies: &[Policy]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for policy in policies {
        std::fs::write(
            folder.path().join(&policy.module.path),
            &policy.module.source,
        )
        .unwrap();
    }
    let output = Command::new("opa")
        .args(["check", "--max-errors", "100000"])
        .arg(folder.path())
        .output()
        .expect("the `opa` program is needed: install it with `make tools`");
    String::from_utf8(output.stderr).unwrap()
}

fn alone(policy: &Policy, choice: EngineChoice) -> Result<PolicySet, String> {
    compile(std::slice::from_ref(policy), |_| true, choice)
}

/// What is no JSON here, an object whose keys are no strings, `opa` writes as if it were: the answer
/// is taken as `opa`'s.
fn written_alike(mut found: Vec<Answers>, expected: &[Answers]) -> Vec<Answers> {
    for (found, expected) in found.iter_mut().zip(expected) {
        for (policy, answer) in found {
            if answer.as_ref().is_err_and(|why| why.contains("not JSON")) {
                answer.clone_from(&expected[policy]);
            }
        }
    }
    found
}

#[test]
fn random_policies_are_answered_as_opa_does() {
    println!("{}={}", SEED.0, setting(SEED));
    let inputs: Vec<String> = inputs().into_iter().take(INPUTS).collect();
    let (mut policies, mut wrong) = policies();
    let work = tempfile::tempdir().unwrap();
    write_inputs(work.path(), &inputs);
    // A conflict in one policy is an error for all that OPA is asked about together.
    let answers = loop {
        let all: Vec<&Policy> = policies.iter().collect();
        let answers = exec(work.path(), &all, "policies");
        let errors = answers
            .iter()
            .filter_map(|(_, answer)| answer.as_ref().err());
        let errors: String = errors.map(String::as_str).collect();
        if errors.is_empty() {
            break answers;
        }
        policies.retain(|policy| !errors.contains(&format!("/{}", policy.module.path)));
    };
    let compared = u64::try_from(policies.len()).unwrap();
    assert!(compared * WRITTEN_FOR_ONE >= setting(WRITTEN), "{compared}");
    let expected = answers_of(&policies, answers, &inputs);
    for policy in &policies {
        for (name, runs, choice) in [
            ("rvm", policy.rvm, EngineChoice::Rvm),
            ("int", policy.interpreter, EngineChoice::Interpreter),
        ] {
            if runs {
                let set = alone(policy, choice).unwrap();
                let found = written_alike(here(&set, &inputs, None), &expected);
                let first = differences(name, &expected, &found, &inputs)
                    .into_iter()
                    .next();
                wrong.extend(first.map(|first| format!("{first}\n{}", policy.module.source)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} policies:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
