//! What the directory in `data` has that nobody reads: a misspelt `disabled` disables nobody.

use super::library::{LEVELS, is_zone, nearest_zone};
use crate::engine::suggest::nearest;
use crate::model::finding::{Finding, Severity};
use crate::model::json::{Json, Object};

pub(crate) const CODE: &str = "data.directory";
/// Findings about the directory that are told; a script that misspelt a key did so everywhere.
const DIRECTORY_FINDINGS_MAX: usize = 20;

const PARTS: [&str; 3] = ["principals", "role_includes", "role_ranks"];
const ENTRY: [&str; 3] = ["attributes", "disabled", "roles"];

/// Finds members of `data.directory` that are not read, or not as they are written.
#[must_use]
pub(crate) fn directory(data: &Object) -> Vec<Finding> {
    let mut found = Found(Vec::new());
    let Some(directory) = data.get("directory") else {
        return Vec::new();
    };
    match directory.as_object() {
        Some(directory) => found.directory(directory),
        None => found.shape("data.directory", "is no object: it knows nobody"),
    }
    let mut findings = found.0;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let untold = findings.len().saturating_sub(DIRECTORY_FINDINGS_MAX);
    findings.truncate(DIRECTORY_FINDINGS_MAX);
    if let (Some(last), true) = (findings.last_mut(), untold > 0) {
        last.hint = format!("{}\nand {untold} more in `data.directory`", last.hint);
    }
    findings
}

struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, severity: Severity, path: &str, message: String, hint: String) {
        self.0.push(Finding {
            severity,
            code: CODE,
            package: String::new(),
            path: path.to_owned(),
            line: 0,
            column: 0,
            message,
            hint,
        });
    }

    fn shape(&mut self, path: &str, what: &str) {
        let hint = "docs/policy-guide.md shows what a directory looks like".to_owned();
        self.add(Severity::Warning, path, what.to_owned(), hint);
    }

    fn directory(&mut self, directory: &Object) {
        for (name, value) in directory.iter() {
            let path = format!("data.directory.{name}");
            match name {
                "principals" => self.members(&path, value, Self::principal),
                "role_includes" => self.members(&path, value, Self::includes),
                "role_ranks" => self.members(&path, value, Self::rank),
                _ => {
                    if let Some(meant) = nearest(name, &PARTS) {
                        self.misspelt(&path, name, meant);
                    }
                }
            }
        }
    }

    fn misspelt(&mut self, path: &str, name: &str, meant: &str) {
        let message = format!("nothing reads `{name}`");
        self.add(Severity::Error, path, message, format!("write `{meant}`"));
    }

    fn members(&mut self, path: &str, value: &Json, judge: fn(&mut Self, &str, &Json)) {
        let Some(members) = value.as_object() else {
            return self.shape(path, "is no object, and so is not read");
        };
        for (name, member) in members.iter() {
            judge(self, &format!("{path}.{name}"), member);
        }
    }

    fn principal(&mut self, path: &str, entry: &Json) {
        let Some(entry) = entry.as_object() else {
            return self.shape(path, "is no object: the principal is denied everything");
        };
        for (name, value) in entry.iter() {
            let is_read = match name {
                "roles" => texts(value),
                "attributes" => value.as_object().is_some(),
                "disabled" => value.as_bool().is_some(),
                _ => {
                    self.unknown(path, name);
                    continue;
                }
            };
            if !is_read {
                let what = "has the wrong type: the principal is denied everything";
                self.shape(&format!("{path}.{name}"), what);
            }
        }
        if let Some(attributes) = entry.get("attributes") {
            self.attributes(&format!("{path}.attributes"), attributes);
        }
    }

    fn unknown(&mut self, path: &str, name: &str) {
        let path = format!("{path}.{name}");
        match nearest(name, &ENTRY) {
            Some(meant) => self.misspelt(&path, name, meant),
            None => {
                let hint = format!(
                    "an entry has {}; put it into `attributes`",
                    ENTRY.join(", ")
                );
                self.add(
                    Severity::Warning,
                    &path,
                    format!("nothing reads `{name}`"),
                    hint,
                );
            }
        }
    }

    /// Attributes that the library reads.
    fn attributes(&mut self, path: &str, attributes: &Json) {
        if let Some(zone) = attributes
            .get("tz")
            .and_then(Json::as_str)
            .filter(|zone| !is_zone(zone))
        {
            let hint = match nearest_zone(zone) {
                Some(meant) => format!("write `{meant}`"),
                None => "write `UTC` or an IANA name such as `Europe/Berlin`".to_owned(),
            };
            let message = format!("there is no time zone `{zone}`");
            self.add(Severity::Warning, &format!("{path}.tz"), message, hint);
        }
        let level = attributes.get("clearance").and_then(Json::as_str);
        if let Some(level) = level.filter(|level| !LEVELS.contains(level)) {
            let hint = match nearest(level, &LEVELS) {
                Some(meant) => format!("write `{meant}`"),
                None => format!("levels are {}", LEVELS.join(", ")),
            };
            let message = format!("there is no level of sensitivity `{level}`");
            self.add(
                Severity::Warning,
                &format!("{path}.clearance"),
                message,
                hint,
            );
        }
    }

    fn includes(&mut self, path: &str, value: &Json) {
        if !texts(value) {
            self.shape(path, "is no list of roles, and so includes none");
        }
    }

    fn rank(&mut self, path: &str, value: &Json) {
        if !matches!(value, Json::Number(_)) {
            self.shape(path, "is no number: the role has no rank");
        }
    }
}

/// Whether this is a list of texts.
fn texts(value: &Json) -> bool {
    let items = value.as_array();
    items.is_some_and(|items| items.iter().all(|item| item.as_str().is_some()))
}
