//! How the state of a PDP's policies is printed.

use crate::cli::Output;
use crate::cli::output::Colour;
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use crate::wire::v1;

/// For people: what is active, why it may not be the newest, and what is held.
pub(super) fn text(output: &Output, status: &v1::GetStatusResponse) {
    match status
        .active
        .as_ref()
        .and_then(|active| active.policy.as_ref())
    {
        None => output.line(output.paint(Colour::Red, "no policy set is active")),
        Some(policy) => output.line(format!(
            "active: version {}, revision {}, {}",
            policy.version, policy.revision, policy.digest
        )),
    }
    if let Some(pin) = &status.pin {
        let until = time(pin.until.as_ref());
        let label = output.paint(Colour::Yellow, "rolled back");
        output.line(format!(
            "{label} until {until} by {}: {}",
            pin.by, pin.reason
        ));
    }
    if let Some(refused) = &status.refused {
        let label = output.paint(Colour::Red, "refused");
        output.line(format!("{label} since {}:", time(refused.since.as_ref())));
        let findings = refused.findings.iter();
        findings.for_each(|finding| output.line(format!("  {finding}")));
    }
    let active = active_digest(status);
    let row = |(number, held): (usize, &v1::HeldSet)| {
        let newest = (number == 0).then_some("newest");
        let is_active = active == Some(held.digest.as_str());
        let state: Vec<&str> = newest
            .into_iter()
            .chain(is_active.then_some("active"))
            .collect();
        vec![
            held.digest.clone(),
            held.revision.clone(),
            time(held.since.as_ref()),
            state.join(", "),
        ]
    };
    let rows: Vec<_> = status.held.iter().enumerate().map(row).collect();
    output.table(&["HELD", "REVISION", "READ", "STATE"], &rows);
}

fn active_digest(status: &v1::GetStatusResponse) -> Option<&str> {
    let policy = status.active.as_ref()?.policy.as_ref()?;
    Some(&policy.digest)
}

fn time(at: Option<&prost_types::Timestamp>) -> String {
    let nanos = at.and_then(|at| {
        let nanos = at.seconds.checked_mul(1_000_000_000)?;
        nanos.checked_add(at.nanos.into())
    });
    nanos.map_or_else(String::new, |nanos| Timestamp::from_nanos(nanos).rfc3339())
}

/// For programs: `GetStatus`, but for packages and warnings.
pub(super) fn json(status: &v1::GetStatusResponse) -> Json {
    let mut out = Object::new();
    if let Some(active) = &status.active {
        let policy = active.policy.clone().unwrap_or_default();
        let shown = Json::object([
            ("version", Json::from(policy.version)),
            ("revision", policy.revision.into()),
            ("digest", policy.digest.into()),
            ("since", time(active.since.as_ref()).into()),
        ]);
        out.insert("active", shown);
    }
    if let Some(pin) = &status.pin {
        let shown = Json::object([
            ("digest", pin.digest.clone()),
            ("reason", pin.reason.clone()),
            ("by", pin.by.clone()),
            ("until", time(pin.until.as_ref())),
        ]);
        out.insert("pin", shown);
    }
    if let Some(refused) = &status.refused {
        let findings = refused.findings.iter().map(String::as_str);
        let shown = Json::object([
            ("findings", Json::array(findings)),
            ("since", time(refused.since.as_ref()).into()),
            ("digest", refused.digest.clone().into()),
        ]);
        out.insert("refused", shown);
    }
    let held = status.held.iter().map(|held| {
        Json::object([
            ("revision", held.revision.clone()),
            ("digest", held.digest.clone()),
            ("since", time(held.since.as_ref())),
        ])
    });
    out.insert("held", Json::array(held));
    Json::Object(out)
}
