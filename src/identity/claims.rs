//! From verified claims to what they say of the subject.

use super::directory::strings;
use super::unfit::TokenError;
use super::{DELEGATION_STEPS_MAX, Grant, ROLES_MAX, is_name};
use crate::model::attempt::said;
use crate::model::json::{Json, Object};

/// Where a claim stands: the names of the members on the way to it, outermost first. Names are
/// taken as they are, so that `https://acme.example/roles` is one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// The path through these members; `None` if there are none, or one is empty.
    #[must_use]
    pub fn new(members: Vec<String>) -> Option<Self> {
        let valid = !members.is_empty() && members.iter().all(|member| !member.is_empty());
        valid.then_some(Self(members))
    }

    fn find<'a>(&self, claims: &'a Object) -> Option<&'a Json> {
        let (first, rest) = self.0.split_first()?;
        let start = claims.get(first)?;
        rest.iter()
            .try_fold(start, |value, member| value.get(member))
    }

    /// A text of whatever form, cut: for the record of a refusal.
    pub(super) fn text(&self, claims: &Object) -> Option<String> {
        said(self.find(claims)?.as_str()?)
    }

    fn error(&self) -> TokenError {
        TokenError::ClaimShape {
            claim: self.0.join("."),
        }
    }

    /// A name: text of bounded length without control characters.
    fn name(&self, claims: &Object) -> Result<Option<String>, TokenError> {
        let Some(value) = self.find(claims) else {
            return Ok(None);
        };
        let name = value.as_str().filter(|name| is_name(name));
        name.map(|name| Some(name.to_owned()))
            .ok_or_else(|| self.error())
    }

    fn names(&self, claims: &Object, max: usize) -> Result<Option<Vec<String>>, TokenError> {
        let Some(value) = self.find(claims) else {
            return Ok(None);
        };
        let names = strings(value)
            .filter(|names| names.len() <= max && names.iter().all(|name| is_name(name)));
        names.map(Some).ok_or_else(|| self.error())
    }
}

/// Which claims mean what: `[jwt.claims]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPaths {
    /// The subject that policy and directory know. Default: `sub`.
    pub id: ClaimPath,
    /// The human on whose behalf the agent acts.
    pub user: Option<ClaimPath>,
    /// The agent.
    pub agent: Option<ClaimPath>,
    /// The client program.
    pub client: Option<ClaimPath>,
    /// The tenant. Once configured, each token must have it.
    pub tenant: Option<ClaimPath>,
    /// Roles: an array of texts.
    pub roles: Option<ClaimPath>,
    /// Who delegated to whom: an array of texts, outermost first, or nested `act` claims
    /// (RFC 8693, section 4.1).
    pub delegation: Option<ClaimPath>,
    /// Attributes by name, of any JSON type.
    pub attributes: Vec<(String, ClaimPath)>,
}

impl Default for ClaimPaths {
    fn default() -> Self {
        Self {
            id: ClaimPath(vec!["sub".to_owned()]),
            user: None,
            agent: None,
            client: None,
            tenant: None,
            roles: None,
            delegation: None,
            attributes: Vec::new(),
        }
    }
}

/// What the claims of a verified token say of its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimedSubject {
    pub(super) id: String,
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) client: Option<String>,
    pub(super) tenant: Option<String>,
    pub(super) delegation: Vec<String>,
    /// Roles and attributes; `None` if the token says nothing of either.
    pub(super) grant: Option<Grant>,
}

impl ClaimPaths {
    pub(super) fn read(&self, claims: &Object) -> Result<ClaimedSubject, TokenError> {
        let optional = |path: &Option<ClaimPath>| match path {
            Some(path) => path.name(claims),
            None => Ok(None),
        };
        let missing = |path: &ClaimPath| TokenError::ClaimMissing {
            claim: path.0.join("."),
        };
        let id = self.id.name(claims)?.ok_or_else(|| missing(&self.id))?;
        let tenant = match &self.tenant {
            Some(path) => Some(path.name(claims)?.ok_or_else(|| missing(path))?),
            None => None,
        };
        Ok(ClaimedSubject {
            id,
            user: optional(&self.user)?,
            agent: optional(&self.agent)?,
            client: optional(&self.client)?,
            tenant,
            delegation: self.delegation(claims)?,
            grant: self.grant(claims)?,
        })
    }

    fn grant(&self, claims: &Object) -> Result<Option<Grant>, TokenError> {
        let roles = match &self.roles {
            Some(path) => path.names(claims, ROLES_MAX)?,
            None => None,
        };
        let found = self.attributes.iter().filter_map(|(name, path)| {
            let value = path.find(claims)?;
            Some((name.clone(), value.clone()))
        });
        let attributes: Object = found.collect();
        if roles.is_none() && attributes.is_empty() {
            return Ok(None);
        }
        Ok(Some((roles.unwrap_or_default(), attributes)))
    }

    fn delegation(&self, claims: &Object) -> Result<Vec<String>, TokenError> {
        let Some(path) = &self.delegation else {
            return Ok(Vec::new());
        };
        match path.find(claims) {
            None => Ok(Vec::new()),
            Some(Json::Object(actor)) => actors(actor).ok_or_else(|| path.error()),
            Some(_) => Ok(path
                .names(claims, DELEGATION_STEPS_MAX)?
                .unwrap_or_default()),
        }
    }
}

/// The subjects of nested `act` claims, outermost first.
fn actors(outermost: &Object) -> Option<Vec<String>> {
    let (mut names, mut next) = (Vec::new(), Some(outermost));
    while let Some(actor) = next {
        let name = actor.get("sub")?.as_str().filter(|name| is_name(name))?;
        names.push(name.to_owned());
        if names.len() > DELEGATION_STEPS_MAX {
            return None;
        }
        next = match actor.get("act") {
            None => None,
            Some(inner) => Some(inner.as_object()?),
        };
    }
    Some(names)
}
