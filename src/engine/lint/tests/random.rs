//! The lint's promise on policies that nobody wrote: whatever it passes of random rules that name no
//! input alone, no deny is lost by removing a field.

use std::fmt::Write as _;

use regorus::{Engine, Value};
use serde_json::json;

use super::*;

/// Rules are only made of what lies further down, so that none uses itself.
const HELPERS: usize = 4;
const POLICIES: u64 = 1500;
const INPUTS: usize = 6;

/// A linear congruential generator: the same policies in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.roll(of.len())]
    }

    fn reference(&mut self) -> String {
        match self.roll(10) {
            0 => format!("data.m[{}]", self.field()),
            _ => self.field().to_owned(),
        }
    }

    fn field(&mut self) -> &'static str {
        self.pick(&[
            "input.arguments.a",
            "input.arguments.b",
            "input.arguments.c",
            "input.context.p",
            "input.principal.attributes.t",
            "input.principal.id",
            "input.principal.id",
            "input.tenant",
        ])
    }

    fn condition(&mut self, from: usize) -> String {
        let operator = self.pick(&["==", "!="]);
        let literal = self.pick(&["\"x\"", "\"y\"", "1"]);
        let here = from < HELPERS;
        let helper = from + self.roll((HELPERS - from).max(1));
        match self.roll(16) {
            0 if here => format!("h{helper}"),
            1 if here => format!("h{helper}"),
            2 if here => format!("v{helper} {operator} {literal}"),
            3 if here => format!("f{helper}({})", self.reference()),
            4 if here => format!("count(s{helper}) {} 0", self.pick(&[">", "==", "!="])),
            5 if here => format!("{} in s{helper}", self.reference()),
            6 => format!("startswith({}, \"x\")", self.reference()),
            7 => format!("{} in {{\"x\", 1}}", self.reference()),
            8 => format!("lower({}) {operator} {literal}", self.reference()),
            9 => format!(
                "count([e | some e in data.l; e {operator} {}]) {} 0",
                self.reference(),
                self.pick(&[">", "=="])
            ),
            10 if here => self.taken_away(helper),
            11 => format!("lower(input.mcp.name) {operator} {literal}"),
            12 => format!("[input.mcp.name] {operator} [{literal}]"),
            _ => format!("{} {operator} {literal}", self.reference()),
        }
    }

    /// Conditions that more members of a set can make false.
    fn taken_away(&mut self, helper: usize) -> String {
        let operator = self.pick(&[">", "==", "!="]);
        match self.roll(6) {
            0 => format!("count({{\"x\", \"y\"}} - s{helper}) {operator} 0"),
            1 => format!("count(s{helper} - {{\"x\"}}) {operator} 0"),
            2 => format!("\"x\" in ({{\"x\"}} - s{helper})"),
            3 => format!("(\"x\" in s{helper}) == false"),
            4 => format!("count(object.remove({{\"x\": 1, \"y\": 2}}, s{helper})) {operator} 0"),
            _ => format!("count({{\"x\"}} - ({{\"x\"}} - s{helper})) {operator} 0"),
        }
    }

    fn statements(&mut self, from: usize) -> String {
        let mut body = String::new();
        for at in 0..=self.roll(3) {
            let statement = match self.roll(8) {
                0 => format!("v_{at} := {}\n  v_{at} != \"x\"", self.reference()),
                1 => format!(
                    "some e_{at} in data.l\n  not e_{at} == {}",
                    self.reference()
                ),
                2 => format!(
                    "every e_{at} in data.l {{ {}e_{at} != {} }}",
                    self.pick(&["", "not "]),
                    self.reference()
                ),
                3 | 4 => self.condition(from),
                _ => format!("not {}", self.condition(from)),
            };
            let _ = writeln!(body, "  {statement}");
        }
        body
    }

    fn policy(&mut self) -> String {
        let mut text = String::from("package policies.p\n");
        for deny in 0..=self.roll(2) {
            let body = self.statements(0);
            let _ = writeln!(text, "deny contains \"d{deny}\" if {{\n{body}}}");
        }
        for at in 0..HELPERS {
            let from = at + 1;
            let otherwise = self.pick(&["", "", " else := false"]);
            let body = self.statements(from);
            let _ = writeln!(text, "h{at} if {{\n{body}}}{otherwise}");
            if self.roll(4) == 0 {
                let body = self.statements(from);
                let _ = writeln!(text, "h{at} if {{\n{body}}}");
            }
            match self.roll(3) {
                0 => {
                    let _ = writeln!(text, "v{at} := {}", self.reference());
                }
                1 => {
                    let body = self.statements(from);
                    let _ = writeln!(text, "default v{at} := 1\nv{at} := \"x\" if {{\n{body}}}");
                }
                _ => {
                    let (body, other) = (self.statements(from), self.pick(&["\"y\"", "1"]));
                    let _ = writeln!(text, "v{at} := \"x\" if {{\n{body}}} else := {other}");
                }
            }
            let call = self.pick(&[
                "startswith(a, \"x\")",
                "a == \"x\"",
                "not a == \"x\"",
                "a in data.l",
            ]);
            let _ = writeln!(text, "f{at}(a) if {call}");
            let element = self.pick(&["e", "e", "input.arguments.a"]);
            let body = self.statements(from);
            let _ = writeln!(
                text,
                "s{at} contains {element} if {{\n  some e in data.l\n{body}}}"
            );
        }
        text
    }

    fn input(&mut self) -> serde_json::Value {
        let mut value = || match self.roll(5) {
            0 => json!("x"),
            1 => json!("xyz"),
            2 => json!("y"),
            3 => json!(1),
            _ => json!("z"),
        };
        json!({
            "arguments": {"a": value(), "b": value(), "c": value()},
            "context": {"p": "x"},
            "mcp": {"name": value()},
            "principal": {"id": "x", "attributes": {"t": value()}},
            "tenant": "y",
        })
    }
}

