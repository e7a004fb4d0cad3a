//! Reads of data that there is not.

use serde::Deserialize;

use super::written::{data, shown};
use super::*;
use crate::engine::lint::unknown_data;
use crate::engine::view::DataView;
use crate::model::json::Object;

/// One case of `tests/data/lint/data.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    rego: String,
    #[serde(default)]
    other: Option<String>,
    #[serde(default)]
    findings: Vec<String>,
}

impl Row {
    fn modules(&self) -> Vec<ParsedModule> {
        let own = format!("package policies.p\n{}", self.rego);
        let sources = [Some(own), self.other.clone()].into_iter().flatten();
        let modules = sources.zip(["m0.rego", "m1.rego"]);
        let modules = modules.map(|(source, path)| Module {
            path: path.to_owned(),
            source,
            ..Module::default()
        });
        parsed(&modules.collect::<Vec<_>>())
    }
}

fn rows() -> Vec<Row> {
    let text = include_str!("../../../../tests/data/lint/data.yaml");
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn finds_data_that_there_is_not() {
    let data = data(
        r#"{"blocklist": {"ids": ["b"], "by_id": {"b": true}, "one": "b"},
            "limits": {"rate": 3}, "none": null}"#,
    );
    let mut wrong = Vec::new();
    for row in rows() {
        let found = shown(&unknown_data(&row.modules(), &DataView::new(&data)));
        if found != row.findings {
            wrong.push(format!("{}: found\n{}", row.name, found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn without_data_every_read_is_found() {
    let row = rows().swap_remove(0);
    let found = unknown_data(&row.modules(), &DataView::new(&Object::new()));
    let lines: Vec<u32> = found.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    assert!(found.iter().all(|it| it.severity == Severity::Error));
}
