//! What callers may say: servers, subjects, roles, context, tenants; and who is no caller at all.

use super::Pdp;
use super::asking::{Asked, Way, ask_this};
use super::tokens;
use crate::server::asking::call;
use crate::server::pki;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{AssertedSubject, DecideRequest};

type Claims = BTreeMap<String, Value>;

/// A question as a reader writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    case: String,
    /// `unix`, `tls`, `plain`, or a SPIFFE id.
    over: String,
    /// The `authorization` of the request, `@t@` being a token with these `claims`.
    authorization: Option<String>,
    #[serde(default)]
    claims: Claims,
    /// Claims of the subject's token.
    bearer: Option<Claims>,
    subject: Option<Asserted>,
    #[serde(default = "crm")]
    server: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Asserted {
    id: String,
    user: String,
    agent: String,
    client: String,
    roles: Vec<String>,
    delegation: Vec<String>,
}

fn crm() -> String {
    "crm".to_owned()
}

impl Question {
    fn request(&self) -> DecideRequest {
        let subject = match (&self.subject, &self.bearer) {
            (Some(subject), None) => Some(Subject::Asserted(AssertedSubject {
                id: subject.id.clone(),
                user: subject.user.clone(),
                agent: subject.agent.clone(),
                client: subject.client.clone(),
                roles: subject.roles.clone(),
                delegation: subject.delegation.clone(),
                ..AssertedSubject::default()
            })),
            (None, Some(claims)) => Some(Subject::BearerToken(tokens::sound(claims))),
            (None, None) => None,
            (Some(_), Some(_)) => panic!("{}: one subject", self.case),
        };
        DecideRequest {
            subject,
            context: self.context.clone().into_iter().collect(),
            ..call(&format!("{}/read", self.server))
        }
    }
}

/// Every question over a connection of its own.
pub async fn ask_each(pdp: &Pdp) -> Vec<Asked> {
    let mut asked = Vec::new();
    for question in super::given::<Question>("callers") {
        let way = match question.over.as_str() {
            "unix" => Way::Unix,
            "tls" => Way::Tls(None),
            "plain" => Way::Plain,
            id => Way::Tls(Some(pki::client_pem(id))),
        };
        let token = tokens::sound(&question.claims);
        let header = question.authorization.as_ref();
        let header = header.map(|header| header.replace("@t@", &token));
        let answer = ask_this(pdp, way, header.as_deref(), question.request()).await;
        asked.push((question.case, answer));
    }
    asked
}
