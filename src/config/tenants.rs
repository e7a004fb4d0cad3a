//! `[[tenants]]`: who is kept apart from whom, and what of the file is whose.

use super::policy::{BundleConfig, not_a_name};
use super::problem::{Place, nearest};
use super::read::{KEY_DISTANCE_MAX, Located, Reader, Section};
use super::record::ORIGIN_BYTES_MAX;
use super::{AuditConfig, Limits, is_short_name, repeated};
use crate::identity::{Caller, DEFAULT_TENANT};
use std::path::{Path, PathBuf};

/// Stands for every tenant.
const EVERY: &str = "*";

/// One tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantConfig {
    /// Its name: also that of its directory and the end of its log's origin.
    pub name: String,
    /// Most decisions of its callers that may be under way.
    pub in_flight_decisions_max: usize,
    /// The key that hashes of its arguments and results are made with; `None`: a key of its log's
    /// own, made with it.
    pub audit_key_file: Option<PathBuf>,
}

/// A tenant as the file has it.
struct Entry {
    name: String,
    in_flight_decisions_max: Option<usize>,
    audit_key_file: Option<PathBuf>,
}

/// The tenants of a file, for its other sections to name.
pub(super) struct Tenants(Vec<(Entry, Place)>);

impl Tenants {
    pub(super) fn read(sections: Vec<Section<'_>>, base: &Path) -> Self {
        let read = |section| read_tenant(section, base);
        Self(sections.into_iter().filter_map(read).collect())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(entry, _)| entry.name.as_str())
    }

    /// Whose set a bundle is part of.
    pub(super) fn of_bundle(&self, section: &Section<'_>) -> Vec<String> {
        let named = named(section);
        if let Some(first) = named.first().filter(|_| self.0.is_empty()) {
            let message = "the bundle names a tenant, but there is no `[[tenants]]`";
            section.problem(&first.place, message);
            return Vec::new();
        }
        self.known(section, named)
    }

    /// The tenants that a caller belongs to. Without `[[tenants]]` any name may stand in input and
    /// records.
    pub(super) fn of_caller(&self, section: &Section<'_>) -> Vec<String> {
        let named = named(section);
        if !self.0.is_empty() {
            return self.known(section, named);
        }
        for text in named.iter().filter(|text| !is_short_name(&text.value)) {
            let key = section.path_of(key_of(section));
            section.problem(&text.place, not_a_name(&key, &text.value));
        }
        named.into_iter().map(|text| text.value).collect()
    }

    /// Those of the named that there are: one at least, where there is any.
    fn known(&self, section: &Section<'_>, named: Vec<Located<String>>) -> Vec<String> {
        let has_key = section.has("tenants") || section.has("tenant");
        if !self.0.is_empty() && !has_key {
            let path = section.path_of("tenants");
            let message =
                format!("`{path}` is missing: name some of `[[tenants]]`, or `*` for all");
            section.problem(section.place(), message);
        }
        let mut known: Vec<String> = Vec::new();
        for text in named {
            if text.value == EVERY {
                return self.names().map(str::to_owned).collect();
            }
            if self.names().all(|name| name != text.value) {
                section.problem(&text.place, self.unknown(&text.value));
            } else if !known.contains(&text.value) {
                known.push(text.value);
            }
        }
        known
    }

    fn unknown(&self, given: &str) -> String {
        let hint = match nearest(given, self.names(), KEY_DISTANCE_MAX) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known: `{}`", self.names().collect::<Vec<_>>().join("`, `")),
        };
        format!("there is no tenant `{given}` in `[[tenants]]`; {hint}")
    }

    /// Checks that span entries and sections.
    pub(super) fn check(
        &self,
        reader: &Reader<'_>,
        bundles: &[(BundleConfig, Place)],
        callers: &[(Caller, Place)],
        audit: Option<&AuditConfig>,
    ) {
        repeated(
            reader,
            &self.0,
            |entry| &entry.name,
            |name| format!("an earlier entry of `tenants` has the name `{name}`"),
        );
        let of_log = audit.and_then(|audit| audit.key_file.as_ref());
        let mut keys: Vec<&PathBuf> = of_log.into_iter().collect();
        for (entry, place) in &self.0 {
            let name = &entry.name;
            if !bundles.iter().any(|(it, _)| it.tenants.contains(name)) {
                let message = format!(
                    "the tenant `{name}` has no bundle, so that all its calls are denied: name it \
                     in `bundles[].tenants`"
                );
                reader.problem(place, message);
            }
            if !callers.iter().any(|(it, _)| it.tenants.contains(name)) {
                let message = format!(
                    "nobody may ask for the tenant `{name}`: name it in `callers[].tenants`"
                );
                reader.problem(place, message);
            }
            let origin_bytes = audit.map_or(0, |audit| audit.origin_of(name).len());
            if origin_bytes > ORIGIN_BYTES_MAX {
                let message = format!(
                    "`audit.origin` and `{name}` make an origin of {origin_bytes} bytes, over \
                     {ORIGIN_BYTES_MAX}: shorten one of them"
                );
                reader.problem(place, message);
            }
            if let Some(key) = &entry.audit_key_file {
                if keys.contains(&key) {
                    let message = format!(
                        "the tenant `{name}` has the `audit_key_file` of another log: give it one \
                         of its own"
                    );
                    reader.problem(place, message);
                }
                keys.push(key);
            }
        }
    }

    /// Each tenant alone may have as much as the fair limit of all gives to one alone: a half.
    pub(super) fn into_configs(self, limits: &Limits) -> Vec<TenantConfig> {
        let fair = (limits.in_flight_decisions_max / 2).max(1);
        let config = |(entry, _): (Entry, Place)| TenantConfig {
            name: entry.name,
            in_flight_decisions_max: entry.in_flight_decisions_max.unwrap_or(fair),
            audit_key_file: entry.audit_key_file,
        };
        self.0.into_iter().map(config).collect()
    }
}

