//! One check. Each keyword is a question to one value; what a keyword does not speak about fits.

use super::{PATTERN_BYTES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_STEPS_MAX, Unfit};
use crate::model::json::{Json, Number, Object};
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;

type Fits = Result<(), Unfit>;

/// Keywords that assert something and are not understood.
const NOT_UNDERSTOOD: [&str; 7] = [
    "$dynamicRef",
    "$recursiveRef",
    "unevaluatedProperties",
    "unevaluatedItems",
    "dependentSchemas",
    "dependencies",
    "contains",
];

/// The state of one check.
pub(super) struct Check<'s> {
    root: &'s Json,
    steps: u32,
    depth: u32,
    patterns: HashMap<&'s str, Regex>,
}

fn holds(condition: bool) -> Fits {
    if condition {
        Ok(())
    } else {
        Err(Unfit::Differs)
    }
}

fn array<'s>(schema: &'s Object, keyword: &'static str) -> Result<Option<&'s [Json]>, Unfit> {
    let Some(value) = schema.get(keyword) else {
        return Ok(None);
    };
    value
        .as_array()
        .map(Some)
        .ok_or(Unfit::NotUnderstood(keyword))
}

fn object<'s>(schema: &'s Object, keyword: &'static str) -> Result<Option<&'s Object>, Unfit> {
    let Some(value) = schema.get(keyword) else {
        return Ok(None);
    };
    value
        .as_object()
        .map(Some)
        .ok_or(Unfit::NotUnderstood(keyword))
}

fn real(number: &Number) -> f64 {
    number.as_str().parse().unwrap_or(f64::NAN)
}

fn bound(schema: &Object, keyword: &'static str) -> Result<Option<f64>, Unfit> {
    match schema.get(keyword) {
        None => Ok(None),
        Some(Json::Number(number)) => Ok(Some(real(number))),
        Some(_) => Err(Unfit::NotUnderstood(keyword)),
    }
}

/// Whether a count is within the two bounds that these keywords set.
fn counts(schema: &Object, [least, most]: [&'static str; 2], count: usize) -> Fits {
    let count = u32::try_from(count).map_or(f64::MAX, f64::from);
    holds(bound(schema, least)?.is_none_or(|bound| count >= bound))?;
    holds(bound(schema, most)?.is_none_or(|bound| count <= bound))
}

fn is_integer(number: &Number) -> bool {
    number.as_i64().is_some() || number.as_u64().is_some() || real(number).fract() == 0.0
}

/// Equality as JSON Schema has it: numbers by value, members in any order.
fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            one == other || (real(one) - real(other)).abs() < f64::EPSILON
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            let in_other = |(name, value)| other.get(name).is_some_and(|it| same(value, it));
            one.len() == other.len() && one.iter().all(in_other)
        }
        _ => one == other,
    }
}

fn is_type(name: &str, value: &Json) -> bool {
    match value {
        Json::Null => name == "null",
        Json::Bool(_) => name == "boolean",
        Json::Number(number) => name == "number" || (name == "integer" && is_integer(number)),
        Json::String(_) => name == "string",
        Json::Array(_) => name == "array",
        Json::Object(_) => name == "object",
    }
}

impl<'s> Check<'s> {
    pub(super) fn new(root: &'s Json) -> Self {
        Self {
            root,
            steps: 0,
            depth: 0,
            patterns: HashMap::new(),
        }
    }

    /// Whether a value fits a schema.
    pub(super) fn value(&mut self, schema: &'s Json, value: &Json) -> Fits {
        self.steps += 1;
        if self.steps > SCHEMA_STEPS_MAX || self.depth >= SCHEMA_DEPTH_MAX {
            return Err(Unfit::TooComplex);
        }
        let schema = match schema {
            Json::Bool(all) => return holds(*all),
            Json::Object(schema) => schema,
            _ => return Err(Unfit::NotUnderstood("schema")),
        };
        self.depth += 1;
        let fits = self.keywords(schema, value);
        self.depth -= 1;
        fits
    }

    fn keywords(&mut self, schema: &'s Object, value: &Json) -> Fits {
        for keyword in NOT_UNDERSTOOD {
            if schema
                .get(keyword)
                .is_some_and(|it| *it != Json::Bool(true))
            {
                return Err(Unfit::NotUnderstood(keyword));
            }
        }
        self.reference(schema, value)?;
        Self::general(schema, value)?;
        self.combined(schema, value)?;
        match value {
            Json::Object(object) => self.object(schema, object),
            Json::Array(items) => self.array(schema, items),
            Json::String(text) => self.string(schema, text),
            Json::Number(number) => Self::number(schema, number),
            Json::Null | Json::Bool(_) => Ok(()),
        }
    }

