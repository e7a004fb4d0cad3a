//! What a PDP tells of its rules.

use super::super::{Answer, show};
use super::{About, Inside, Other};
use crate::engine::{SetName, TracedRule};
use crate::model::json::Json;
use crate::wire::v1;

/// What the answer says of rules; `None`: the PDP is of a version that does not trace them.
pub(super) fn inside(answer: &Answer) -> Option<Inside> {
    let packages = answer.packages.as_ref()?;
    let asked = packages
        .iter()
        .filter(|package| package.excluded.is_empty());
    let asked: Vec<&v1::PackageExplanation> = asked.collect();
    let is_told =
        |package: &&v1::PackageExplanation| package.other_engine() != v1::OtherEngine::Unspecified;
    let rules = asked.iter().copied().flat_map(rules);
    asked.iter().all(is_told).then(|| Inside {
        rules: rules.collect(),
        rules_left_out: answer.rules_left_out,
        packages: packages.iter().map(about).collect(),
        other: other(&asked),
    })
}

fn about(package: &v1::PackageExplanation) -> About {
    let servers = Some(package.servers.clone());
    About {
        name: package.name.clone(),
        servers: servers.filter(|servers| !servers.is_empty()),
        engine: show::engine(package.engine()),
    }
}

fn rules(package: &v1::PackageExplanation) -> impl Iterator<Item = TracedRule> {
    package.rules.iter().filter_map(|rule| {
        Some(TracedRule {
            package: package.name.clone(),
            set: SetName::ALL
                .into_iter()
                .find(|set| set.as_str() == rule.set)?,
            path: rule.path.clone(),
            line: rule.line,
            elements: match show::held(&rule.elements_json) {
                Json::Array(elements) => Ok(elements),
                _ => Err(rule.error.clone()),
            },
            evaluated_to: rule.evaluated_to,
        })
    })
}

fn other(asked: &[&v1::PackageExplanation]) -> Other {
    let mut differ = Vec::new();
    for package in asked {
        match package.other_engine() {
            v1::OtherEngine::Cannot => return Other::Cannot(package.other_engine_reason.clone()),
            v1::OtherEngine::Differs => differ.push(package.name.clone()),
            v1::OtherEngine::Agrees | v1::OtherEngine::Unspecified => {}
        }
    }
    match differ.is_empty() {
        true => Other::Agrees,
        false => Other::Differs(differ),
    }
}
