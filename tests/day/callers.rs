//! Who asks all day.

use super::model::{Answer, Clock, Lost, Verdict};
use super::scene::{Place, TENANTS};
use crate::server::asking::{Decisions, call};
use crate::server::{DEADLINE, tokens};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{
    DecideRequest, DecideResponse, DecideStreamRequest, WatchRevisionRequest,
};

pub const TOOLS: [&str; 2] = ["crm/read", "crm/write"];
/// Questions of a stream that wait for their answers.
const WINDOW: usize = 4;
/// Questions of the gateway over one connection.
const QUESTIONS_PER_CONNECTION: usize = 25;

/// What callers hear.
#[derive(Default)]
pub struct Heard {
    pub verdicts: Vec<Verdict>,
    pub lost: Vec<Lost>,
    /// What watchers were told: life, tenant, version, digest.
    pub told: Vec<(usize, usize, u64, String)>,
}

impl Heard {
    pub fn add(&mut self, other: Self) {
        self.verdicts.extend(other.verdicts);
        self.lost.extend(other.lost);
        self.told.extend(other.told);
    }
}

/// A question, as it was sent.
#[derive(Clone, Copy)]
pub struct Asked {
    life: usize,
    tenant: usize,
    tool: &'static str,
    key: Option<usize>,
    at: u64,
}

impl Asked {
    /// The next question about a tenant.
    pub fn now(
        life: usize,
        tenant: usize,
        number: usize,
        key: Option<usize>,
        clock: &Clock,
    ) -> Self {
        let tool = TOOLS[number % TOOLS.len()];
        let at = clock.now();
        Self {
            life,
            tenant,
            tool,
            key,
            at,
        }
    }

    pub fn request(&self) -> DecideRequest {
        let Some(key) = self.key else {
            return call(self.tool);
        };
        let claims = json!({"sub": "agent_a", "org": TENANTS[self.tenant]});
        let sign = [tokens::token, tokens::next_token][key];
        DecideRequest {
            subject: Some(Subject::BearerToken(sign(&claims))),
            ..call(self.tool)
        }
    }

    pub fn verdict(self, reply: DecideResponse, clock: &Clock) -> Verdict {
        let policy = reply.policy.clone().unwrap_or_default();
        Verdict {
            life: self.life,
            tenant: self.tenant,
            tool: self.tool,
            key: self.key,
            asked: self.at,
            answered: clock.now(),
            answer: answer(&reply),
            id: reply.decision_id,
            version: policy.version,
            digest: policy.digest,
        }
    }

    pub fn lost(self, why: String, clock: &Clock) -> Lost {
        let answered = clock.now();
        Lost {
            asked: self.at,
            answered,
            why,
        }
    }
}

fn answer(reply: &DecideResponse) -> Answer {
    let codes = reply.reasons.iter().map(|reason| reason.code.clone());
    let mut codes: Vec<String> = codes.collect();
    codes.sort();
    (reply.effect(), codes)
}

/// What every caller needs. The day is over when nobody tells places any more.
#[derive(Clone)]
pub struct Caller {
    pub places: watch::Receiver<Place>,
    pub clock: Arc<Clock>,
}

impl Caller {
    /// Whether it can go on where it is.
    fn stays(&self) -> bool {
        self.places.has_changed().is_ok_and(|changed| !changed)
    }

    /// Whether it can go on at all; waits for another place if this one is `lost`.
    async fn goes_on(&mut self, lost: bool) -> bool {
        match lost {
            true => self.places.changed().await.is_ok(),
            false => self.places.has_changed().is_ok(),
        }
    }

    /// Asks for one tenant, with its own certificate.
    pub async fn unary(mut self, tenant: usize) -> Heard {
        let mut heard = Heard::default();
        let mut lost = false;
        while self.goes_on(lost).await {
            lost = self
                .ask(TENANTS[tenant], usize::MAX, &mut heard, |_| (tenant, None))
                .await;
        }
        heard
    }

    /// Asks for both with tokens that both keys sign, and connects anew again and again.
    pub async fn gateway(mut self) -> Heard {
        let mut heard = Heard::default();
        let mut lost = false;
        while self.goes_on(lost).await {
            let next = |number: usize| (number % 2, Some(number / 2 % 2));
            lost = self
                .ask("gateway", QUESTIONS_PER_CONNECTION, &mut heard, next)
                .await;
        }
        heard
    }