    /// References within the schema; no other is followed.
    fn reference(&mut self, schema: &'s Object, value: &Json) -> Fits {
        let Some(reference) = schema.get("$ref") else {
            return Ok(());
        };
        let unknown = Unfit::NotUnderstood("$ref");
        let path = reference.as_str().and_then(|it| it.strip_prefix('#'));
        let path = path.filter(|it| it.is_empty() || it.starts_with('/'));
        let mut target = self.root;
        for token in path.ok_or(unknown.clone())?.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match target {
                Json::Array(items) => token.parse().ok().and_then(|at: usize| items.get(at)),
                other => other.get(&token),
            };
            target = next.ok_or(unknown.clone())?;
        }
        self.value(target, value)
    }

    fn general(schema: &Object, value: &Json) -> Fits {
        match schema.get("type") {
            None => {}
            Some(Json::String(name)) => holds(is_type(name, value))?,
            Some(Json::Array(names)) => {
                let mut names = names.iter().filter_map(Json::as_str);
                holds(names.any(|name| is_type(name, value)))?;
            }
            Some(_) => return Err(Unfit::NotUnderstood("type")),
        }
        if let Some(allowed) = array(schema, "enum")? {
            holds(allowed.iter().any(|one| same(one, value)))?;
        }
        holds(schema.get("const").is_none_or(|one| same(one, value)))
    }

    /// Whether a value fits a part: not fitting is an answer, not understanding is an error.
    fn test(&mut self, schema: &'s Json, value: &Json) -> Result<bool, Unfit> {
        match self.value(schema, value) {
            Ok(()) => Ok(true),
            Err(Unfit::Differs) => Ok(false),
            Err(other) => Err(other),
        }
    }

    fn number_that_fit(&mut self, parts: &'s [Json], value: &Json) -> Result<usize, Unfit> {
        let mut fitting = 0;
        for part in parts {
            fitting += usize::from(self.test(part, value)?);
        }
        Ok(fitting)
    }

    fn combined(&mut self, schema: &'s Object, value: &Json) -> Fits {
        if let Some(parts) = array(schema, "allOf")? {
            holds(self.number_that_fit(parts, value)? == parts.len())?;
        }
        if let Some(parts) = array(schema, "anyOf")? {
            holds(self.number_that_fit(parts, value)? > 0)?;
        }
        if let Some(parts) = array(schema, "oneOf")? {
            holds(self.number_that_fit(parts, value)? == 1)?;
        }
        if let Some(part) = schema.get("not") {
            holds(!self.test(part, value)?)?;
        }
        if let Some(part) = schema.get("if") {
            let then = if self.test(part, value)? {
                "then"
            } else {
                "else"
            };
            if let Some(part) = schema.get(then) {
                self.value(part, value)?;
            }
        }
        Ok(())
    }

    fn object(&mut self, schema: &'s Object, value: &Object) -> Fits {
        for name in array(schema, "required")?.unwrap_or_default() {
            holds(name.as_str().is_some_and(|name| value.get(name).is_some()))?;
        }
        counts(schema, ["minProperties", "maxProperties"], value.len())?;
        if let Some(needs) = object(schema, "dependentRequired")? {
            let present = needs.iter().filter(|(name, _)| value.get(name).is_some());
            let mut wanted = present.flat_map(|(_, names)| names.as_array().unwrap_or_default());
            let there = |name: &str| value.get(name).is_some();
            holds(wanted.all(|name| name.as_str().is_some_and(there)))?;
        }
        let properties = object(schema, "properties")?;
        let patterns = object(schema, "patternProperties")?;
        for (name, member) in value.iter() {
            if let Some(part) = schema.get("propertyNames") {
                self.value(part, &Json::from(name))?;
            }
            let own = properties.and_then(|all| all.get(name));
            let mut known = own.is_some();
            if let Some(part) = own {
                self.value(part, member)?;
            }
            for (pattern, part) in patterns.into_iter().flat_map(Object::iter) {
                if self.matches(pattern, name)? {
                    known = true;
                    self.value(part, member)?;
                }
            }
            if let Some(part) = schema.get("additionalProperties").filter(|_| !known) {
                self.value(part, member)?;
            }
        }
        Ok(())
    }

    fn array(&mut self, schema: &'s Object, items: &[Json]) -> Fits {
        counts(schema, ["minItems", "maxItems"], items.len())?;
        let (first, rest) = match (array(schema, "prefixItems")?, schema.get("items")) {
            (None, Some(Json::Array(first))) => (first.as_slice(), schema.get("additionalItems")),
            (first, rest) => (first.unwrap_or_default(), rest),
        };
        for (index, item) in items.iter().enumerate() {
            if let Some(part) = first.get(index).or(rest) {
                self.value(part, item)?;
            }
        }
        if schema.get("uniqueItems") == Some(&Json::Bool(true)) {
            let mut texts: Vec<_> = items.iter().map(Json::canonical).collect();
            texts.sort();
            texts.dedup();
            holds(texts.len() == items.len())?;
        }
        Ok(())
    }

    fn string(&mut self, schema: &'s Object, text: &str) -> Fits {
        counts(schema, ["minLength", "maxLength"], text.chars().count())?;
        match schema.get("pattern") {
            None => Ok(()),
            Some(Json::String(pattern)) => holds(self.matches(pattern, text)?),
            Some(_) => Err(Unfit::NotUnderstood("pattern")),
        }
    }

    fn matches(&mut self, pattern: &'s str, text: &str) -> Result<bool, Unfit> {
        if let Some(compiled) = self.patterns.get(pattern) {
            return Ok(compiled.is_match(text));
        }
        let compiled = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES_MAX)
            .build()
            .map_err(|_| Unfit::NotUnderstood("pattern"))?;
        let found = compiled.is_match(text);
        self.patterns.insert(pattern, compiled);
        Ok(found)
    }

    fn number(schema: &Object, number: &Number) -> Fits {
        let value = real(number);
        let fits = |keyword, test: fn(f64, f64) -> bool| {
            let bound = bound(schema, keyword)?;
            holds(bound.is_none_or(|bound| test(value, bound)))
        };
        fits("minimum", |value, bound| value >= bound)?;
        fits("maximum", |value, bound| value <= bound)?;
        fits("exclusiveMinimum", |value, bound| value > bound)?;
        fits("exclusiveMaximum", |value, bound| value < bound)?;
        fits("multipleOf", |value, bound| {
            let times = value / bound;
            (times - times.round()).abs() < 1e-9
        })
    }
}
