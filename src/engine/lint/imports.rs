//! Imports that name nothing, or that are not needed.

use std::collections::BTreeSet;

use crate::engine::ast::{DataPath, Index, ParsedModule, Reference};
use crate::engine::suggest::nearest;
use crate::model::finding::{Finding, Severity};
use crate::model::json::{Json, Object};

const NOTHING: &str = "import.nothing";
const NOT_NEEDED: &str = "import.not_needed";

/// Finds imports of packages and data that there are not, and of keywords that Rego v1 has anyway.
#[must_use]
pub(crate) fn imports(modules: &[ParsedModule], data: &Object) -> Vec<Finding> {
    let index = Index::new(modules);
    let packages = modules.iter().map(|module| module.package.as_str());
    let packages: BTreeSet<&str> = packages.collect();
    let packages: Vec<&str> = packages.into_iter().collect();
    let mut findings = Vec::new();
    for module in modules {
        for import in &module.module.imports {
            let Some(reference) = Reference::of(&import.refr) else {
                continue;
            };
            let path: DataPath = reference.static_prefix().map(str::to_owned).collect();
            let found = match reference.head {
                "future" => Some((
                    Severity::Warning,
                    NOT_NEEDED,
                    format!("`import future.{}` is not needed", path.0.join(".")),
                    "policies are Rego v1: remove it".to_owned(),
                )),
                "data" => nothing(&index, data, &packages, &path),
                _ => None,
            };
            findings.extend(found.map(|(severity, code, message, hint)| {
                module.finding(&import.span, severity, code, message, hint)
            }));
        }
    }
    findings
}

type Found = (Severity, &'static str, String, String);

fn nothing(index: &Index, data: &Object, packages: &[&str], path: &DataPath) -> Option<Found> {
    if path.0.is_empty() || index.has_rules_below(path) || is_data(data, &path.0) {
        return None;
    }
    let written = path.0.join(".");
    let is_package = packages.contains(&written.as_str());
    let meant = nearest(&written, packages);
    let is_library = path.0.first().is_some_and(|first| first == "toolgate");
    let severity = match is_library || meant.is_some() {
        true => Severity::Error,
        false => Severity::Warning,
    };
    let hint = match meant {
        Some(meant) => format!("write `import data.{meant}`"),
        None if is_library => "the library is `data.toolgate.lib`".to_owned(),
        None => "add the package or the data, or remove the import".to_owned(),
    };
    let message = format!("`data.{written}` is neither a package nor data here");
    (!is_package).then_some((severity, NOTHING, message, hint))
}

/// Whether something stands at this path, or above it stands what is no object.
fn is_data(data: &Object, path: &[String]) -> bool {
    let mut at = data;
    for name in path {
        match at.get(name) {
            Some(Json::Object(below)) => at = below,
            Some(_) => return true,
            None => return false,
        }
    }
    true
}
