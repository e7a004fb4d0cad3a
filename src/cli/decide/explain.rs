//! `toolgate explain`.

mod told;

use super::local::Local;
use super::remote::{Remote, TlsArgs};
use super::{Answer, given, show};
use crate::bundle::compile::compile;
use crate::bundle::swap::Compiled;
use crate::cli::bundles::{self, EngineArg};
use crate::cli::output::{Colour, Format};
use crate::cli::tree::Node;
use crate::cli::{CliError, Exit, Output, document, findings};
use crate::decide::decide;
use crate::engine::{Input, Package, PolicySet, SetName, TracedRule, trace};
use crate::model::bundle::Sources;
use crate::model::call::Given;
use crate::model::finding::Severity;
use crate::model::json::{Json, Object};
use crate::model::revision::{EngineChoice, EngineKind};
use crate::telemetry::now;
use crate::wire::v1;
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// Show why an input is decided as it is.
///
/// A tree: the verdict, what is owed once merged, each package's sets, which rules held, where the
/// others ended, and what the other evaluator says. Exits with 0 whatever the verdict, with 2 for an
/// input that cannot be used and with 1 where the PDP does not answer.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("judge").required(true).args(["pdp", "bundle"]).multiple(false))]
pub struct Explain {
    /// A PDP: `unix:/path`, `http://host:port` or `https://host:port`. It decides a dry run.
    #[arg(long, value_name = "URL")]
    pdp: Option<String>,
    /// A bundle, decided by in this process. Several decide together.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["TlsArgs", "call_id"])]
    bundle: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArg,
    #[command(flatten)]
    tls: TlsArgs,
    /// With `--pdp`, in phase `result`: the call that the result belongs to.
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// The document: a JSON or YAML file, or `-` for JSON on standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// What only the process that has the policies can tell: this one, or a PDP that traces rules.
struct Inside {
    rules: Vec<TracedRule>,
    /// How many rules are not among them.
    rules_left_out: u32,
    packages: Vec<About>,
    other: Other,
}

/// What is known of a package.
struct About {
    name: String,
    servers: Option<Vec<String>>,
    engine: &'static str,
}

impl From<&Package> for About {
    fn from(package: &Package) -> Self {
        Self {
            name: package.name.clone(),
            servers: package.servers.clone(),
            engine: package.engine.as_str(),
        }
    }
}

/// What the other evaluator says.
enum Other {
    /// The same.
    Agrees,
    /// Another effect or other sets, of these packages.
    Differs(Vec<String>),
    /// It cannot run them, for this reason.
    Cannot(String),
}

impl Inside {
    /// The servers that a package is for, where it was left out for that.
    fn servers_without(&self, part: &v1::PackageExplanation) -> Option<String> {
        let mut packages = self.packages.iter();
        let package = packages.find(|package| package.name == part.name)?;
        let servers = package
            .servers
            .as_ref()
            .filter(|_| !part.excluded.is_empty())?;
        Some(servers.join(", "))
    }
}

impl Explain {
    /// Explains.
    ///
    /// # Errors
    /// Unusable inputs or bundles; a PDP that does not answer.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let mut given = given(&document::read(&self.file)?)?;
        let (answer, inside) = match &self.pdp {
            Some(url) => {
                let remote = Remote::new(url, &self.tls, self.call_id.clone())?;
                let answer = remote.decide(given, true)?;
                let inside = told::inside(&answer);
                (answer, inside)
            }
            None => {
                // One time for all that is evaluated.
                given.time = Some(given.time.unwrap_or_else(now));
                let sources = bundles::read(&self.bundle)?;
                let local = Local::new(&self.bundle, self.engine)?;
                let answer = local.decide(&given, true)?;
                let inside = self.inside(&sources, &local, &given)?;
                (answer, Some(inside))
            }
        };
        match output.is_json() {
            true => output.json(&json(&answer, inside.as_ref())),
            false => tree(output, &answer, inside.as_ref())
                .lines(output.format == Format::Table)
                .iter()
                .for_each(|line| output.line(line)),
        }
        Ok(Exit::Done)
    }

    fn inside(&self, sources: &Sources, local: &Local, given: &Given) -> Result<Inside, CliError> {
        let time = given.time.unwrap_or_else(now);
        let facts = &given.facts;
        let input = given.request.to_input(&facts.facts, &facts.labels, time);
        let input = Input::new(&input).map_err(CliError::unusable)?;
        let rules = trace(sources, &input).map_err(|refused| findings::refused(&refused))?;
        let set = local.set();
        Ok(Inside {
            rules,
            rules_left_out: 0,
            packages: set.packages().iter().map(About::from).collect(),
            other: self.other(set, given)?,
        })
    }

    /// Decides by the interpreter, or by the register machine where the interpreter was asked for.
    fn other(&self, set: &PolicySet, given: &Given) -> Result<Other, CliError> {
        let is_interpreted = set
            .packages()
            .iter()
            .all(|package| package.engine == EngineKind::Interpreter);
        let choice = match is_interpreted {
            true => EngineChoice::Rvm,
            false => EngineChoice::Interpreter,
        };
        let options = bundles::options(choice, Severity::Warning);
        let other = compile(bundles::read(&self.bundle)?, &options, 1).map(Compiled::into_set);
        let other = match other {
            Ok(other) => other,
            Err(refused) => {
                let first = refused.findings.into_iter().next();
                let first = first.map(|finding| finding.message);
                return Ok(Other::Cannot(first.unwrap_or_default()));
            }
        };
        Local::on_large_stack(|| compare(set, &other, given))
    }
}

