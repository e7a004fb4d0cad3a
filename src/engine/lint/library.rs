//! Written values that the library does not know: the helper is false whatever the call.

use std::str::FromStr;

use chrono_tz::{TZ_VARIANTS, Tz};
use regorus::unstable::{Expr, Rule, RuleHead};

use super::constant::texts;
use super::members::input_path;
use super::pattern::is_helper;
use super::shape::{is_policy, name};
use crate::engine::ast::{Index, ParsedModule, Scope, Target, Visitor, string, walk_rule};
use crate::engine::suggest::nearest;
use crate::engine::view::{DataView, Role};
use crate::model::finding::{Finding, Severity};
use crate::model::json::Json;

const CODE: &str = "policy.constant";
const ROLE: &str = "policy.role";

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
/// `data.toolgate.lib.sensitivity_levels`.
pub(super) const LEVELS: [&str; 4] = ["public", "internal", "sensitive", "restricted"];

/// What a helper's parameter takes.
#[derive(Clone, Copy)]
enum Takes {
    Zone,
    Days,
    Level,
    Role,
    Roles,
}

/// Helper, position of the parameter, and what it takes.
const PARAMETERS: [(&str, usize, Takes); 8] = [
    ("within_hours", 0, Takes::Zone),
    ("within_hours", 1, Takes::Days),
    ("sensitivity_at_most", 0, Takes::Level),
    ("sensitivity_at_most", 1, Takes::Level),
    ("clearance_covers", 0, Takes::Level),
    ("has_role", 0, Takes::Role),
    ("has_any_role", 0, Takes::Roles),
    ("has_minimum_role", 0, Takes::Role),
];

/// Zones that builtins know beside those with names: UTC, and the gate's to judge.
const ANY_ZONE: [&str; 2] = ["", "Local"];
/// Builtins that take `[time, zone]`.
const ZONED: [&str; 3] = ["time.clock", "time.date", "time.weekday"];

/// Finds written zones, days, hours and levels that there are not, and roles that the directory in
/// `data` does not have.
#[must_use]
pub(crate) fn constants(modules: &[ParsedModule], data: &DataView<'_>) -> Vec<Finding> {
    let index = Index::new(modules);
    let mut findings = Vec::new();
    for module in modules {
        let mut constants = Constants {
            index: &index,
            module,
            data,
            findings: &mut findings,
        };
        for rule in &module.module.policy {
            walk_rule(&mut constants, rule);
        }
    }
    findings
}

/// Whether there is such a time zone.
pub(super) fn is_zone(name: &str) -> bool {
    Tz::from_str(name).is_ok() && (name == "UTC" || name.contains('/'))
}

/// The time zone that was meant.
pub(super) fn nearest_zone(name: &str) -> Option<&'static str> {
    let names = TZ_VARIANTS.iter().map(|zone| zone.name());
    let names: Vec<&str> = names.filter(|name| is_zone(name)).collect();
    nearest(name, &names)
}

struct Constants<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    data: &'a DataView<'a>,
    findings: &'a mut Vec<Finding>,
}

impl Visitor for Constants<'_> {
    /// Who has to approve.
    fn rule(&mut self, rule: &Rule) {
        let Rule::Spec {
            head: RuleHead::Set { key: Some(key), .. },
            ..
        } = rule
        else {
            return;
        };
        let Expr::Object { fields, .. } = key.as_ref() else {
            return;
        };
        let is_approval = is_policy(self.module) && name(rule) == "approve";
        let mut by = fields
            .iter()
            .filter(|(_, member, _)| string(member) == Some("by"));
        if let Some((_, _, roles)) = by.next().filter(|_| is_approval) {
            self.parameter(roles, Takes::Roles);
        }
    }

    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        match expr {
            Expr::Call { fcn, params, .. } => {
                let params: Vec<&Expr> = params.iter().map(AsRef::as_ref).collect();
                match self.index.resolve_call(self.module, fcn) {
                    Target::Rule(path) => {
                        for (helper, at, takes) in PARAMETERS {
                            if let Some(param) = params.get(at).filter(|_| is_helper(&path, helper))
                            {
                                self.parameter(param, takes);
                            }
                        }
                        if is_helper(&path, "within_hours") {
                            self.hours(&params);
                        }
                    }
                    Target::Builtin(name) if ZONED.contains(&name.as_str()) => self.zoned(&params),
                    _ => {}
                }
            }
            Expr::Membership {
                key: None,
                value,
                collection,
                ..
            } => {
                let path = input_path(self.index, self.module, scope, collection);
                if path.is_some_and(|path| path == ["input", "principal", "roles"]) {
                    self.parameter(value, Takes::Role);
                }
            }
            _ => {}
        }
    }
}

