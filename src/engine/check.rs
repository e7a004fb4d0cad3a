//! Everything that is found in a set before it is compiled, and what is to be compiled.

use super::ast::{self, DataPath, Index, ParsedModule, position};
use super::compile::{ENTRY_PACKAGE, Options, modules};
use super::gate::{self, Gate};
use super::lint;
use super::metadata::{self, Enforcement, PackageMetadata, package_metadata};
use super::replica::Entry;
use super::set::{Package, SetName};
use super::view::{Answers, DataView};
use crate::model::bundle::{BundleGrant, Sources};
use crate::model::finding::{Finding, Severity};
use crate::model::revision::{EngineChoice, EngineKind};
use std::collections::BTreeMap;

/// Packages that a bundle may not define: the library's and the generated one.
const RESERVED_PACKAGES: [&str; 2] = ["toolgate", ENTRY_PACKAGE];

/// A set that was looked through.
pub(super) struct Checked {
    /// Everything found, errors first.
    pub(super) findings: Vec<Finding>,
    /// The modules, in the order of `modules`; all of them only if none has a syntax error.
    pub(super) modules: Vec<ParsedModule>,
    /// The policies, sorted by name.
    pub(super) plans: Vec<Plan>,
    /// What was asked of the data, but for its directory, and what it answered.
    pub(super) answers: Answers,
}

/// A policy to be compiled.
pub(super) struct Plan {
    /// The package without its entry point, which grouping gives it.
    pub(super) package: Package,
    /// Where its rules stand.
    pub(super) path: DataPath,
    /// Why the interpreter must not run it; `None` if it may.
    pub(super) barred: Option<String>,
}

/// Whether any finding is an error.
pub(super) fn is_refused(findings: &[Finding]) -> bool {
    let mut severities = findings.iter().map(|finding| finding.severity);
    severities.any(|severity| severity == Severity::Error)
}

/// Looks through a set that is to decide.
pub(super) fn check(sources: &Sources, options: &Options) -> Checked {
    look(sources, options, true)
}

/// Looks through a set of which a part is evaluated: that may well be no policy.
pub(super) fn check_for_query(sources: &Sources, options: &Options) -> Checked {
    look(sources, options, false)
}

fn look(sources: &Sources, options: &Options, decides: bool) -> Checked {
    let (mut parsed, mut findings) = (Vec::new(), Vec::new());
    for module in modules(sources) {
        match ast::parse(module) {
            Ok(module) => parsed.push(module),
            Err(finding) => findings.push(finding),
        }
    }
    let mut checked = Checked {
        findings: Vec::new(),
        modules: parsed,
        plans: Vec::new(),
        answers: Answers::default(),
    };
    let data = DataView::new(&sources.data);
    if findings.is_empty() {
        findings.extend(reserved(sources, &checked.modules));
        let gate = gate::inspect(&checked.modules, &data);
        if decides {
            findings.extend(lint::imports(&checked.modules, &data));
        }
        checked.plans = plans(sources, options, &checked.modules, &gate, &mut findings);
        findings.extend(gate.findings);
        findings.extend(lint::fail_open(&checked.modules, options.fail_open));
        if decides {
            findings.extend(lints(&data, options, &checked));
            findings.extend(lint::directory(&sources.data));
        }
    }
    sort(&mut findings);
    checked.findings = findings;
    checked.answers = data.into_answers();
    checked
}

/// Errors first.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

/// What makes a policy looser or deader than it reads.
fn lints(data: &DataView<'_>, options: &Options, checked: &Checked) -> Vec<Finding> {
    let modules = &checked.modules;
    let plans = checked.plans.iter();
    let servers = plans.map(|plan| (plan.path.clone(), plan.package.servers.clone()));
    let mut findings = lint::policy_shape(modules, &servers.collect());
    findings.extend(lint::elements(modules, options.element));
    findings.extend(lint::input_members(modules));
    findings.extend(lint::constants(modules, data));
    findings.extend(lint::unanchored(modules));
    findings.extend(lint::unknown_data(modules, data));
    findings
}

fn reserved(sources: &Sources, modules: &[ParsedModule]) -> Vec<Finding> {
    let own = modules.iter().skip(sources.library.len());
    let reserved = own.filter(|module| {
        let first = module.package_path.0.first();
        first.is_some_and(|first| RESERVED_PACKAGES.contains(&first.as_str()))
    });
    let finding = |module: &ParsedModule| {
        module.finding(
            &module.module.package.span,
            Severity::Error,
            "package.reserved",
            format!("the package `{}` is toolgate's own", module.package),
            "name the package `policies.<name>`, or anything not under `toolgate`",
        )
    };
    reserved.map(finding).collect()
}

