//! Each allowed builtin and operator over the values where evaluators part.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::canonical::canonical;
use super::{Policy, compile, directory, exec, write_inputs};
use toolgate::engine::{Input, PolicySet};
use toolgate::model::bundle::Module;
use toolgate::model::json::{Json, Limits, parse};
use toolgate::model::revision::EngineChoice;

/// The table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    pools: BTreeMap<String, Pool>,
    calls: Vec<Call>,
}

/// Values that a variable takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    /// A JSON array of them.
    values: Option<String>,
    /// Other pools whose values it has.
    #[serde(default)]
    from: Vec<String>,
    /// What makes a value that JSON has not, of one that it has, `it`.
    make: Option<String>,
}

/// An expression of some variables, each with the pool that it takes its values from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    call: String,
    x: String,
    y: Option<String>,
    z: Option<String>,
    #[serde(default)]
    when: Vec<String>,
}

impl Table {
    fn read() -> Self {
        let text = std::fs::read_to_string(directory().join("corners.yaml")).unwrap();
        serde_saphyr::from_str(&text).unwrap()
    }

    fn values(&self, pool: &str) -> Vec<Json> {
        let pool = &self.pools[pool];
        let mut values: Vec<Json> = pool
            .from
            .iter()
            .flat_map(|from| self.values(from))
            .collect();
        if let Some(text) = &pool.values {
            match parse(text.as_bytes(), Limits::REQUEST).unwrap() {
                Json::Array(own) => values.extend(own),
                other => panic!("{other:?}"),
            }
        }
        values
    }

    /// The arguments of every evaluation of a call.
    fn rows(&self, call: &Call) -> Vec<Json> {
        let mut rows = vec![Vec::new()];
        for (_, pool) in call.variables() {
            let values = self.values(pool);
            rows = rows
                .iter()
                .flat_map(|row| {
                    values
                        .iter()
                        .map(|value| [row.as_slice(), std::slice::from_ref(value)].concat())
                })
                .collect();
        }
        rows.into_iter().map(Json::Array).collect()
    }

    /// What makes the arguments of an evaluation from its row.
    fn body(&self, call: &Call) -> String {
        let mut body = Vec::new();
        for (at, (name, pool)) in call.variables().enumerate() {
            let value = format!("row[{at}]");
            let made = match &self.pools[pool].make {
                Some(make) => make.replace("it", &value),
                None => value,
            };
            body.push(format!("{name} := {made}"));
        }
        body.extend(call.when.iter().cloned());
        body.join("\n\t")
    }
}

impl Call {
    fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let others = [("y", &self.y), ("z", &self.z)];
        let others = others.into_iter();
        std::iter::once(("x", self.x.as_str()))
            .chain(others.filter_map(|(name, pool)| Some((name, pool.as_deref()?))))
    }
}

/// Who a policy of the calls is written for.
#[derive(Clone, Copy)]
enum For {
    /// One array for each call: `opa` is slow with large sets.
    Opa,
    /// The value stands in the head.
    Rvm,
    /// The value is assigned in the body.
    Interpreter,
}

fn policy(table: &Table, written_for: For) -> Policy {
    let mut source = "package policies.corners\n".to_owned();
    for (number, call) in table.calls.iter().enumerate() {
        let (body, call) = (table.body(call), &call.call);
        let rows = format!("input.rows[{number}]");
        source.push_str(&match written_for {
            For::Opa => format!(
                "\nc{number} := [[{number}, i, {call}] |\n\tsome i, row in {rows}\n\t{body}\n]\n"
            ),
            For::Rvm => format!(
                "\nallow contains [{number}, i, {call}] if {{\n\tsome i, row in {rows}\n\t{body}\n}}\n"
            ),
            For::Interpreter => format!(
                "\nallow contains [{number}, i, value] if {{\n\trow := {rows}[i]\n\t{body}\n\tvalue := {call}\n}}\n"
            ),
        });
    }
    Policy {
        name: "corners".to_owned(),
        module: Module {
            path: "corners.rego".to_owned(),
            source,
            ..Module::default()
        },
        rvm: true,
        interpreter: true,
        reads: Vec::new(),
        conflicts: false,
    }
}