    /// Asks over one connection; gives whether it was lost.
    async fn ask(
        &mut self,
        caller: &str,
        most: usize,
        heard: &mut Heard,
        next: impl Fn(usize) -> (usize, Option<usize>),
    ) -> bool {
        let at = self.clock.now();
        let place = *self.places.borrow_and_update();
        let channel = match place.connect(caller).await {
            Ok(channel) => channel,
            Err(error) => {
                let (answered, why) = (self.clock.now(), format!("connecting: {error:?}"));
                heard.lost.push(Lost {
                    asked: at,
                    answered,
                    why,
                });
                return true;
            }
        };
        let mut client = Decisions::new(channel);
        for number in 0..most {
            let (tenant, key) = next(number);
            // Tools change more slowly than all else.
            let asked = Asked::now(place.life, tenant, number / 4, key, &self.clock);
            if !self.stays() {
                return false;
            }
            let reply = timeout(DEADLINE, client.decide(asked.request())).await;
            match reply.expect("an answer in time") {
                Ok(reply) => heard
                    .verdicts
                    .push(asked.verdict(reply.into_inner(), &self.clock)),
                Err(status) => {
                    heard
                        .lost
                        .push(asked.lost(format!("{status:?}"), &self.clock));
                    return true;
                }
            }
        }
        false
    }

    /// Asks for one tenant over streams.
    pub async fn stream(mut self, tenant: usize) -> Heard {
        let mut heard = Heard::default();
        let mut lost = false;
        while self.goes_on(lost).await {
            lost = self.one_stream(tenant, &mut heard).await.is_err();
        }
        heard
    }

    async fn one_stream(&mut self, tenant: usize, heard: &mut Heard) -> Result<(), ()> {
        let place = *self.places.borrow_and_update();
        let mut waiting: BTreeMap<String, Asked> = BTreeMap::new();
        let came_of_it = self.questions(place, tenant, &mut waiting, heard).await;
        let Err(why) = came_of_it else {
            return Ok(());
        };
        let nothing = Asked::now(place.life, tenant, 0, None, &self.clock);
        heard.lost.push(nothing.lost(why.clone(), &self.clock));
        let unanswered = waiting.into_values();
        heard
            .lost
            .extend(unanswered.map(|asked| asked.lost(why.clone(), &self.clock)));
        Err(())
    }

    async fn questions(
        &self,
        place: Place,
        tenant: usize,
        waiting: &mut BTreeMap<String, Asked>,
        heard: &mut Heard,
    ) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Debug| format!("stream: {error:?}");
        let channel = place
            .connect(TENANTS[tenant])
            .await
            .map_err(|it| said(&it))?;
        let (questions, receiver) = mpsc::channel(WINDOW);
        let mut client = Decisions::new(channel);
        let opened = client.decide_stream(ReceiverStream::new(receiver));
        let mut questions = Some(questions);
        let mut answers = opened.await.map_err(|it| said(&it))?.into_inner();
        for number in 0.. {
            let asked = Asked::now(place.life, tenant, number, None, &self.clock);
            if !self.stays() {
                questions = None;
            }
            if let Some(questions) = &questions {
                let request_id = number.to_string();
                waiting.insert(request_id.clone(), asked);
                let request = DecideRequest {
                    request_id,
                    ..asked.request()
                };
                let request = DecideStreamRequest {
                    request: Some(request),
                };
                questions.send(request).await.map_err(|it| said(&it))?;
            }
            if waiting.len() < WINDOW && questions.is_some() {
                continue;
            }
            let answer = timeout(DEADLINE, answers.message()).await;
            let answer = answer.expect("an answer in time").map_err(|it| said(&it))?;
            match answer {
                Some(answer) => {
                    let asked = waiting.remove(&answer.request_id).expect("a question");
                    let reply = answer.response.expect("a verdict");
                    heard.verdicts.push(asked.verdict(reply, &self.clock));
                }
                None if waiting.is_empty() => return Ok(()),
                None => return Err("the stream ended".to_owned()),
            }
        }
        Ok(())
    }

    /// Hears which sets are in force.
    pub async fn watcher(mut self, tenant: usize) -> Heard {
        let mut heard = Heard::default();
        let mut lost = false;
        while self.goes_on(lost).await {
            let place = *self.places.borrow_and_update();
            let at = self.clock.now();
            let told = self.watched(place, tenant, &mut heard).await;
            lost = told.is_err();
            if let Err(why) = told {
                let answered = self.clock.now();
                heard.lost.push(Lost {
                    asked: at,
                    answered,
                    why,
                });
            }
        }
        heard
    }

    async fn watched(
        &mut self,
        place: Place,
        tenant: usize,
        heard: &mut Heard,
    ) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Debug| format!("watch: {error:?}");
        let channel = place
            .connect(TENANTS[tenant])
            .await
            .map_err(|it| said(&it))?;
        let opened = Decisions::new(channel)
            .watch_revision(WatchRevisionRequest {})
            .await;
        let mut told = opened.map_err(|it| said(&it))?.into_inner();
        loop {
            let message = tokio::select! {
                message = told.message() => message.map_err(|it| said(&it))?,
                // Another place, or the end of the day.
                _changed = self.places.changed() => return Ok(()),
            };
            let message = message.ok_or("the watch ended")?;
            if let Some(policy) = message.policy.filter(|_| !message.heartbeat) {
                heard
                    .told
                    .push((place.life, tenant, policy.version, policy.digest));
            }
        }
    }
}
