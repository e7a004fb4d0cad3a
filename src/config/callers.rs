//! `[[callers]]`, `[jwt]` and `[identity]`: read here into the types of `identity`.

use super::listen::Listen;
use super::policy::not_a_name;
use super::problem::Place;
use super::read::{Located, Reader, Section};
use super::tenants::Tenants;
use super::words::{Words, list_of};
use super::{is_short_name, repeated};
use crate::identity::{
    Algorithm, Caller, ClaimPath, ClaimPaths, JwtConfig, KeyServer, KeySource, KeyUrl, KnownBy,
    Pattern, Permission,
};
use crate::model::principal::RolesFrom;
use std::path::Path;
use std::time::Duration;

/// The keys that mean something only beside `jwks_url`.
const KEY_SERVER_KEYS: [&str; 3] = [
    "jwks_ca_file",
    "jwks_refresh_seconds",
    "jwks_stale_seconds_max",
];
/// Sources of roles, in the order in which they are asked where nobody configured one.
const ROLES_FROM: [(&str, RolesFrom); 3] = [
    ("token", RolesFrom::Token),
    ("directory", RolesFrom::Directory),
    ("shim", RolesFrom::Shim),
];
/// The keys of an entry that say how its caller is known.
const KNOWN_BY_KEYS: [&str; 4] = ["spiffe_id", "dns_name", "uid", "token_subject"];

/// `[[callers]]`, each with its place.
pub(super) fn read_callers(
    sections: Vec<Section<'_>>,
    jwt: Option<&JwtConfig>,
    tenants: &Tenants,
) -> Vec<(Caller, Place)> {
    let read = |section| read_caller(section, jwt, tenants);
    sections.into_iter().filter_map(read).collect()
}

fn read_caller(
    section: Section<'_>,
    jwt: Option<&JwtConfig>,
    tenants: &Tenants,
) -> Option<(Caller, Place)> {
    let name = section.required_text("name");
    let known_by = known_by(&section, jwt);
    let servers = section.texts("servers");
    if !section.has("servers") || servers.as_ref().is_some_and(Vec::is_empty) {
        let message = "`callers[].servers` names no server: list them, or `*` for every server";
        section.problem(section.place(), message);
    }
    let patterns = |key, texts: Option<Vec<Located<String>>>| {
        let texts = texts.unwrap_or_default();
        let parsed = texts.iter().filter_map(|text| pattern(&section, key, text));
        parsed.collect::<Vec<Pattern>>()
    };
    let servers = patterns("servers", servers);
    let subjects = patterns("subjects", section.texts("subjects"));
    let context = patterns("context", section.texts("context"));
    let may = read_may(&section);
    let assert_roles = section.flag("assert_roles");
    let tenants = tenants.of_caller(&section);
    if let Some(name) = name.as_ref().filter(|name| !is_short_name(&name.value)) {
        let key = section.path_of("name");
        section.problem(&name.place, not_a_name(&key, &name.value));
    }
    let place = section.place().clone();
    section.end();
    let caller = Caller {
        name: name?.value,
        known_by: known_by?,
        servers,
        subjects,
        context,
        may,
        assert_roles,
        tenants,
    };
    Some((caller, place))
}

fn read_may(section: &Section<'_>) -> Vec<Permission> {
    let may = section.choices("may", &Permission::ALL);
    if may.as_ref().is_some_and(Vec::is_empty) {
        let message =
            "`callers[].may` is empty: list what the caller may do, or leave the entry out";
        section.problem(section.place(), message);
    }
    may.unwrap_or_default()
}

fn pattern(section: &Section<'_>, key: &str, text: &Located<String>) -> Option<Pattern> {
    let parsed = Pattern::parse(&text.value);
    let explain = |error| {
        let message = format!("`{}`: {error}", section.path_of(key));
        section.problem(&text.place, message);
    };
    parsed.map_err(explain).ok()
}

