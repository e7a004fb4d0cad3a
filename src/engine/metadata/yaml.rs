//! The YAML of one metadata block.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_saphyr::{Location, Options, Spanned};

use super::block::Block;
use super::{Enforcement, PackageMetadata, Place};
use crate::engine::suggest::nearest;
use crate::model::finding::Finding;

/// The keys that OPA knows in a block.
const OPA_KEYS: [&str; 9] = [
    "authors",
    "custom",
    "description",
    "entrypoint",
    "organizations",
    "related_resources",
    "schemas",
    "scope",
    "title",
];
/// The keys of `custom.toolgate`.
const KEYS: [&str; 2] = ["enforcement", "servers"];

/// Where keys stand that toolgate reads: above it they would silently not hold.
const LEVEL: &str = "# custom:\n#   toolgate:\n#     ";

const MAX_DEPTH: usize = 16;
const MAX_NODES: usize = 4096;
const MAX_ALIASES: usize = 16;

/// A mapping with the places of its keys and values, in order.
#[derive(Debug)]
struct Entries(Vec<(Spanned<String>, Spanned<Value>)>);

#[derive(Debug, Default)]
struct Custom {
    toolgate: Option<Entries>,
    other_keys: Vec<Spanned<String>>,
}

#[derive(Debug, Default)]
struct Annotations {
    title: Option<String>,
    description: Option<String>,
    scope: Option<Spanned<String>>,
    custom: Custom,
    other_keys: Vec<Spanned<String>>,
}

/// Reads the block above `package`; `None` if it is about something else (`scope: subpackages`).
pub(super) fn read(path: &str, block: &Block) -> Result<Option<PackageMetadata>, Finding> {
    let annotations = parse(path, block)?;
    let at = |location: Location| place(path, block, location);
    refuse_lost(&annotations, at)?;
    if let Some(scope) = annotations.scope.filter(|scope| scope.value != "package") {
        if annotations.custom.toolgate.is_some() || scope.value != "subpackages" {
            return Err(at(scope.referenced).finding(
                format!("scope `{}` above `package`", scope.value),
                "write `scope: package`, or leave it out",
            ));
        }
        return Ok(None);
    }
    let mut metadata = PackageMetadata {
        title: annotations.title,
        description: annotations.description,
        ..PackageMetadata::default()
    };
    for (key, value) in annotations.custom.toolgate.map(|e| e.0).unwrap_or_default() {
        match key.value.as_str() {
            "servers" => metadata.servers = Some(servers(&value, at)?),
            "enforcement" => metadata.enforcement = Some(enforcement(&value, at)?),
            unknown => return Err(unknown_key(unknown, at(key.referenced))),
        }
    }
    Ok(Some(metadata))
}

/// A declaration below `package` describes a rule, and would not hold for the package.
pub(super) fn refuse_toolgate(path: &str, block: &Block) -> Result<(), Finding> {
    let annotations = parse(path, block)?;
    refuse_lost(&annotations, |location| place(path, block, location))?;
    if annotations.custom.toolgate.is_none() {
        return Ok(());
    }
    Err(place(path, block, Location::UNKNOWN).finding(
        "`custom.toolgate` below `package` declares nothing",
        "move it into the `# METADATA` block above `package`",
    ))
}

fn parse(path: &str, block: &Block) -> Result<Annotations, Finding> {
    serde_saphyr::from_str_with_options(&block.yaml, options()).map_err(|error| {
        let location = error.location().unwrap_or(Location::UNKNOWN);
        let text = error.without_snippet().to_string();
        let message = text.lines().next().unwrap_or_default();
        place(path, block, location).finding(
            format!("the metadata is no YAML of OPA's form: {message}"),
            "below `# METADATA` every comment line is YAML; leave a blank line to end the block",
        )
    })
}

fn options() -> Options {
    let mut options = Options::default();
    options.with_snippet = false;
    options.budget = serde_saphyr::budget! {
        max_depth: MAX_DEPTH,
        max_nodes: MAX_NODES,
        max_aliases: MAX_ALIASES,
        max_documents: 1,
    };
    options
}

fn place<'a>(path: &'a str, block: &Block, location: Location) -> Place<'a> {
    if location == Location::UNKNOWN {
        return Place {
            path,
            line: block.line,
            column: 1,
        };
    }
    let lines = u32::try_from(location.line()).unwrap_or(u32::MAX);
    let column = u32::try_from(location.column()).unwrap_or(u32::MAX);
    Place {
        path,
        line: block.line.saturating_add(lines),
        column: column.saturating_add(1),
    }
}

