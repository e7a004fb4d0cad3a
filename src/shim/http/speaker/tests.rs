use super::*;
use crate::model::verdict::Effect;
use crate::shim::pdp::{self, Acknowledged, BoxFuture, Numbering, Pdp, PdpError};
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::SessionConfig;
use crate::shim::testing::{NOW, clock};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A PDP that says this of every token, and counts how often it is asked.
struct Says {
    reasons: Result<Vec<Reason>, PdpError>,
    effect: Effect,
    asked: Mutex<Vec<Question>>,
}

impl Says {
    fn denying(reasons: &[Code]) -> Arc<Self> {
        let reasons = reasons.iter().map(|code| code.reason()).collect();
        Arc::new(Self {
            reasons: Ok(reasons),
            effect: Effect::Deny,
            asked: Mutex::default(),
        })
    }
}

impl Pdp for Says {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<pdp::Answer, PdpError>> {
        self.asked.lock().unwrap().push(question);
        let answer = self.reasons.clone().map(|reasons| pdp::Answer {
            decision_id: "d".to_owned(),
            call_id: None,
            effect: self.effect,
            visible: true,
            reasons,
            obligations: Vec::new(),
            params_json: None,
            result_json: None,
            judged_digest: crate::wire::digest(b""),
            valid_until: Timestamp::from_nanos(NOW + 1_000_000_000),
            revision: String::new(),
            audit_origin: String::new(),
        });
        Box::pin(async { answer })
    }

    fn decide_batch(&self, _: Vec<Question>) -> BoxFuture<'_, Result<Vec<pdp::Answer>, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("it is asked one by one")) })
    }

    fn report<'a>(&'a self, _: Numbering<'a>) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("it has no log")) })
    }
}

fn core(pdp: &Arc<Says>) -> Arc<Core> {
    let state = tempfile::tempdir().unwrap();
    let reporter = Reporter::open(state.path(), ReportConfig::default(), clock()).unwrap();
    let config = SessionConfig {
        server: "crm".to_owned(),
        context: BTreeMap::new(),
        pdp_deadline: Duration::from_millis(250),
        call_timeout: Duration::from_secs(60),
    };
    let pdp: Arc<dyn Pdp> = Arc::clone(pdp) as _;
    Core::new(config, pdp, reporter, clock())
}

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(AUTHORIZATION, value.parse().unwrap());
    }
    headers
}

fn token(claims: &str) -> String {
    format!("Bearer x.{}.x", URL_SAFE_NO_PAD.encode(claims))
}

/// Valid for as long as the clock of these tests runs.
fn anns() -> String {
    token(&format!(
        r#"{{"iss":"i","sub":"ann","exp":{}}}"#,
        NOW / 1_000_000_000 + 3_600
    ))
}

fn resource() -> Option<Resource> {
    Some(Resource {
        url: "https://tools.example/mcp".parse().unwrap(),
        authorization_servers: vec!["https://login.example".to_owned()],
    })
}

#[tokio::test]
async fn a_token_is_good_only_if_policies_alone_had_a_say() {
    use Code::{
        DryRun, Internal, NoMatchingAllow, PolicyError, SubjectNotAllowed, TokenKeysUnavailable,
        Unauthenticated,
    };
    let cases: [(&[Code], u16); 8] = [
        (&[DryRun], 200),
        (&[DryRun, NoMatchingAllow], 200),
        (&[DryRun, Unauthenticated], 401),
        (&[DryRun, SubjectNotAllowed], 403),
        (&[DryRun, TokenKeysUnavailable], 503),
        (&[DryRun, PolicyError], 503),
        (&[DryRun, Internal], 503),
        (&[Unauthenticated], 401),
    ];
    for (reasons, status) in cases {
        let pdp = Says::denying(reasons);
        let bearers = Bearers::new(None);
        let found = bearers.speaker(&core(&pdp), &headers(&[&anns()])).await;
        let found = found.map_or_else(|it| it.status().as_u16(), |_| 200);
        assert_eq!(found, status, "{reasons:?}");
        let asked = pdp.asked.lock().unwrap();
        assert!(asked.iter().all(|it| it.dry_run && it.speaker.is_some()));
    }
}

