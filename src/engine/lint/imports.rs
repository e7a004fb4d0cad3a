//! Imports that name nothing, or that are not needed.

use std::collections::BTreeSet;

use crate::engine::ast::{DataPath, Index, ParsedModule, Reference};
use crate::engine::suggest::nearest;
use crate::engine::view::{DataView, Stands};
use crate::model::finding::{Finding, Severity};

const NOTHING: &str = "import.nothing";
const NOT_NEEDED: &str = "import.not_needed";

/// Finds imports of packages and data that there are not, and of keywords that Rego v1 has anyway.
#[must_use]
pub(crate) fn imports(modules: &[ParsedModule], data: &DataView<'_>) -> Vec<Finding> {
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
                "future" if module.module.rego_v1 => Some((
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

fn nothing(
    index: &Index,
    data: &DataView<'_>,
    packages: &[&str],
    path: &DataPath,
) -> Option<Found> {
    if path.0.is_empty() || index.has_rules_below(path) || data.stands(&path.0) != Stands::Nothing {
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
