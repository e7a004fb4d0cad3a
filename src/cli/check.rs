//! `toolgate check`.

use super::bundles::{self, EngineArg};
use super::output::{Colour, Format};
use super::{CliError, Exit, Output, findings, watch};
use crate::app;
use crate::bundle::compile::compile;
use crate::bundle::load::read_and_verify;
use crate::bundle::source::Source;
use crate::bundle::verify::Verified;
use crate::config::{Config, Overrides};
use crate::engine::{Options, Package, ScopeRow, SetName, explain_scope};
use crate::model::bundle::Sources;
use crate::model::finding::{Finding, Severity};
use crate::model::json::{Json, Object};
use crate::model::revision::EngineKind;
use clap::{ArgGroup, Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Check bundles as a server would before it lets them decide.
///
/// Prints every finding, and which evaluator runs each package. Exits with 2 if the bundles would
/// be refused, with 0 if not, also where there are warnings.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["paths", "config"]))]
pub struct Check {
    /// Bundles that decide together: directories, `.rego` files or OPA `.tar.gz` archives.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check the bundles of a configuration file instead, with its settings and grants.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["paths", "engine", "fail_open"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArg,
    /// What it is that a deny fails open.
    #[arg(long, value_enum, default_value = "error")]
    fail_open: FailOpen,
    /// Also list for which servers each package may grant.
    #[arg(long)]
    explain_scope: bool,
    /// Check again whenever a bundle changes, until the command is ended.
    #[arg(long, conflicts_with = "config")]
    watch: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOpen {
    /// The bundles are refused.
    Error,
    /// It is only told.
    Warn,
}

/// A set or why it cannot be read, and whose it is where there are tenants.
type ToCheck = (Option<String>, Result<Verified<Sources>, String>, Options);

/// What a check found.
struct Checked {
    /// Whose set it is, where there are tenants.
    tenant: Option<String>,
    findings: Vec<Finding>,
    packages: Vec<Package>,
    /// Empty unless it was asked for.
    scope: Vec<ScopeRow>,
    warnings: Vec<String>,
    refused: bool,
}

impl Check {
    /// Checks.
    ///
    /// # Errors
    /// Bundles that cannot be read or put together.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        if self.watch {
            watch::repeat(bundles::sources(&self.paths), output, || self.once(output));
        }
        self.once(output)
    }

    /// Checks each set that there is; the gravest exit code.
    fn once(&self, output: &Output) -> Result<Exit, CliError> {
        let mut all = Exit::Done;
        for (tenant, verified, options) in self.read()? {
            let verified = match verified {
                Ok(verified) => verified,
                // One tenant's does not keep the others' from being checked.
                Err(error) => {
                    output.error(error);
                    all = Exit::Unusable;
                    continue;
                }
            };
            let checked = self.check(tenant, verified, &options);
            if output.is_json() {
                output.json(&self.json(&checked));
            } else {
                self.print(output, &checked);
            }
            if checked.refused {
                all = Exit::Unusable;
            }
        }
        Ok(all)
    }

    fn check(
        &self,
        tenant: Option<String>,
        verified: Verified<Sources>,
        options: &Options,
    ) -> Checked {
        let warnings = verified.warnings().to_vec();
        let scope = match self.explain_scope {
            true => explain_scope(&verified, options),
            false => Vec::new(),
        };
        match compile(verified, options, 1) {
            Ok(compiled) => {
                let set = compiled.into_set();
                Checked {
                    tenant,
                    findings: set.warnings().to_vec(),
                    packages: set.packages().to_vec(),
                    scope,
                    warnings,
                    refused: false,
                }
            }
            Err(refused) => Checked {
                tenant,
                findings: refused.findings,
                packages: Vec::new(),
                scope,
                warnings,
                refused: true,
            },
        }
    }

    /// The sets that there are, each with the tenant whose it is.
    fn read(&self) -> Result<Vec<ToCheck>, CliError> {
        let Some(config) = &self.config else {
            let fail_open = match self.fail_open {
                FailOpen::Error => Severity::Error,
                FailOpen::Warn => Severity::Warning,
            };
            let options = self.engine.options(fail_open);
            return Ok(vec![(None, Ok(bundles::read(&self.paths)?), options)]);
        };
        let config = Config::load(config, &Overrides::of_process()).map_err(CliError::unusable)?;
        let read = |(tenant, sources): (Option<String>, Vec<Source>)| {
            let verified = read_and_verify(&sources).map_err(|error| match &tenant {
                Some(tenant) => format!("tenant `{tenant}`: {error}"),
                None => error.to_string(),
            });
            let options = app::options(&config, NonZeroUsize::MIN);
            (tenant, verified, options)
        };
        Ok(app::sets(&config).into_iter().map(read).collect())
    }

    fn json(&self, checked: &Checked) -> Json {
        let packages = checked
            .packages
            .iter()
            .map(|package| package_json(package, &checked.findings));
        let mut all = Object::new();
        if let Some(tenant) = &checked.tenant {
            all.insert("tenant", tenant.as_str());
        }
        all.insert(
            "findings",
            Json::array(checked.findings.iter().map(findings::json)),
        );
        all.insert("packages", Json::array(packages));
        all.insert(
            "warnings",
            Json::array(checked.warnings.iter().map(String::as_str)),
        );
        all.insert("refused", checked.refused);
        if self.explain_scope {
            let scope = checked.scope.iter().map(scope_json);
            all.insert("scope", Json::array(scope));
        }
        Json::Object(all)
    }

    fn print(&self, output: &Output, checked: &Checked) {
        if let Some(tenant) = &checked.tenant {
            output.line(format!("tenant `{tenant}`"));
        }
        for warning in &checked.warnings {
            output.line(format!(
                "{} {warning}",
                output.paint(Colour::Yellow, "warning:")
            ));
        }
        for finding in &checked.findings {
            output.line(findings::lines(output, finding));
        }
        if !checked.packages.is_empty() {
            gap(output, !checked.findings.is_empty());
            let row = |package| package_row(output, package, &checked.findings);
            let rows: Vec<_> = checked.packages.iter().map(row).collect();
            output.table(
                &[
                    "PACKAGE",
                    "ENGINE",
                    "DEFINES",
                    "ENFORCEMENT",
                    "WHY NOT THE RVM",
                ],
                &rows,
            );
        }
        if self.explain_scope && !checked.refused {
            gap(output, true);
            let rows: Vec<_> = checked.scope.iter().map(scope_row).collect();
            output.table(
                &[
                    "PACKAGE",
                    "IS ABOUT",
                    "ITS BUNDLE SPEAKS FOR",
                    "MAY GRANT FOR",
                ],
                &rows,
            );
        }
        if output.format == Format::Table || checked.refused {
            output.line(summary(output, checked));
        }
    }
}