#[tokio::test]
async fn nobody_is_let_in_where_nobody_verifies() {
    let granting = Says {
        reasons: Ok(Vec::new()),
        effect: Effect::Allow,
        asked: Mutex::default(),
    };
    let away = Says {
        reasons: Err(PdpError::Unavailable("away".to_owned())),
        effect: Effect::Allow,
        asked: Mutex::default(),
    };
    for pdp in [granting, away] {
        let core = core(&Arc::new(pdp));
        let found = Bearers::new(None)
            .speaker(&core, &headers(&[&anns()]))
            .await;
        assert_eq!(found.unwrap_err().status().as_u16(), 503);
    }
}

#[tokio::test]
async fn who_brings_no_token_is_told_where_to_get_one() {
    let metadata =
        "resource_metadata=\"https://tools.example/.well-known/oauth-protected-resource/mcp\"";
    let pdp = Says::denying(&[Code::DryRun, Code::Unauthenticated]);
    let with_two = [anns(), anns()];
    let cases: [(&[&str], Option<Resource>, String); 6] = [
        (&[], None, "Bearer".to_owned()),
        (&[], resource(), format!("Bearer {metadata}")),
        (
            &[&anns()],
            resource(),
            format!("Bearer error=\"invalid_token\", {metadata}"),
        ),
        (
            &["Basic eDp5"],
            None,
            "Bearer error=\"invalid_token\"".to_owned(),
        ),
        (
            &["Bearer"],
            None,
            "Bearer error=\"invalid_token\"".to_owned(),
        ),
        (
            &[&with_two[0], &with_two[1]],
            None,
            "Bearer error=\"invalid_token\"".to_owned(),
        ),
    ];
    for (values, resource, challenge) in cases {
        let found = Bearers::new(resource)
            .speaker(&core(&pdp), &headers(values))
            .await;
        let found = found.unwrap_err();
        assert_eq!(found.status().as_u16(), 401, "{values:?}");
        assert_eq!(found.headers()[WWW_AUTHENTICATE], challenge, "{values:?}");
    }
}

#[tokio::test]
async fn a_verified_token_is_not_verified_again_while_it_is_valid() {
    let pdp = Says::denying(&[Code::DryRun]);
    let (core, bearers) = (core(&pdp), Bearers::new(None));
    for _ in 0..3 {
        let speaker = bearers.speaker(&core, &headers(&[&anns()])).await.unwrap();
        assert_eq!(speaker.owner.unwrap().subject, "ann");
    }
    assert_eq!(pdp.asked.lock().unwrap().len(), 1);
    // One that ends now is verified each time.
    let ends = token(&format!(
        r#"{{"iss":"i","sub":"bob","exp":{}}}"#,
        NOW / 1_000_000_000
    ));
    for _ in 0..2 {
        let speaker = bearers.speaker(&core, &headers(&[&ends])).await.unwrap();
        assert_eq!(speaker.owner.unwrap().subject, "bob");
    }
    assert_eq!(pdp.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_token_that_names_nobody_begins_nothing() {
    let pdp = Says::denying(&[Code::DryRun]);
    let (core, bearers) = (core(&pdp), Bearers::new(None));
    for claims in [
        r#"{"sub":"a","exp":1}"#,
        r#"{"iss":"i","exp":1}"#,
        r#"{"iss":"i","sub":"a"}"#,
        "[]",
        "",
    ] {
        let found = bearers.speaker(&core, &headers(&[&token(claims)])).await;
        assert_eq!(found.unwrap_err().status().as_u16(), 401, "{claims}");
    }
}