/// The one way in which an entry says that its caller is known.
fn known_by(section: &Section<'_>, jwt: Option<&JwtConfig>) -> Option<KnownBy> {
    let spiffe_id = section.text("spiffe_id");
    let dns_name = section.text("dns_name");
    let uid = section.whole("uid");
    let subject = section.text("token_subject");
    let issuer = section.text("token_issuer");
    let given = KNOWN_BY_KEYS.iter().filter(|key| section.has(key));
    if given.count() != 1 {
        let keys = KNOWN_BY_KEYS.join("`, `");
        let message = format!("an entry of `callers` needs exactly one of `{keys}`");
        section.problem(section.place(), message);
        return None;
    }
    if let (Some(issuer), None) = (&issuer, &subject) {
        section.problem(
            &issuer.place,
            "`callers[].token_issuer` needs `token_subject`",
        );
    }
    let explain = |place: &Place, error: String| section.problem(place, error);
    if let Some(text) = spiffe_id {
        let known = KnownBy::spiffe_id(&text.value);
        return known
            .map_err(|error| explain(&text.place, error.to_string()))
            .ok();
    }
    if let Some(text) = dns_name {
        let known = KnownBy::dns_name(&text.value);
        return known
            .map_err(|error| explain(&text.place, error.to_string()))
            .ok();
    }
    if let Some(uid) = uid {
        let Ok(number) = u32::try_from(uid.value) else {
            explain(
                &uid.place,
                format!("`callers[].uid` is no uid: `{}`", uid.value),
            );
            return None;
        };
        return Some(KnownBy::Uid(number));
    }
    by_token(section, &subject?, issuer.as_ref(), jwt)
}

fn by_token(
    section: &Section<'_>,
    subject: &Located<String>,
    issuer: Option<&Located<String>>,
    jwt: Option<&JwtConfig>,
) -> Option<KnownBy> {
    let pattern = pattern(section, "token_subject", subject)?;
    let Some(jwt) = jwt else {
        section.problem(
            &subject.place,
            "`callers[].token_subject` needs a sound `[jwt]`",
        );
        return None;
    };
    if let Some(issuer) = issuer.filter(|issuer| issuer.value != jwt.issuer) {
        let message = "`callers[].token_issuer` must be the issuer of `[jwt]`";
        section.problem(&issuer.place, message);
    }
    Some(KnownBy::Token {
        issuer: jwt.issuer.clone(),
        subject: pattern,
    })
}

/// Checks that span entries and sections.
pub(super) fn check_callers(
    reader: &Reader<'_>,
    callers: &[(Caller, Place)],
    listen: &Listen,
    roles_from: &[RolesFrom],
    jwt: Option<&JwtConfig>,
) {
    repeated(
        reader,
        callers,
        |caller| &caller.name,
        |name| format!("an earlier entry of `callers` has the name `{name}`"),
    );
    for (index, (caller, place)) in callers.iter().enumerate() {
        let mut earlier = callers.iter().take(index).map(|(caller, _)| caller);
        if let Some(twin) = earlier.find(|twin| twin.known_by == caller.known_by) {
            let message = format!(
                "the caller `{}` is known by the same as `{}`",
                caller.name, twin.name
            );
            reader.problem(place, message);
        }
        if caller.assert_roles && !roles_from.contains(&RolesFrom::Shim) {
            let message = format!(
                "the caller `{}` may assert roles, but `identity.roles_from` leaves `shim` out",
                caller.name
            );
            reader.problem(place, message);
        }
        let tells_tenant = jwt.is_some_and(|jwt| jwt.claims.tenant.is_some());
        let asks = [Permission::Decide, Permission::Publish];
        let asks = caller.may.iter().any(|may| asks.contains(may));
        if caller.tenants.len() > 1 && asks && !tells_tenant {
            let message = format!(
                "the caller `{}` is of several tenants, and nothing could say for which it asks: \
                 configure `jwt.claims.tenant`, or a caller for each tenant",
                caller.name
            );
            reader.problem(place, message);
        }
        if let Some(lack) = lacks(&caller.known_by, listen) {
            reader.problem(
                place,
                format!("the caller `{}` can never be known: {lack}", caller.name),
            );
        }
    }
}

/// Why nobody can be known in this way.
fn lacks(known_by: &KnownBy, listen: &Listen) -> Option<&'static str> {
    let tls = listen.tcp.as_ref().and_then(|tcp| tcp.tls.as_ref());
    let certificates = tls.is_some_and(|tls| tls.client_ca.is_some());
    match known_by {
        KnownBy::SpiffeId(_) | KnownBy::DnsName(_) if !certificates => {
            Some("`listen.tls.client_ca` is missing")
        }
        KnownBy::Uid(_) if listen.unix.is_none() => Some("`listen.unix` is missing"),
        _ => None,
    }
}

