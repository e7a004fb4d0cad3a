//! The bundles and inputs that `benches/gen.py` wrote, and the requests that give such inputs.

use std::error::Error;
use std::path::{Path, PathBuf};
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::wire::v1;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A call, and what comes out for it.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub effect: &'static str,
}

pub const CASES: [Case; 4] = [
    Case::new("rbac", "constrain"),
    Case::new("abac", "constrain"),
    Case::new("abac_deny", "deny"),
    Case::new("rbac100k", "allow"),
];

impl Case {
    const fn new(name: &'static str, effect: &'static str) -> Self {
        Self { name, effect }
    }
}

/// Where `gen.py` wrote to: `TOOLGATE_BENCH_DIR`.
pub fn directory() -> Result<PathBuf> {
    let directory = std::env::var_os("TOOLGATE_BENCH_DIR");
    let directory = directory.ok_or("set TOOLGATE_BENCH_DIR, or use benches/run")?;
    Ok(directory.into())
}

/// The policy input of a case, as its text.
pub fn input(directory: &Path, case: Case) -> Result<Vec<u8>> {
    let path = directory.join("inputs").join(format!("{}.json", case.name));
    Ok(std::fs::read(path)?)
}

/// The request that has this input, but for the time and the session.
pub fn request(input: &[u8]) -> Result<v1::DecideRequest> {
    let input = parse(input, Limits::REQUEST)?;
    let part = |name| input.get(name).ok_or("the input lacks a part");
    let (principal, mcp, context) = (part("principal")?, part("mcp")?, part("context")?);
    let text = |json: &Json, name| {
        let text = json.get(name).and_then(Json::as_str);
        text.unwrap_or_default().to_owned()
    };
    let texts = |name| {
        let items = principal.get(name).and_then(Json::as_array);
        let items = items.unwrap_or_default().iter();
        items
            .filter_map(Json::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let name = text(mcp, "name");
    let params = [
        ("name", Json::from(name.as_str())),
        ("arguments", part("arguments")?.clone()),
    ];
    let attributes = principal.get("attributes");
    let subject = v1::AssertedSubject {
        id: text(principal, "id"),
        user: text(principal, "user"),
        agent: text(principal, "agent"),
        client: text(principal, "client"),
        roles: texts("roles"),
        attributes_json: attributes.map(Json::to_bytes).unwrap_or_default(),
        delegation: texts("delegation"),
    };
    Ok(v1::DecideRequest {
        phase: v1::Phase::Call.into(),
        subject: Some(v1::decide_request::Subject::Asserted(subject)),
        mcp: Some(v1::Mcp {
            server: text(mcp, "server"),
            method: text(mcp, "method"),
            name,
            protocol_version: text(mcp, "protocol"),
        }),
        params_json: Json::object(params).to_bytes(),
        correlation_id: text(context, "correlation_id"),
        context: context_of(context.as_object()),
        ..v1::DecideRequest::default()
    })
}

/// The context for a server that takes the time from its clock and has one tenant, so that the
/// effect stays what it is: the door is open at night, and the resource is of the only tenant.
fn context_of(context: Option<&Object>) -> std::collections::HashMap<String, String> {
    let members = context.into_iter().flat_map(Object::iter);
    let texts = members.filter_map(|(name, value)| Some((name, value.as_str()?)));
    let kept = texts.filter(|(name, _)| *name != "correlation_id");
    let changed = [("break_glass", "yes"), ("resource_tenant", "default")];
    kept.chain(changed)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
