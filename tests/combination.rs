//! `rego/toolgate/main.rego` says what `decide` says: over random answers of policies, `opa` and
//! the Rust combination give the same verdict.

use std::collections::BTreeSet;
use std::process::Command;
use toolgate::decide::decide;
use toolgate::engine::{Options, PolicySet};
use toolgate::model::bundle::{BundleGrant, Module, Sources};
use toolgate::model::call::{Facts, Mcp, Phase, Request};
use toolgate::model::finding::Severity;
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::model::principal::Principal;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;

const INPUTS: usize = 1_500;
const NOW: Timestamp = Timestamp::from_nanos(1_795_190_400_000_000_000);
const SCOPES: &str = r#"{"b": {"servers": ["crm"]}, "c": {"enforcement": "shadow"},
    "d": {"grants": ["mail"]}, "e": {"servers": ["mail"], "enforcement": "shadow"}}"#;
const METADATA: [(&str, &str); 5] = [
    ("a", ""),
    ("b", "#     servers: [crm]\n"),
    ("c", "#     enforcement: shadow\n"),
    ("d", ""),
    ("e", "#     servers: [mail]\n#     enforcement: shadow\n"),
];

/// A policy whose sets are what the input says they are; `visible` only where it defines it.
fn module(name: &str, metadata: &str) -> Module {
    let mut source = String::new();
    if !metadata.is_empty() {
        source.push_str(&format!("# METADATA\n# custom:\n#   toolgate:\n{metadata}"));
    }
    source.push_str(&format!("package policies.{name}\n"));
    let sets = ["allow", "deny", "constrain", "approve", "visible"];
    for set in sets
        .into_iter()
        .filter(|set| *set != "visible" || name == "b")
    {
        let body = format!("some element in input.arguments.{name}.{set}");
        source.push_str(&format!("\n{set} contains element if {{\n\t{body}\n}}\n"));
    }
    Module {
        path: format!("{name}.rego"),
        source,
        ..Module::default()
    }
}

/// A small generator with a fixed seed: the same inputs each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn elements(&mut self, set: &str, one_in: usize) -> String {
        let good: &[&str] = match set {
            "approve" => &[
                r#"{"by": ["legal"], "code": "sign"}"#,
                r#"{"by": ["a", "b"], "code": "z"}"#,
            ],
            "constrain" => &[
                r#"{"type": "limit_rows", "rows": 5}"#,
                r#"{"type": "audit", "level": "full", "durable": true}"#,
                r#"{"type": "mask_fields", "fields": ["email"]}"#,
            ],
            _ => &[
                r#""plain""#,
                r#"{"code": "c1", "message": "m"}"#,
                r#"{"code": "c2", "retryable": true}"#,
            ],
        };
        let bad = [
            "true",
            "1",
            r#""""#,
            r#""two words""#,
            "{}",
            r#"{"code": 1}"#,
            r#"{"by": [], "code": "x"}"#,
            r#"{"type": "unheard_of"}"#,
            r#"{"type": "limit_rows", "rows": 0}"#,
            r#"{"code": "x", "more": 1}"#,
            r#"{"type": "audit"}"#,
        ];
        let mut found = Vec::new();
        if self.below(one_in) == 0 {
            found.push(self.pick(good));
        }
        if self.below(40) == 0 {
            found.push(self.pick(&bad));
        }
        format!("\"{set}\": [{}]", found.join(", "))
    }

    fn request(&mut self) -> Request {
        let policies = METADATA.map(|(name, _)| {
            let sets = [
                self.elements("allow", 2),
                self.elements("deny", 8),
                self.elements("constrain", 5),
                self.elements("approve", 8),
                self.elements("visible", 3),
            ];
            format!("\"{name}\": {{{}}}", sets.join(", "))
        });
        let params = format!("{{\"arguments\": {{{}}}}}", policies.join(", "));
        let phase = if self.below(4) == 0 {
            Phase::List
        } else {
            Phase::Call
        };
        let Ok(Json::Object(params)) = parse(params.as_bytes(), Limits::REQUEST) else {
            panic!("{params} is no object")
        };
        Request {
            phase,
            tenant: "default".into(),
            principal: Principal {
                id: "ann".into(),
                ..Principal::default()
            },
            mcp: Mcp {
                server: self.pick(&["crm", "mail", "files"]).into(),
                method: "tools/call".into(),
                name: "read".into(),
                protocol: String::new(),
            },
            definition_digest: None,
            untrusted_annotations: Object::new(),
            params,
            result: None,
            session_id: "s".into(),
            context: Object::new(),
        }
    }
}

