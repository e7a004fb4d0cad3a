//! `toolgate eval`.

use super::bundles::{self, EngineArg};
use super::{CliError, Exit, Output, document, findings};
use crate::bundle::data;
use crate::engine::{QueryError, query};
use crate::model::finding::Severity;
use crate::model::json::{Json, Object};
use clap::Args;
use std::path::PathBuf;

/// Evaluate one reference as `opa eval` does.
///
/// Prints OPA's JSON, `{}` if the reference is undefined. A reference to a package gives the
/// object of its data and rules. Exits with 2 where the gate refuses the policies, with 1 where a
/// rule raises an error.
#[derive(Debug, Args)]
pub struct Eval {
    /// A bundle: a directory, a `.rego` file or an OPA `.tar.gz`; several decide together.
    #[arg(long, value_name = "PATH", required = true)]
    bundle: Vec<PathBuf>,
    /// A JSON or YAML file whose members are added to `data`.
    #[arg(long, value_name = "FILE")]
    data: Vec<PathBuf>,
    /// The input: a JSON or YAML file, or `-` for JSON on standard input.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArg,
    /// What to evaluate, such as `data.policies.contracts.allow`.
    #[arg(value_name = "QUERY")]
    query: String,
}

impl Eval {
    /// Evaluates, and prints what came out.
    ///
    /// # Errors
    /// Unusable bundles, documents or references; errors of rules.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let (mut sources, warnings) = bundles::read(&self.bundle)?.into_parts();
        for warning in warnings {
            output.note(format!("warning: {warning}"));
        }
        for path in &self.data {
            let value = document::read(path)?;
            data::merge(&mut sources.data, &[], value).map_err(|error| {
                CliError::unusable(format!("`{}`: {error}", document::shown(path)))
            })?;
        }
        let input = self.input.as_deref().map(document::read).transpose()?;
        // A deny that fails open is still evaluated as it stands.
        let options = self.engine.options(Severity::Warning);
        let value = query(&sources, &options, input.as_ref(), &self.query).map_err(told)?;
        let result = value.map_or_else(|| Json::Object(Object::new()), |value| self.result(value));
        output.json(&result);
        Ok(Exit::Done)
    }

    /// What `opa eval --format json` prints for a reference, members in its order.
    fn result(&self, value: Json) -> Json {
        let place = [("row", Json::from(1_u64)), ("col", Json::from(1_u64))];
        let expression = [
            ("value", sorted(value)),
            ("text", self.query.as_str().into()),
            ("location", Json::object(place)),
        ];
        let expressions = Json::array([Json::object(expression)]);
        let result = Json::array([Json::object([("expressions", expressions)])]);
        Json::object([("result", result)])
    }
}

/// OPA sorts the members of objects.
fn sorted(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::array(items.into_iter().map(sorted)),
        Json::Object(object) => {
            let mut members: Vec<_> = object.into_iter().collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Json::object(
                members
                    .into_iter()
                    .map(|(name, value)| (name, sorted(value))),
            )
        }
        other => other,
    }
}

fn told(error: QueryError) -> CliError {
    match error {
        QueryError::Refused(refused) => findings::refused(&refused),
        QueryError::Evaluation { .. } => CliError::failure(error),
        QueryError::NoReference(_)
        | QueryError::Function(_)
        | QueryError::TooManyRules { .. }
        | QueryError::Input(_) => CliError::unusable(error),
    }
}
