//! What a reference stands for: part of the data, a rule, or a package with its rules.

use super::QueryError;
use super::reference::{Key, Reference};
use crate::engine::ast::{DataPath, Index, ParsedModule, head_args};
use crate::model::json::{Json, Object};
use regorus::unstable::Rule;

/// What has to be evaluated, and where it goes.
pub(super) struct Plan {
    /// References to be evaluated.
    pub(super) rules: Vec<String>,
    /// Where each value stands in the document.
    places: Vec<Vec<String>>,
    /// The document without rules; `None` if there is none.
    base: Option<Json>,
}

impl Plan {
    pub(super) fn new(
        modules: &[ParsedModule],
        data: &Object,
        reference: &Reference,
    ) -> Result<Self, QueryError> {
        let index = Index::new(modules);
        let path = names(reference);
        for length in 1..=path.0.len() {
            let rule: DataPath = path.0.iter().take(length).cloned().collect();
            if index.definitions(&rule).is_empty() {
                continue;
            }
            if is_function(&index, modules, &rule) {
                return Err(QueryError::Function(rule.to_string()));
            }
            return Ok(Self {
                rules: vec![reference.to_string()],
                places: vec![Vec::new()],
                base: None,
            });
        }
        let mut base = find(data, &reference.0);
        let mut plan = Self {
            rules: Vec::new(),
            places: Vec::new(),
            base: None,
        };
        // With an index in it, a path leads into data only.
        if path.0.len() == reference.0.len() {
            for module in modules {
                if module.package_path.starts_with(&path) {
                    let place = module.package_path.0.iter().skip(path.0.len());
                    put(&mut base, place, None);
                }
            }
            plan.add_rules(&index, modules, &path);
        }
        plan.base = base;
        Ok(plan)
    }

    fn add_rules(&mut self, index: &Index, modules: &[ParsedModule], path: &DataPath) {
        let below = index
            .rules()
            .map(|(rule, _)| rule)
            .filter(|rule| rule.starts_with(path) && !is_function(index, modules, rule));
        for rule in below {
            // `a.b` next to a partial object `a` is evaluated with it.
            let within = (1..rule.0.len()).any(|length| {
                let above: DataPath = rule.0.iter().take(length).cloned().collect();
                !index.definitions(&above).is_empty()
            });
            if !within {
                self.rules.push(rule.to_string());
                let place = rule.0.iter().skip(path.0.len()).cloned();
                self.places.push(place.collect());
            }
        }
    }

    /// The document, once the rules have been evaluated.
    pub(super) fn document(self, values: Vec<Option<Json>>) -> Option<Json> {
        let mut document = self.base;
        for (place, value) in self.places.iter().zip(values) {
            if let Some(value) = value {
                put(&mut document, place.iter(), Some(value));
            }
        }
        document
    }
}

/// The names up to the first index.
fn names(reference: &Reference) -> DataPath {
    let names = reference.0.iter().map_while(|key| match key {
        Key::Name(name) => Some(name.as_str()),
        Key::Index(_) => None,
    });
    names.collect()
}

fn is_function(index: &Index, modules: &[ParsedModule], rule: &DataPath) -> bool {
    let definitions = index.definitions(rule).iter();
    let mut nodes = definitions.filter_map(|definition| definition.node(modules));
    nodes.any(|(_, rule)| match rule.as_ref() {
        Rule::Spec { head, .. } => !head_args(head).is_empty(),
        Rule::Default { args, .. } => !args.is_empty(),
    })
}

fn find(data: &Object, keys: &[Key]) -> Option<Json> {
    let Some((first, rest)) = keys.split_first() else {
        return Some(Json::Object(data.clone()));
    };
    let Key::Name(name) = first else {
        return None;
    };
    let found = rest.iter().try_fold(data.get(name)?, |at, key| match key {
        Key::Name(name) => at.get(name),
        Key::Index(index) => at.as_array()?.get(usize::try_from(*index).ok()?),
    });
    found.cloned()
}

/// Puts a value at a place, or an empty object if there is nothing; objects on the way are made.
fn put<'a>(
    document: &mut Option<Json>,
    place: impl Iterator<Item = &'a String>,
    value: Option<Json>,
) {
    let mut place = place.peekable();
    if place.peek().is_none() {
        if let Some(value) = value {
            *document = Some(value);
        } else if document.is_none() {
            *document = Some(Json::Object(Object::new()));
        }
        return;
    }
    let mut at = document.get_or_insert_with(|| Json::Object(Object::new()));
    while let Some(name) = place.next() {
        let Some(object) = at.as_object_mut() else {
            return;
        };
        let last = place.peek().is_none();
        if object.get(name).is_none() {
            object.insert(name.as_str(), Object::new());
        }
        let Some(member) = object.get_mut(name) else {
            return;
        };
        if last && let Some(value) = &value {
            member.clone_from(value);
        }
        at = member;
    }
}
