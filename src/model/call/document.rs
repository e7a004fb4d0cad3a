//! The policy input as a document of any kind of value: strict JSON for people, the engine's own
//! values for a decision, which then needs no JSON in between.

use super::{Mcp, Request};
use crate::model::json::{Json, Object};
use crate::model::principal::Principal;
use crate::model::time::Timestamp;
use std::convert::Infallible;

/// Makes values of one kind.
pub trait Build {
    /// The kind.
    type Value;
    /// Why a JSON value has no counterpart.
    type Error;

    /// A string.
    fn text(&self, text: &str) -> Self::Value;
    /// An integer.
    fn integer(&self, integer: i64) -> Self::Value;
    /// What came as JSON.
    ///
    /// # Errors
    /// Where it has no counterpart.
    fn json(&self, json: &Json) -> Result<Self::Value, Self::Error>;
    /// What came as a JSON object.
    ///
    /// # Errors
    /// Where it has no counterpart.
    fn json_object(&self, object: &Object) -> Result<Self::Value, Self::Error>;
    /// An array.
    fn array(&self, items: impl Iterator<Item = Self::Value>) -> Self::Value;
    /// An object; no name comes twice.
    fn object(&self, members: Vec<(&'static str, Self::Value)>) -> Self::Value;
}

impl Request {
    /// The policy input, version 1. Absent parts are absent, never null.
    /// Schema: `docs/input.schema.json`.
    ///
    /// # Errors
    /// Where a part that came as JSON has no counterpart.
    pub fn build_input<B: Build>(
        &self,
        facts: &Object,
        labels: &[String],
        now: Timestamp,
        build: &B,
    ) -> Result<B::Value, B::Error> {
        let time = vec![
            ("ns", build.integer(now.as_nanos())),
            ("rfc3339", build.text(&now.rfc3339())),
        ];
        let session = vec![
            ("id", build.text(&self.session_id)),
            ("labels", texts(build, labels)),
        ];
        let mut input = vec![
            ("version", build.integer(1)),
            ("phase", build.text(self.phase.as_str())),
            ("time", build.object(time)),
            ("tenant", build.text(&self.tenant)),
            ("principal", self.principal.build(build)?),
            ("mcp", self.mcp.build(build)),
            ("tool", self.build_tool(build)?),
        ];
        if let Some(arguments) = self.arguments() {
            input.push(("arguments", build.json(arguments)?));
        }
        input.push(("facts", build.json_object(facts)?));
        input.push(("session", build.object(session)));
        input.push(("context", build.json_object(&self.context)?));
        if let Some(result) = &self.result {
            input.push(("result", build.json(result)?));
        }
        Ok(build.object(input))
    }

    /// The policy input as JSON.
    #[must_use]
    pub fn to_input(&self, facts: &Object, labels: &[String], now: Timestamp) -> Json {
        let Ok(input) = self.build_input(facts, labels, now, &AsJson);
        input
    }

    fn build_tool<B: Build>(&self, build: &B) -> Result<B::Value, B::Error> {
        let annotations = build.json_object(&self.untrusted_annotations)?;
        let mut tool = vec![("untrusted_annotations", annotations)];
        if let Some(digest) = &self.definition_digest {
            tool.push(("definition_digest", build.text(digest)));
        }
        Ok(build.object(tool))
    }
}

impl Mcp {
    fn build<B: Build>(&self, build: &B) -> B::Value {
        let Self {
            server,
            method,
            name,
            protocol,
        } = self;
        let parts = [
            ("server", server),
            ("method", method),
            ("name", name),
            ("protocol", protocol),
        ];
        let present = parts.into_iter().filter(|(_, value)| !value.is_empty());
        let members = present.map(|(name, value)| (name, build.text(value)));
        build.object(members.collect())
    }
}

impl Principal {
    fn build<B: Build>(&self, build: &B) -> Result<B::Value, B::Error> {
        let mut members = vec![("id", build.text(&self.id))];
        let names = [
            ("user", &self.user),
            ("agent", &self.agent),
            ("client", &self.client),
        ];
        for (name, part) in names {
            members.extend(part.as_ref().map(|part| (name, build.text(part))));
        }
        let by = self.authenticated_by.as_str();
        members.push(("roles", texts(build, &self.roles)));
        members.push(("attributes", build.json_object(&self.attributes)?));
        members.push(("delegation", texts(build, &self.delegation)));
        members.push(("authenticated_by", build.text(by)));
        let from = self.roles_from;
        members.extend(from.map(|from| ("roles_from", build.text(from.as_str()))));
        Ok(build.object(members))
    }

    /// `input.principal`: absent parts are absent, never null.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let Ok(principal) = self.build(&AsJson);
        principal
    }
}

fn texts<B: Build>(build: &B, texts: &[String]) -> B::Value {
    build.array(texts.iter().map(|text| build.text(text)))
}

/// Makes strict JSON.
struct AsJson;

impl Build for AsJson {
    type Value = Json;
    type Error = Infallible;

    fn text(&self, text: &str) -> Json {
        Json::from(text)
    }

    fn integer(&self, integer: i64) -> Json {
        Json::from(integer)
    }

    fn json(&self, json: &Json) -> Result<Json, Infallible> {
        Ok(json.clone())
    }

    fn json_object(&self, object: &Object) -> Result<Json, Infallible> {
        Ok(Json::Object(object.clone()))
    }

    fn array(&self, items: impl Iterator<Item = Json>) -> Json {
        Json::array(items)
    }

    fn object(&self, members: Vec<(&'static str, Json)>) -> Json {
        Json::object(members)
    }
}