/// What both have to agree on.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    effect: String,
    visible: bool,
    reasons: BTreeSet<(String, String)>,
    policies: BTreeSet<String>,
    shadow: BTreeSet<(String, String, BTreeSet<String>)>,
}

fn of_rust(verdict: &Verdict) -> Said {
    let reasons = verdict.reasons.iter();
    let shadow = verdict.shadow.iter();
    Said {
        effect: verdict.effect.as_str().into(),
        visible: verdict.visible,
        reasons: reasons
            .map(|reason| (reason.code.clone(), reason.policy.clone()))
            .collect(),
        policies: verdict.policies.iter().cloned().collect(),
        shadow: shadow
            .map(|shadow| {
                let codes = shadow.codes.iter().cloned().collect();
                (
                    shadow.policy.clone(),
                    shadow.effect.as_str().to_owned(),
                    codes,
                )
            })
            .collect(),
    }
}

fn of_opa(decision: &serde_json::Value) -> Said {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let texts = |value: &serde_json::Value| value.as_array().unwrap().iter().map(text).collect();
    let reasons = decision["reasons"].as_array().unwrap().iter();
    let shadow = decision["shadow"].as_array().unwrap().iter();
    Said {
        effect: text(&decision["effect"]),
        visible: decision["visible"].as_bool().unwrap(),
        reasons: reasons
            .map(|reason| (text(&reason["code"]), text(&reason["policy"])))
            .collect(),
        policies: texts(&decision["policies"]),
        shadow: shadow
            .map(|one| {
                (
                    text(&one["policy"]),
                    text(&one["effect"]),
                    texts(&one["codes"]),
                )
            })
            .collect(),
    }
}

fn opa(modules: &[Module], requests: &[Request]) -> Vec<serde_json::Value> {
    let dir = tempfile::tempdir().unwrap();
    for module in modules {
        std::fs::write(dir.path().join(&module.path), &module.source).unwrap();
    }
    let facts = Facts::default();
    let inputs = requests
        .iter()
        .map(|request| request.to_input(&facts.facts, &[], NOW));
    let inputs: Vec<_> = inputs.map(|input| input.to_string()).collect();
    let data = format!(
        "{{\"toolgate\": {{\"scopes\": {SCOPES}}}, \"inputs\": [{}]}}",
        inputs.join(",")
    );
    std::fs::write(dir.path().join("data.json"), data).unwrap();
    let query =
        "[said | some one in data.inputs; said := data.toolgate.main.decision with input as one]";
    let output = Command::new(crate::programs::tool("bin/opa"))
        .args([
            "eval",
            "--format",
            "raw",
            "--data",
            "rego/toolgate/main.rego",
            "--data",
        ])
        .arg(dir.path())
        .arg(query)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn main_rego_says_what_decide_says() {
    let modules: Vec<_> = METADATA
        .iter()
        .map(|(name, metadata)| module(name, metadata))
        .collect();
    let grant = BundleGrant {
        bundle: "d".into(),
        path_prefix: "d.rego".into(),
        servers: Some(vec!["mail".into()]),
    };
    let sources = Sources {
        modules: modules.clone(),
        grants: vec![grant],
        ..Sources::default()
    };
    let options = Options {
        fail_open: Severity::Warning,
        ..Options::default()
    };
    let set = PolicySet::compile(&sources, &options, 1).unwrap();
    let mut random = Random(0x5DEE_CE66_D1CE_4E5B);
    let requests: Vec<_> = (0..INPUTS).map(|_| random.request()).collect();
    let decisions = opa(&modules, &requests);
    assert_eq!(decisions.len(), INPUTS);
    let mut effects = BTreeSet::new();
    for (request, decision) in requests.iter().zip(&decisions) {
        let (verdict, _) = decide(&set, request, &Facts::default(), NOW);
        let said = of_rust(&verdict);
        assert_eq!(
            said,
            of_opa(decision),
            "{}",
            Json::from(request.params.clone())
        );
        effects.insert(said.effect);
    }
    let all = ["allow", "constrain", "deny", "require_approval"].map(String::from);
    assert_eq!(
        effects,
        BTreeSet::from(all),
        "the inputs reach every effect"
    );
}