fn engine(policy: &str) -> Option<Engine> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    engine
        .add_policy("m0.rego".to_owned(), policy.to_owned())
        .ok()?;
    let data = json!({"l": ["x", "y"], "m": {"x": "x", "y": 1}}).to_string();
    engine.add_data(Value::from_json_str(&data).unwrap()).ok()?;
    Some(engine)
}

/// Whether it denies; `None` where evaluation fails, which denies whatever the policy says.
fn denies(engine: &mut Engine, input: &serde_json::Value) -> Option<bool> {
    engine.set_input(Value::from_json_str(&input.to_string()).unwrap());
    let set = engine.eval_rule("data.policies.p.deny".to_owned()).ok()?;
    Some(set.as_set().is_ok_and(|set| !set.is_empty()))
}

#[test]
fn no_random_policy_it_passes_loses_a_deny() {
    let (mut passed, mut compared) = (0, 0);
    for seed in 0..POLICIES {
        let mut dice = Dice(seed);
        let policy = dice.policy();
        let modules = parsed(&[Module {
            path: "m0.rego".to_owned(),
            source: policy.clone(),
            ..Module::default()
        }]);
        if !fail_open(&modules, Severity::Error).is_empty() {
            continue;
        }
        let Some(mut engine) = engine(&policy) else {
            continue;
        };
        passed += 1;
        for _ in 0..INPUTS {
            let whole = dice.input();
            if denies(&mut engine, &whole) != Some(true) {
                continue;
            }
            for path in [
                "arguments",
                "arguments/a",
                "arguments/b",
                "arguments/c",
                "context/p",
                "mcp/name",
                "principal/attributes/t",
            ] {
                let mut less = whole.clone();
                let pointer = format!("/{path}");
                let (parent, key) = pointer.rsplit_once('/').unwrap();
                let parent = less
                    .pointer_mut(parent)
                    .and_then(|parent| parent.as_object_mut());
                parent.unwrap().remove(key);
                compared += 1;
                assert_ne!(
                    denies(&mut engine, &less),
                    Some(false),
                    "seed {seed}: without {path} of {whole}\n{policy}"
                );
            }
        }
    }
    assert!(
        passed > 30 && compared > 200,
        "{passed} passed, {compared} compared"
    );
}
