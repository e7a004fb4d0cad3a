use crate::engine::ast::{ParsedModule, parse};
use crate::model::bundle::Module;
use crate::model::finding::{Finding, Severity};

use super::*;

fn parsed(sources: &[(String, String)]) -> Vec<ParsedModule> {
    sources
        .iter()
        .map(|(path, source)| {
            parse(&Module {
                path: path.clone(),
                source: source.clone(),
            })
            .unwrap_or_else(|finding| panic!("{finding}"))
        })
        .collect()
}

#[test]
fn probe() {
    let Ok(files) = std::env::var("LINT_PROBE") else {
        return;
    };
    let sources: Vec<(String, String)> = files
        .split(':')
        .map(|path| (path.to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    for finding in fail_open(&parsed(&sources), Severity::Error) {
        println!("{finding}");
    }
}
