//! Who sends a request, where its bearer token says so. The PDP verifies the token: with each
//! question, and once by itself before anything is forwarded that needs no verdict.

use crate::model::call::{Mcp, Phase};
use crate::model::json::{Json, Limits, parse};
use crate::model::reason::{Code, Origin, Reason};
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use crate::shim::denial::{By, Denial};
use crate::shim::http::answer::{Answer, Refusal, json};
use crate::shim::pdp::Question;
use crate::shim::session::Core;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// How long a token that was verified is taken for verified, in milliseconds. Each question about a
/// message has it verified anyway.
pub const VERIFIED_MS: u64 = 30_000;
/// Most tokens that are remembered as verified.
pub const VERIFIED_TOKENS_MAX: usize = 4_096;
/// Longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 << 10;
/// Where the metadata of a protected resource is (RFC 9728), before the resource's own path.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Whom a verified token names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The issuer.
    pub issuer: String,
    /// The subject there.
    pub subject: String,
}

/// Who sends a request.
#[derive(Clone, Debug, Default)]
pub struct Speaker {
    /// The token, for the PDP alone.
    pub token: Option<Token>,
    /// Whom it names.
    pub owner: Option<Owner>,
}

/// What this proxy is to authorization servers.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The resource's identifier: the proxy's address as clients know it.
    pub url: url::Url,
    /// Who gives tokens for it.
    pub authorization_servers: Vec<String>,
}

impl Resource {
    /// The metadata's address.
    #[must_use]
    pub fn metadata_url(&self) -> String {
        let origin = self.url.origin().ascii_serialization();
        let path = self.url.path().trim_end_matches('/');
        format!("{origin}{WELL_KNOWN}{path}")
    }

    /// The metadata.
    #[must_use]
    pub fn metadata(&self) -> Answer {
        let servers = self.authorization_servers.iter().map(String::as_str);
        let metadata = Json::object([
            ("resource", Json::from(self.url.as_str())),
            ("authorization_servers", Json::array(servers)),
            ("bearer_methods_supported", Json::array(["header"])),
        ]);
        json(StatusCode::OK, metadata.to_bytes())
    }
}

/// Takes tokens.
pub struct Bearers {
    /// What clients are told of where to get one.
    pub resource: Option<Resource>,
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

struct Verified {
    owner: Owner,
    until: Timestamp,
}

impl Bearers {
    /// Takes tokens for this resource, if it is one.
    #[must_use]
    pub fn new(resource: Option<Resource>) -> Self {
        Self {
            resource,
            verified: Mutex::default(),
        }
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    /// What is answered to somebody who is nobody.
    pub async fn speaker(&self, core: &Core, headers: &HeaderMap) -> Result<Speaker, Answer> {
        let token = self.token(headers)?;
        let digest: [u8; 32] = Sha256::digest(token.text()).into();
        let now = core.gate.now();
        let known = self.verified().get(&digest).and_then(|known| {
            let holds = now < known.until;
            holds.then(|| known.owner.clone())
        });
        let owner = match known {
            Some(owner) => owner,
            None => self.verify(core, &token, digest, now).await?,
        };
        Ok(Speaker {
            token: Some(token),
            owner: Some(owner),
        })
    }

    fn token(&self, headers: &HeaderMap) -> Result<Token, Answer> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            let text = "Unauthorized: a bearer token is needed";
            return Err(self.unauthorized(text, None));
        };
        let text = value.to_str().ok().and_then(|text| text.split_once(' '));
        let text = text.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let text = text.map(|(_, token)| token.trim());
        let text = text.filter(|token| {
            (1..=TOKEN_BYTES_MAX).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match (text, values.next()) {
            (Some(token), None) => Ok(Token::new(token)),
            _ => {
                let text = "Unauthorized: `Authorization` is not one bearer token";
                Err(self.unauthorized(text, Some("invalid_token")))
            }
        }
    }

    async fn verify(
        &self,
        core: &Core,
        token: &Token,
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Owner, Answer> {
        let question = Question {
            phase: Phase::Call,
            mcp: Mcp {
                server: core.config.server.clone(),
                method: "initialize".to_owned(),
                ..Mcp::default()
            },
            context: core.config.context.clone(),
            speaker: Some(token.clone()),
            dry_run: true,
            ..Question::default()
        };
        match core.gate.judge(&question).await {
            Err(denial) => self.refuse(&denial)?,
            // A dry run that grants is none: whoever answers so is not to be believed.
            Ok(_) => self.refuse(&Denial::local(Code::PdpUnavailable.reason()))?,
        }
        // The PDP has verified the signature over what is read here.
        let (owner, expires) = claims(token.text()).ok_or_else(|| {
            let text = "Unauthorized: the token does not name issuer and subject";
            self.unauthorized(text, Some("invalid_token"))
        })?;
        let until = now.plus(Duration::from_millis(VERIFIED_MS)).min(expires);
        let mut verified = self.verified();
        if verified.len() >= VERIFIED_TOKENS_MAX {
            verified.retain(|_, known| now < known.until);
        }
        if verified.len() < VERIFIED_TOKENS_MAX {
            let owner = owner.clone();
            verified.insert(digest, Verified { owner, until });
        }
        Ok(owner)
    }

    /// What a denial says of the token. A dry run is always denied; the token is good if policies
    /// alone had a say in it, because they are asked last.
    fn refuse(&self, denial: &Denial) -> Result<(), Answer> {
        let has = |code: Code| denial.reasons.iter().any(|it| it.code == code.as_str());
        let is_of = |origin: Origin| move |it: &Reason| it.origin == origin;
        if denial.by == By::Pdp {
            if has(Code::Unauthenticated) {
                let text = "Unauthorized: the token is not valid here";
                return Err(self.unauthorized(text, Some("invalid_token")));
            }
            if denial.reasons.iter().any(is_of(Origin::Identity)) {
                let text = "Forbidden: whom the token names may not use this server";
                return Err(Refusal::new(StatusCode::FORBIDDEN, text).answer(None));
            }
            if denial.reasons.iter().all(is_of(Origin::Policy)) {
                return Ok(());
            }
        }
        let text = "Service Unavailable: nobody can verify the token now";
        Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).answer(None))
    }

    fn unauthorized(&self, text: &str, error: Option<&str>) -> Answer {
        let mut challenge = "Bearer".to_owned();
        let error = error.map(|error| format!("error=\"{error}\""));
        let resource = self.resource.as_ref();
        let metadata = resource.map(|it| format!("resource_metadata=\"{}\"", it.metadata_url()));
        for (number, part) in error.into_iter().chain(metadata).enumerate() {
            challenge.push_str(if number == 0 { " " } else { ", " });
            challenge.push_str(&part);
        }
        let mut answer = Refusal::new(StatusCode::UNAUTHORIZED, text).answer(None);
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        answer
    }

    fn verified(&self) -> MutexGuard<'_, HashMap<[u8; 32], Verified>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom a token names, and until when.
fn claims(token: &str) -> Option<(Owner, Timestamp)> {
    /// Nanoseconds in a second.
    const NANOS: i64 = 1_000_000_000;
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let payload = parse(&payload, Limits::REQUEST).ok()?;
    let text = |name| Some(payload.get(name)?.as_str()?.to_owned());
    let expires = match payload.get("exp")? {
        Json::Number(number) => number.as_i64()?,
        _ => return None,
    };
    let owner = Owner {
        issuer: text("iss")?,
        subject: text("sub")?,
    };
    Some((owner, Timestamp::from_nanos(expires.saturating_mul(NANOS))))
}
