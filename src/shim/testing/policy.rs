//! A PDP whose policy is a table.

use super::NOW;
use crate::model::call::Phase;
use crate::model::json::{Json, Object};
use crate::model::obligation::FulfilledBy;
use crate::model::reason::{Code, Origin, Reason};
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::shim::event::Event;
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Numbering, Owed};
use crate::shim::pdp::{Pdp, PdpError, Question, Revisions};
use crate::wire::digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

/// What the policy says of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Allow,
    /// Denied and not listed.
    Hidden,
    /// Denied and listed.
    Deny,
    /// Listed; deciding about a call fails, and the PDP does not say that it is visible.
    Failing,
    Approve,
    /// The call goes on with these `params`.
    Rewrite(&'static str),
    /// Allowed; every `from` in the result becomes `to`.
    Replace(&'static str, &'static str),
    /// Allowed; the result is not.
    Withhold,
    /// Allowed, but other bytes were judged.
    OtherDigest,
    /// Allowed, with an obligation for the shim.
    ForShim,
    /// Allowed; so many answers come with a verdict that has run out.
    Stale(u32),
    /// Nobody decides.
    Down,
    /// Nobody answers.
    Silent,
}

/// A PDP whose policy is a table.
pub struct TablePdp {
    rules: HashMap<&'static str, Rule>,
    pub asked: Mutex<Vec<Question>>,
    pub reported: Mutex<Vec<Event>>,
    /// What it says is in force; `None`: it does not say.
    pub revision: Mutex<Option<String>>,
    /// How often it was asked for that.
    pub polls: watch::Sender<usize>,
    /// Gets the other end of each stream of revisions; `None`: it has no streams.
    pub watchers: Mutex<Option<mpsc::UnboundedSender<Teller>>>,
}

/// Says what is in force.
pub type Teller = mpsc::Sender<Result<String, PdpError>>;

impl TablePdp {
    pub fn new(rules: &[(&'static str, Rule)]) -> Arc<Self> {
        Arc::new(Self {
            rules: rules.iter().cloned().collect(),
            asked: Mutex::default(),
            reported: Mutex::default(),
            revision: Mutex::default(),
            polls: watch::Sender::new(0),
            watchers: Mutex::default(),
        })
    }

    pub fn asked(&self, phase: Phase) -> Vec<Question> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|it| it.phase == phase)
            .cloned()
            .collect()
    }

    fn judge(&self, question: Question) -> Result<Answer, PdpError> {
        let rule = self
            .rules
            .get(question.mcp.name.as_str())
            .unwrap_or(&Rule::Hidden);
        let mut asked = self.asked.lock().unwrap();
        let number = asked.len() + 1;
        let name = &question.mcp.name;
        let earlier = asked
            .iter()
            .filter(|it| it.mcp.name == *name && it.phase == Phase::Call);
        let earlier = u32::try_from(earlier.count()).unwrap();
        let phase = question.phase;
        let is_result = phase == Phase::Result;
        let subject = match is_result {
            true => question.result_json.clone().unwrap(),
            false => question.params_json.clone(),
        };
        if is_result {
            assert!(question.call_id.is_some(), "a result without its call");
        }
        asked.push(question);
        let mut answer = Answer {
            decision_id: format!("d{number}"),
            call_id: Some(format!("c{number}")),
            effect: Effect::Allow,
            visible: true,
            reasons: Vec::new(),
            obligations: Vec::new(),
            params_json: None,
            result_json: None,
            judged_digest: digest(&subject),
            valid_until: Timestamp::from_nanos(NOW + 30_000_000_000),
            revision: "r1".to_owned(),
            audit_origin: "test/1".to_owned(),
        };
        apply(rule, &mut answer, phase, &subject, earlier)?;
        Ok(answer)
    }
}

fn reason(code: &str, message: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        message: message.to_owned(),
        policy: "test".to_owned(),
        origin: Origin::Policy,
        retryable: false,
    }
}