/// `[identity]`
pub(super) fn read_roles_from(section: Section<'_>) -> Vec<RolesFrom> {
    let chosen = section.choices("roles_from", &ROLES_FROM);
    section.end();
    chosen.unwrap_or_default()
}

/// The words of `identity.roles_from`.
pub(super) fn roles_from() -> Words {
    list_of(&ROLES_FROM, &ROLES_FROM.map(|(_, source)| source))
}

/// The words of `callers[].may`.
pub(super) fn may() -> Words {
    list_of(&Permission::ALL, &Permission::DEFAULT)
}

/// The words of `jwt.algorithms`, which has no default.
pub(super) fn algorithms() -> Words {
    list_of(&Algorithm::ALL, &[])
}

/// Where the keys are: in a file, or on a server.
fn read_keys(section: &Section<'_>, base: &Path) -> Option<KeySource> {
    let file = section.text("jwks_file");
    let url = section.text("jwks_url");
    let ca_file = section.text("jwks_ca_file");
    let refresh = section.count("jwks_refresh_seconds");
    let stale_max = section.count("jwks_stale_seconds_max");
    if stale_max < refresh {
        let message =
            "`jwt.jwks_stale_seconds_max` may not be less than `jwt.jwks_refresh_seconds`";
        section.problem(section.place(), message);
    }
    let given = [section.has("jwks_file"), section.has("jwks_url")];
    match given {
        [true, false] => {
            let of_url = KEY_SERVER_KEYS.iter().filter(|key| section.has(key));
            for key in of_url {
                let message = format!("`jwt.{key}` needs `jwt.jwks_url`");
                section.problem(section.place(), message);
            }
            Some(KeySource::File(base.join(file?.value)))
        }
        [false, true] => {
            let url = url?;
            let explain = |error| {
                section.problem(&url.place, format!("`jwt.jwks_url` is of no use: {error}"));
            };
            Some(KeySource::Server(KeyServer {
                url: KeyUrl::parse(&url.value).map_err(explain).ok()?,
                ca_file: ca_file.map(|file| base.join(file.value)),
                refresh: Duration::from_secs(refresh),
                stale_max: Duration::from_secs(stale_max),
            }))
        }
        [_, _] => {
            if section.is_present() {
                let message = "`jwt` needs exactly one of `jwks_file`, `jwks_url`";
                section.problem(section.place(), message);
            }
            None
        }
    }
}

/// `[jwt]`
pub(super) fn read_jwt(section: Section<'_>, base: &Path) -> Option<JwtConfig> {
    let keys = read_keys(&section, base);
    let issuer = section.required_text("issuer");
    let audience = section.required_text("audience");
    let algorithms = section.choices("algorithms", &Algorithm::ALL);
    let leeway = section.count("leeway_seconds");
    let claims = read_claims(section.section("claims"));
    section.require("algorithms");
    if algorithms.as_ref().is_some_and(Vec::is_empty) {
        section.problem(
            section.place(),
            "`jwt.algorithms` must name at least one algorithm",
        );
    }
    section.end();
    Some(JwtConfig {
        keys: keys?,
        issuer: issuer?.value,
        audience: audience?.value,
        algorithms: algorithms?,
        leeway_seconds: u32::try_from(leeway).ok()?,
        claims,
    })
}

fn read_claims(section: Section<'_>) -> ClaimPaths {
    let path = |key| {
        let members = section.text_or_texts(key)?;
        let path = ClaimPath::new(members.value);
        if path.is_none() {
            let message = format!("`{}` must name at least one member", section.path_of(key));
            section.problem(&members.place, message);
        }
        path
    };
    let by_default = || ClaimPath::new(vec![section.default_text("id")?.to_owned()]);
    let mut claims = ClaimPaths {
        id: path("id")
            .or_else(by_default)
            .unwrap_or(ClaimPaths::default().id),
        user: path("user"),
        agent: path("agent"),
        client: path("client"),
        tenant: path("tenant"),
        roles: path("roles"),
        delegation: path("delegation"),
        attributes: Vec::new(),
    };
    let attributes = section.section("attributes");
    for (name, members) in attributes.own_names() {
        match ClaimPath::new(members.value) {
            Some(path) => claims.attributes.push((name, path)),
            None => {
                let key = attributes.path_of(&name);
                section.problem(
                    &members.place,
                    format!("`{key}` must name at least one member"),
                );
            }
        }
    }
    section.end();
    claims
}