fn servers<'a>(
    value: &Spanned<Value>,
    at: impl Fn(Location) -> Place<'a>,
) -> Result<Vec<String>, Finding> {
    let names: Option<Vec<String>> = value.value.as_array().and_then(|items| {
        items
            .iter()
            .map(|item| item.as_str().filter(|name| !name.is_empty()))
            .map(|name| name.map(str::to_owned))
            .collect()
    });
    match names {
        Some(mut names) if !names.is_empty() => {
            names.sort();
            names.dedup();
            Ok(names)
        }
        _ => Err(at(value.referenced).finding(
            "`custom.toolgate.servers` is not a list of server names",
            "write `servers: [crm, mail]`; leave it out for every server",
        )),
    }
}

fn enforcement<'a>(
    value: &Spanned<Value>,
    at: impl Fn(Location) -> Place<'a>,
) -> Result<Enforcement, Finding> {
    match value.value.as_str() {
        Some("enforce") => Ok(Enforcement::Enforce),
        Some("shadow") => Ok(Enforcement::Shadow),
        _ => Err(at(value.referenced).finding(
            "`custom.toolgate.enforcement` is neither `enforce` nor `shadow`",
            "write `enforcement: enforce` or `enforcement: shadow`",
        )),
    }
}

fn unknown_key(key: &str, place: Place<'_>) -> Finding {
    let hint = match nearest(key, &KEYS) {
        Some(meant) => format!("write `{meant}`"),
        None => format!("known keys: {}", KEYS.join(", ")),
    };
    place.finding(format!("unknown key `{key}` in `custom.toolgate`"), hint)
}

/// Keys that are misspelt or stand where they declare nothing.
fn refuse_lost<'a>(
    annotations: &Annotations,
    at: impl Fn(Location) -> Place<'a> + Copy,
) -> Result<(), Finding> {
    refuse_level(&annotations.other_keys, "", at)?;
    refuse_level(&annotations.custom.other_keys, "custom.", at)?;
    refuse_misspelled(&annotations.other_keys, &OPA_KEYS, at)?;
    refuse_misspelled(&annotations.custom.other_keys, &["toolgate"], at)
}

/// `servers`, or `toolgate` itself, above its level.
fn refuse_level<'a>(
    keys: &[Spanned<String>],
    parent: &str,
    at: impl Fn(Location) -> Place<'a>,
) -> Result<(), Finding> {
    for key in keys {
        let name = key.value.as_str();
        let below = match name {
            "toolgate" => "# custom:\n#   toolgate: …".to_owned(),
            _ if KEYS.contains(&name) => format!("{LEVEL}{name}: …"),
            _ => continue,
        };
        return Err(at(key.referenced).finding(
            format!("`{parent}{name}` declares nothing: it is not where toolgate reads it"),
            format!("write\n{below}"),
        ));
    }
    Ok(())
}

fn refuse_misspelled<'a>(
    keys: &[Spanned<String>],
    known: &[&str],
    at: impl Fn(Location) -> Place<'a>,
) -> Result<(), Finding> {
    let misspelled = keys
        .iter()
        .find_map(|key| nearest(&key.value, known).map(|meant| (key, meant)));
    match misspelled {
        None => Ok(()),
        Some((key, meant)) => Err(at(key.referenced).finding(
            format!("unknown key `{}`", key.value),
            format!("write `{meant}`"),
        )),
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct CustomVisitor;

impl<'de> Visitor<'de> for CustomVisitor {
    type Value = Custom;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Custom, A::Error> {
        let mut custom = Custom::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if key.value == "toolgate" {
                custom.toolgate = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
                custom.other_keys.push(key);
            }
        }
        Ok(custom)
    }
}

impl<'de> DeserializeSeed<'de> for CustomVisitor {
    type Value = Custom;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Custom, D::Error> {
        deserializer.deserialize_map(self)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut annotations = Annotations::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            match key.value.as_str() {
                "title" => annotations.title = Some(map.next_value()?),
                "description" => annotations.description = Some(map.next_value()?),
                "scope" => annotations.scope = Some(map.next_value()?),
                "custom" => annotations.custom = map.next_value_seed(CustomVisitor)?,
                known => {
                    let known = OPA_KEYS.contains(&known);
                    map.next_value::<IgnoredAny>()?;
                    if !known {
                        annotations.other_keys.push(key);
                    }
                }
            }
        }
        Ok(annotations)
    }

    fn visit_unit<E>(self) -> Result<Annotations, E> {
        Ok(Annotations::default())
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnnotationsVisitor)
    }
}