/// The policies of a set: every package one level under `policies`, sorted by name.
fn plans(
    sources: &Sources,
    options: &Options,
    parsed: &[ParsedModule],
    gate: &Gate,
    findings: &mut Vec<Finding>,
) -> Vec<Plan> {
    let index = Index::new(parsed);
    let mut packages: BTreeMap<&DataPath, Vec<usize>> = BTreeMap::new();
    for (number, module) in parsed.iter().enumerate() {
        if matches!(module.package_path.0.as_slice(), [root, _] if root == "policies") {
            packages
                .entry(&module.package_path)
                .or_default()
                .push(number);
        }
    }
    let mut plans = Vec::new();
    for (path, numbers) in packages {
        let declared = match declared(sources, parsed, &numbers) {
            Ok(declared) => declared,
            Err(finding) => {
                findings.push(finding);
                continue;
            }
        };
        let defines = SetName::ALL.into_iter();
        let defines: Vec<_> = defines
            .filter(|set| !index.definitions(&path.join(set.as_str())).is_empty())
            .collect();
        let modules: Vec<_> = numbers
            .iter()
            .filter_map(|number| parsed.get(*number))
            .collect();
        plans.push(Plan {
            package: Package {
                name: path.0.last().cloned().unwrap_or_default(),
                title: declared.title.unwrap_or_default(),
                servers: declared.servers,
                granted_servers: granted(&sources.grants, &modules),
                shadow: declared.enforcement == Some(Enforcement::Shadow),
                engine: engine(options.choice, gate, path, findings),
                defines,
                volatile: true,
                memo: None,
                entry: Entry::Interpreter(String::new()),
            },
            path: path.clone(),
            barred: barred(gate, path),
        });
    }
    plans
}

/// The METADATA of a package's modules.
fn declared(
    sources: &Sources,
    parsed: &[ParsedModule],
    numbers: &[usize],
) -> Result<PackageMetadata, Finding> {
    let texts = modules(sources);
    let mut found = Vec::new();
    for number in numbers {
        let (Some(module), Some(text)) = (parsed.get(*number), texts.get(*number)) else {
            continue;
        };
        let line = position(&module.module.package.span).0;
        let in_package = |finding| Finding {
            package: module.package.clone(),
            ..finding
        };
        let declared = package_metadata(&text.path, &text.source, line).map_err(in_package)?;
        found.push((text.path.as_str(), line, declared));
    }
    metadata::merge(found)
}

/// The servers that the bundle of these modules may speak for; `None`: every server.
fn granted(grants: &[BundleGrant], modules: &[&ParsedModule]) -> Option<Vec<String>> {
    let of_module = |module: &&ParsedModule| {
        grants
            .iter()
            .find(|grant| module.path.starts_with(&grant.path_prefix))
    };
    let mut granted: Option<Vec<String>> = None;
    for servers in modules
        .iter()
        .filter_map(of_module)
        .filter_map(|grant| grant.servers.as_ref())
    {
        let both = |before: Vec<String>| {
            before
                .into_iter()
                .filter(|server| servers.contains(server))
                .collect()
        };
        granted = Some(granted.map_or_else(|| servers.clone(), both));
    }
    granted
}

fn barred(gate: &Gate, path: &DataPath) -> Option<String> {
    let package = path.0.join(".");
    let first = gate.interpreter_refusals(&package).first();
    first.map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.message))
}

fn engine(
    choice: EngineChoice,
    gate: &Gate,
    path: &DataPath,
    findings: &mut Vec<Finding>,
) -> EngineKind {
    let package = path.0.join(".");
    let allowed = gate.engine_for(&package);
    match choice {
        EngineChoice::Interpreter => {
            findings.extend(gate.interpreter_refusals(&package).iter().cloned());
            return EngineKind::Interpreter;
        }
        EngineChoice::Rvm if allowed == EngineKind::Interpreter => {
            findings.push(Finding {
                severity: Severity::Error,
                code: "engine.rvm",
                path: String::new(),
                line: 1,
                column: 1,
                message: format!("`{package}` needs the interpreter, but `engine` is `rvm`"),
                hint: "use `engine = \"auto\"`, or change what the findings beside this one name"
                    .to_owned(),
                package,
            });
        }
        EngineChoice::Auto | EngineChoice::Rvm => {}
    }
    allowed
}