/// Numbers are taken by value here, and by what is written in `opa`: so it gets them written out.
fn by_value(json: &Json) -> Json {
    match json {
        Json::Number(number) => parse(plain(number.as_str()).as_bytes(), Limits::REQUEST).unwrap(),
        Json::Array(items) => Json::Array(items.iter().map(by_value).collect()),
        Json::Object(members) => Json::object(members.iter().map(|(k, v)| (k, by_value(v)))),
        other => other.clone(),
    }
}

/// The number without an exponent, and without zeros behind its fraction.
fn plain(text: &str) -> String {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = i64::try_from(whole.trim_start_matches('-').len()).unwrap();
    let point = point + exponent.parse::<i64>().unwrap();
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let digit = |at: i64| {
        usize::try_from(at)
            .ok()
            .and_then(|at| digits.as_bytes().get(at))
    };
    let digit = |at: i64| char::from(*digit(at).unwrap_or(&b'0'));
    let whole: String = (0..point).map(digit).collect();
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let end = i64::try_from(digits.len()).unwrap();
    let fraction: String = (point..end.max(point)).map(digit).collect();
    let number = match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    };
    match text.starts_with('-') && number != "0" {
        true => format!("-{number}"),
        false => number,
    }
}

/// What each evaluation of each call gave; nothing where it was undefined.
fn answers<'a>(allow: impl IntoIterator<Item = &'a Json>) -> BTreeMap<(u64, u64), String> {
    let answer = |element: &Json| {
        let element = element.as_array().unwrap();
        let place = (element[0].as_u64().unwrap(), element[1].as_u64().unwrap());
        (place, canonical(&element[2]))
    };
    allow.into_iter().map(answer).collect()
}

fn here(set: &PolicySet, input: &Json) -> BTreeMap<(u64, u64), String> {
    let input = Input::new(input).unwrap();
    let mut results = set.evaluate(set.packages().iter(), &input);
    let (_, result) = results.remove(0);
    answers(&result.unwrap().allow)
}

#[test]
fn builtins_and_operators_answer_as_opa_does() {
    let table = Table::read();
    let asked = policy(&table, For::Opa);
    let rows: Vec<Vec<Json>> = table.calls.iter().map(|call| table.rows(call)).collect();
    let input = Json::object([("rows", Json::array(rows.iter().cloned()))]);
    let work = tempfile::tempdir().unwrap();
    write_inputs(work.path(), &[by_value(&input).to_string()]);
    let (_, expected) = exec(work.path(), &[&asked], "policies/corners").remove(0);
    let expected = expected.unwrap();
    let calls = expected.as_object().unwrap().iter();
    let expected = answers(calls.flat_map(|(_, call)| call.as_array().unwrap()));
    assert!(!expected.is_empty());
    let mut differences = Vec::new();
    for (name, written_for, choice) in [
        ("rvm", For::Rvm, EngineChoice::Rvm),
        ("int", For::Interpreter, EngineChoice::Interpreter),
    ] {
        let policy = policy(&table, written_for);
        let set = compile(std::slice::from_ref(&policy), |_| true, choice).unwrap();
        let found = here(&set, &input);
        for (number, call) in table.calls.iter().enumerate() {
            for (at, row) in rows[number].iter().enumerate() {
                let place = (u64::try_from(number).unwrap(), u64::try_from(at).unwrap());
                let shown = |answers: &BTreeMap<_, String>| {
                    answers
                        .get(&place)
                        .map_or("undefined", String::as_str)
                        .to_owned()
                };
                let (expected, found) = (shown(&expected), shown(&found));
                if expected != found {
                    let call = &call.call;
                    differences.push(format!("{call} of {row}: opa {expected}, {name} {found}"));
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