fn compare(set: &PolicySet, other: &PolicySet, given: &Given) -> Other {
    let time = given.time.unwrap_or_else(now);
    let parts = |set| {
        let parts = crate::decide::explain(set, &given.request, &given.facts, time);
        let parts = parts.unwrap_or_default().into_iter();
        parts
            .map(|part| (part.package.name.clone(), part.shown()))
            .collect::<Vec<_>>()
    };
    let effect = |set| decide(set, &given.request, &given.facts, time).0.effect;
    let pairs = parts(set).into_iter().zip(parts(other));
    let differ = pairs.filter(|(one, other)| one != other);
    let mut differ: Vec<String> = differ.map(|((package, _), _)| package).collect();
    if differ.is_empty() && effect(set) != effect(other) {
        differ.push("all together".to_owned());
    }
    match differ.is_empty() {
        true => Other::Agrees,
        false => Other::Differs(differ),
    }
}

fn tree(output: &Output, answer: &Answer, inside: Option<&Inside>) -> Node {
    let mut lines = show::lines(output, answer).into_iter();
    let mut root = Node::new(lines.next().unwrap_or_default());
    lines.for_each(|line| root.push(Node::new(line)));
    for package in answer.packages.iter().flatten() {
        if let Some(servers) = inside.and_then(|inside| inside.servers_without(package)) {
            let text = format!("package {}: not asked, it is for {servers}", package.name);
            root.push(Node::new(output.paint(Colour::Dim, &text)));
            continue;
        }
        let mut node = Node::new(show::package(output, package));
        let Json::Object(sets) = show::held(&package.sets_json) else {
            root.push(node);
            continue;
        };
        for set in SetName::ALL {
            let rules: Vec<_> = inside
                .map(|inside| inside.rules.iter())
                .into_iter()
                .flatten()
                .filter(|rule| rule.package == package.name && rule.set == set)
                .collect();
            let elements = sets.get(set.as_str()).and_then(Json::as_array);
            if rules.is_empty() && elements.is_none() {
                continue;
            }
            let counts = show::counts(set.as_str(), package.may_grant);
            let mut below = Node::new(format!("{}{counts}", set.as_str()));
            match inside {
                Some(_) => rules
                    .iter()
                    .for_each(|rule| below.push(rule_node(output, rule))),
                None => {
                    let elements = elements.unwrap_or_default().iter();
                    elements.for_each(|element| below.push(Node::new(element.to_string())));
                }
            }
            node.push(below);
        }
        root.push(node);
    }
    let left_out = inside.map_or(0, |inside| inside.rules_left_out);
    if left_out > 0 {
        root.push(Node::new(format!("{left_out} rules are not shown")));
    }
    root.with(inside.map(|inside| Node::new(other_line(output, inside))))
}

fn rule_node(output: &Output, rule: &TracedRule) -> Node {
    let place = format!("{}:{}", rule.path, rule.line);
    match &rule.elements {
        Err(problem) => {
            let failed = output.paint(Colour::Red, "failed");
            Node::new(format!("{failed} {place}: {problem}"))
        }
        Ok(elements) if elements.is_empty() => {
            let ended = match rule.evaluated_to > rule.line {
                true => format!(", evaluated to line {}", rule.evaluated_to),
                false => String::new(),
            };
            let text = format!("did not hold {place}{ended}");
            Node::new(output.paint(Colour::Dim, &text))
        }
        Ok(elements) => {
            let held = output.paint(Colour::Green, "held");
            let elements = elements
                .iter()
                .map(|element| Node::new(element.to_string()));
            Node::new(format!("{held} {place}")).with(elements)
        }
    }
}

fn other_line(output: &Output, inside: &Inside) -> String {
    let interpreter = EngineKind::Interpreter.as_str();
    let mut packages = inside.packages.iter();
    let name = match packages.all(|package| package.engine == interpreter) {
        true => "register machine",
        false => "interpreter",
    };
    match &inside.other {
        Other::Agrees => format!("the {name} says the same"),
        Other::Differs(packages) => {
            let differs = output.paint(Colour::Red, "says something else");
            format!("the {name} {differs}: {}", packages.join(", "))
        }
        Other::Cannot(reason) => format!("the {name} cannot run these policies: {reason}"),
    }
}

fn json(answer: &Answer, inside: Option<&Inside>) -> Json {
    let decided = show::json(answer);
    let mut all = decided.as_object().cloned().unwrap_or_default();
    let Some(inside) = inside else {
        return Json::Object(all);
    };
    all.insert("rules", Json::array(inside.rules.iter().map(rule_json)));
    if inside.rules_left_out > 0 {
        all.insert("rules_left_out", u64::from(inside.rules_left_out));
    }
    let packages = inside.packages.iter();
    let engines = packages.map(|package| (package.name.as_str(), package.engine));
    all.insert("engines", Json::object(engines));
    let mut other = Object::new();
    match &inside.other {
        Other::Agrees => {
            other.insert("agrees", true);
        }
        Other::Differs(packages) => {
            other.insert("agrees", false);
            other.insert("packages", Json::array(packages.iter().map(String::as_str)));
        }
        Other::Cannot(reason) => {
            other.insert("cannot", reason.as_str());
        }
    }
    all.insert("other_engine", other);
    Json::Object(all)
}

fn rule_json(rule: &TracedRule) -> Json {
    let mut all = Object::new();
    all.insert("package", rule.package.as_str());
    all.insert("set", rule.set.as_str());
    all.insert("file", rule.path.as_str());
    all.insert("line", u64::from(rule.line));
    all.insert("evaluated_to", u64::from(rule.evaluated_to));
    match &rule.elements {
        Ok(elements) => {
            all.insert("held", !elements.is_empty());
            all.insert("elements", Json::array(elements.iter().cloned()));
        }
        Err(problem) => {
            all.insert("error", problem.as_str());
        }
    }
    Json::Object(all)
}