impl Constants<'_> {
    fn parameter(&mut self, param: &Expr, takes: Takes) {
        match takes {
            Takes::Zone => self.text(param, Self::zone),
            Takes::Level => self.text(param, Self::level),
            Takes::Role => self.text(param, Self::role),
            Takes::Roles => self.each(param, Self::role),
            Takes::Days => self.each(param, Self::day),
        }
    }

    fn text(&mut self, param: &Expr, judge: fn(&mut Self, &Expr, &str)) {
        if let Some(text) = string(param) {
            judge(self, param, text);
        }
    }

    fn each(&mut self, param: &Expr, judge: fn(&mut Self, &Expr, &str)) {
        for (item, text) in texts(param) {
            judge(self, item, text);
        }
    }

    fn add(
        &mut self,
        at: &Expr,
        severity: Severity,
        code: &'static str,
        message: String,
        hint: String,
    ) {
        let finding = self
            .module
            .finding(at.span(), severity, code, message, hint);
        self.findings.push(finding);
    }

    fn zone(&mut self, at: &Expr, name: &str) {
        if !is_zone(name) {
            let message = format!("there is no time zone `{name}`");
            let hint = nearest_zone(name).map(written);
            let hint = hint.unwrap_or_else(|| {
                "write \"UTC\" or an IANA name such as \"Europe/Berlin\"".to_owned()
            });
            self.add(at, Severity::Error, CODE, message, hint);
        }
    }

    fn day(&mut self, at: &Expr, name: &str) {
        if !DAYS.contains(&name) {
            let message = format!("there is no day `{name}`");
            let begins = DAYS
                .into_iter()
                .find(|day| name.len() > 1 && day.starts_with(name));
            let hint = nearest(name, &DAYS).or(begins).map(written);
            let hint = hint.unwrap_or_else(|| format!("days are {}", DAYS.join(", ")));
            self.add(at, Severity::Error, CODE, message, hint);
        }
    }

    fn level(&mut self, at: &Expr, name: &str) {
        if !LEVELS.contains(&name) {
            let message = format!("there is no level of sensitivity `{name}`");
            let hint = nearest(name, &LEVELS).map(written);
            let hint = hint.unwrap_or_else(|| format!("levels are {}", LEVELS.join(", ")));
            self.add(at, Severity::Error, CODE, message, hint);
        }
    }

    /// A role may also come with a token, so that this is no error.
    fn role(&mut self, at: &Expr, name: &str) {
        let Role::Unknown(meant) = self.data.role(name) else {
            return;
        };
        let message = format!("`data.directory` does not have the role `{name}`");
        let hint = meant.as_deref().map(written);
        let hint =
            hint.unwrap_or_else(|| "add it to the directory, unless tokens bring it".to_owned());
        self.add(at, Severity::Warning, ROLE, message, hint);
    }

    /// `[input.time.ns, "Europe/Berlin"]`
    fn zoned(&mut self, params: &[&Expr]) {
        if let [Expr::Array { items, .. }] = params
            && let [_, zone] = items.as_slice()
        {
            let is_known = string(zone)
                .is_none_or(|zone| ANY_ZONE.contains(&zone) || Tz::from_str(zone).is_ok());
            if !is_known {
                self.text(zone, Self::zone);
            }
        }
    }

    fn hours(&mut self, params: &[&Expr]) {
        let hour = |at: usize| {
            params
                .get(at)
                .and_then(|param| super::constant::constant(param))
        };
        let (from, to) = (hour(2), hour(3));
        for (at, hour) in [(2, &from), (3, &to)] {
            let is_hour = |hour: &Json| hour.as_u64().is_some_and(|hour| hour <= 24);
            if let (Some(hour), Some(param)) =
                (hour.as_ref().filter(|hour| !is_hour(hour)), params.get(at))
            {
                let message = format!("there is no hour `{}`", hour);
                self.add(
                    param,
                    Severity::Error,
                    CODE,
                    message,
                    "hours are whole numbers from 0 to 24".to_owned(),
                );
                return;
            }
        }
        let span = from
            .as_ref()
            .and_then(Json::as_u64)
            .zip(to.as_ref().and_then(Json::as_u64));
        if let (Some((from, to)), Some(param)) =
            (span.filter(|(from, to)| from >= to), params.get(2))
        {
            let message = format!("no hour is from {from} to before {to}");
            self.add(
                param,
                Severity::Error,
                CODE,
                message,
                "a span over midnight is two spans".to_owned(),
            );
        }
    }
}

fn written(meant: &str) -> String {
    format!("write \"{meant}\"")
}