fn apply(
    rule: &Rule,
    answer: &mut Answer,
    phase: Phase,
    subject: &[u8],
    earlier: u32,
) -> Result<(), PdpError> {
    let is_result = phase == Phase::Result;
    let deny = |answer: &mut Answer, reason: Reason, visible: bool| {
        answer.effect = Effect::Deny;
        answer.visible = visible;
        answer.reasons = vec![reason];
        answer.call_id = None;
    };
    match rule {
        Rule::Allow => {}
        Rule::Hidden => deny(answer, Code::NoMatchingAllow.reason(), false),
        Rule::Deny => deny(answer, reason("region.mismatch", "wrong region"), true),
        Rule::Failing if phase == Phase::Call => {
            deny(answer, Code::EvaluationLimit.reason(), false);
        }
        Rule::Failing => {}
        Rule::Approve => {
            answer.effect = Effect::RequireApproval;
            answer.reasons = vec![reason("contracts.sign", "Legal has to approve.")];
        }
        Rule::Rewrite(params) if !is_result => {
            answer.effect = Effect::Constrain;
            answer.params_json = Some(params.as_bytes().to_vec());
            answer.judged_digest = digest(params.as_bytes());
        }
        Rule::Rewrite(_) => {}
        Rule::Replace(from, to) if is_result => {
            let text = std::str::from_utf8(subject).unwrap().replace(from, to);
            answer.effect = Effect::Constrain;
            answer.judged_digest = digest(text.as_bytes());
            answer.result_json = Some(text.into_bytes());
            answer.obligations = vec![masks("email", FulfilledBy::Pdp)];
        }
        Rule::Replace(..) => answer.effect = Effect::Constrain,
        Rule::Withhold if is_result => deny(answer, Code::ResultWithheld.reason(), true),
        Rule::Withhold => {}
        Rule::OtherDigest => answer.judged_digest = digest(b"something else"),
        Rule::ForShim => answer.obligations = vec![masks("email", FulfilledBy::Shim)],
        Rule::Stale(times) => {
            if earlier < *times {
                answer.valid_until = Timestamp::from_nanos(NOW - 1);
            }
        }
        Rule::Down => return Err(PdpError::Unavailable("no connection".to_owned())),
        Rule::Silent => {}
    }
    Ok(())
}

fn masks(field: &str, by: FulfilledBy) -> Owed {
    let mut properties = Object::new();
    properties.insert("fields", Json::array([field]));
    Owed {
        kind: "mask_fields".to_owned(),
        properties,
        by,
    }
}

impl Pdp for TablePdp {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(async move {
            if self.rules.get(question.mcp.name.as_str()) == Some(&Rule::Silent) {
                return std::future::pending().await;
            }
            self.judge(question)
        })
    }

    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(async move { questions.into_iter().map(|it| self.judge(it)).collect() })
    }

    fn revision(&self) -> BoxFuture<'_, Result<String, PdpError>> {
        let revision = self.revision.lock().unwrap().clone();
        self.polls.send_modify(|polls| *polls += 1);
        Box::pin(async { revision.ok_or(PdpError::Invalid("it does not say")) })
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Option<Revisions>, PdpError>> {
        let watchers = self.watchers.lock().unwrap().clone();
        Box::pin(async {
            let Some(watchers) = watchers else {
                return Ok(None);
            };
            let (tell, told) = mpsc::channel(1);
            let away = |_| PdpError::Unavailable("no connection".to_owned());
            watchers.send(tell).map_err(away)?;
            let revisions: Revisions = Box::pin(ReceiverStream::new(told));
            Ok(Some(revisions))
        })
    }

    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(async move {
            let events = numbering("log/1")?;
            let durable_seq = events.last().map_or(0, |event| event.seq);
            self.reported.lock().unwrap().extend(events);
            Ok(Acknowledged {
                durable_seq,
                origin: "log/1".to_owned(),
                ..Acknowledged::default()
            })
        })
    }
}
