//! The names that a module imports, and names of packages that it uses and does not import.

use super::issue::Issues;
use super::query::Checker;
use crate::engine::ast::{DataPath, Index, Reference, Step, alias, is_document};
use std::collections::BTreeSet;

/// The package of toolgate's library.
const LIBRARY: [&str; 2] = ["toolgate", "lib"];
/// What policies call the library.
const LIBRARY_ALIAS: &str = "tg";

/// Each import has a name of its own. By a name of something else the engine reads that, and OPA the
/// import.
pub(crate) fn check(issues: &mut Issues<'_>, index: &Index) {
    let module = issues.module;
    let mut names = BTreeSet::new();
    for import in &module.module.imports {
        let Some(name) = alias(import) else {
            continue;
        };
        let own = module.package_path.join(name);
        let (message, hint) = if !names.insert(name) {
            let message = "two imports with one name".to_owned();
            (message, "rename one: `import data.a.b as c`")
        } else if is_document(name) {
            let message = format!("an import with the name `{name}`, which every module has");
            (message, "remove it, or rename it: `import data.a.b as c`")
        } else if !index.definitions(&own).is_empty() {
            let message = format!("an import with the name of the rule `{own}`");
            (message, "rename one: `import data.a.b as c`")
        } else {
            continue;
        };
        issues.refuse(&import.span, "gate.import", message, hint);
    }
}

impl Checker<'_> {
    /// Whether a name that nothing binds is that of a package without its import. It is reported
    /// once for a module: one line mends every use.
    pub(crate) fn lacks_import(&mut self, reference: &Reference<'_>) -> bool {
        let Some(import) = self.missing_import(reference) else {
            return false;
        };
        let head = reference.head;
        if self.not_imported.insert(head.to_owned()) {
            self.issues.refuse(
                reference.head_span,
                "gate.not_imported",
                format!("`{head}` is used and not imported"),
                format!("write `{import}` below the package"),
            );
        }
        true
    }

    fn missing_import(&self, reference: &Reference<'_>) -> Option<String> {
        let (head, modules) = (reference.head, self.facts.modules);
        let Some(Step::Name(member)) = reference.steps.first() else {
            return None;
        };
        if self.facts.module.imports.contains_key(head) {
            return None;
        }
        let has_member =
            |package: &DataPath| self.facts.index.has_rules_below(&package.join(member));
        let mut packages = modules.iter().map(|module| &module.package_path);
        let named = packages.find(|package| {
            package.0.last().is_some_and(|last| last == head) && has_member(package)
        });
        if let Some(package) = named {
            return Some(format!("import {package}"));
        }
        let library: DataPath = LIBRARY.into_iter().collect();
        let is_meant = self.facts.index.has_rules_below(&library)
            && (head == LIBRARY_ALIAS || has_member(&library));
        is_meant.then(|| format!("import {library} as {head}"))
    }

    /// What to write where a function is called by its name alone, or by one that there is not.
    pub(crate) fn call_hint(&self, name: &str) -> String {
        let library: DataPath = LIBRARY.into_iter().collect();
        match self.facts.index.has_rules_below(&library.join(name)) {
            true => format!(
                "write `import {library} as {LIBRARY_ALIAS}` and call `{LIBRARY_ALIAS}.{name}`"
            ),
            false => "is its package imported?".to_owned(),
        }
    }
}