fn read_tenant(section: Section<'_>, base: &Path) -> Option<(Entry, Place)> {
    let name = section.required_text("name");
    let most = section.count_if_given("in_flight_decisions_max");
    let key_file = section.text("audit_key_file");
    if let Some(name) = name.as_ref().filter(|name| !is_tenant_name(&name.value)) {
        let message = format!(
            "`tenants[].name` must be 1 to 64 letters, digits, `.`, `_` or `-`, not start with \
             `.` and not be `{DEFAULT_TENANT}`, not `{}`",
            name.value
        );
        section.problem(&name.place, message);
    }
    let place = section.place().clone();
    section.end();
    let entry = Entry {
        name: name?.value,
        in_flight_decisions_max: most.and_then(|most| usize::try_from(most).ok()),
        audit_key_file: key_file.map(|file| base.join(file.value)),
    };
    Some((entry, place))
}

/// A name for a directory, an origin and records; `default` stands in records where no tenant is
/// known.
fn is_tenant_name(name: &str) -> bool {
    let is_plain = is_short_name(name) && !name.contains(':');
    is_plain && !name.starts_with('.') && name != DEFAULT_TENANT
}

fn key_of(section: &Section<'_>) -> &'static str {
    match section.has("tenants") {
        true => "tenants",
        false => "tenant",
    }
}

/// The tenants that a section names: `tenants = ["a", "b"]`, or `tenant = "a"` for one.
fn named(section: &Section<'_>) -> Vec<Located<String>> {
    let (one, several) = (section.text("tenant"), section.texts("tenants"));
    if let (Some(one), true) = (&one, section.has("tenants")) {
        let (one_path, path) = (section.path_of("tenant"), section.path_of("tenants"));
        section.problem(
            &one.place,
            format!("give `{path}` or `{one_path}`, not both"),
        );
    }
    if several.as_ref().is_some_and(Vec::is_empty) {
        let path = section.path_of("tenants");
        let message = format!("`{path}` is empty: name at least one, or leave it out");
        section.problem(section.place(), message);
    }
    one.into_iter()
        .chain(several.into_iter().flatten())
        .collect()
}