fn gap(output: &Output, wanted: bool) {
    if wanted && output.format == Format::Table {
        output.line("");
    }
}

fn summary(output: &Output, checked: &Checked) -> String {
    let count = |severity| {
        let found = checked.findings.iter();
        found.filter(|finding| finding.severity == severity).count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let (errors, warnings) = (counted(errors, "error"), counted(warnings, "warning"));
    match checked.refused {
        true => {
            let refused = output.paint(Colour::Red, "refused");
            format!("{refused}: {errors}, {warnings}")
        }
        false => format!("{}: {warnings}", output.paint(Colour::Green, "good")),
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn names(defines: &[SetName]) -> Vec<&'static str> {
    defines.iter().map(|set| set.as_str()).collect()
}

/// Why the register machine does not run the package: the findings that say so; none where the
/// reason lies in what the package reads, or where nobody wanted the register machine.
fn why_interpreted<'a>(package: &Package, findings: &'a [Finding]) -> Vec<&'a Finding> {
    let own = format!("policies.{}", package.name);
    let found = findings
        .iter()
        .filter(|finding| finding.severity == Severity::InterpreterOnly && finding.package == own);
    match package.engine {
        EngineKind::Rvm => Vec::new(),
        EngineKind::Interpreter => found.collect(),
    }
}

fn package_json(package: &Package, findings: &[Finding]) -> Json {
    let why = why_interpreted(package, findings);
    Json::object([
        ("name", Json::from(package.name.as_str())),
        ("title", package.title.as_str().into()),
        ("engine", package.engine.as_str().into()),
        (
            "interpreted_because",
            Json::array(why.into_iter().map(findings::json)),
        ),
        ("defines", Json::array(names(&package.defines))),
        ("enforcement", enforcement(package.shadow).into()),
    ])
}

fn enforcement(is_shadow: bool) -> &'static str {
    match is_shadow {
        true => "shadow",
        false => "enforce",
    }
}

fn package_row(output: &Output, package: &Package, findings: &[Finding]) -> Vec<String> {
    let colour = match package.engine {
        EngineKind::Rvm => Colour::Green,
        EngineKind::Interpreter => Colour::Yellow,
    };
    let why = why_interpreted(package, findings);
    let why: Vec<_> = why
        .iter()
        .map(|finding| format!("{}:{} {}", finding.path, finding.line, finding.message))
        .collect();
    let why = match (package.engine, why.is_empty()) {
        (EngineKind::Interpreter, true) => "asked for, or needed by what it reads".to_owned(),
        _ => why.join("; "),
    };
    vec![
        package.name.clone(),
        output.paint(colour, package.engine.as_str()),
        names(&package.defines).join(","),
        enforcement(package.shadow).to_owned(),
        why,
    ]
}

fn servers_json(servers: Option<&Vec<String>>) -> Json {
    servers.map_or(Json::Null, |servers| {
        Json::array(servers.iter().map(String::as_str))
    })
}

fn scope_json(row: &ScopeRow) -> Json {
    Json::object([
        ("package", Json::from(row.package.as_str())),
        (
            "bundles",
            Json::array(row.bundles.iter().map(String::as_str)),
        ),
        ("declared_servers", servers_json(row.declared.as_ref())),
        ("granted_servers", servers_json(row.granted.as_ref())),
        ("may_grant", servers_json(row.effective.as_ref())),
        ("enforcement", enforcement(row.shadow).into()),
        ("defines", Json::array(names(&row.defines))),
    ])
}

fn scope_row(row: &ScopeRow) -> Vec<String> {
    let shown = |servers: Option<&Vec<String>>| match servers {
        None => "every server".to_owned(),
        Some(servers) if servers.is_empty() => "none".to_owned(),
        Some(servers) => servers.join(","),
    };
    vec![
        row.package.clone(),
        shown(row.declared.as_ref()),
        shown(row.granted.as_ref()),
        shown(row.effective.as_ref()),
    ]
}
