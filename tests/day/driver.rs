//! Makes the day's changes, one after the other, and tells the model of each.

use super::callers::{Asked, Caller, Heard};
use super::changes::{Disk, Edit};
use super::model::{Clock, Content, Model, Tenant, Timeline, answer};
use super::scene::{Place, Scene, TENANTS};
use crate::differential::Random;
use crate::server::asking::Decisions;
use crate::server::until;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::transport::Channel;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{GetStatusRequest, GetStatusResponse, ReloadRequest};

pub type Policies = PolicyServiceClient<Channel>;

/// A tenant's files and what came of them.
pub struct State {
    pub disk: Disk,
    /// What decides.
    pub active: Option<Content>,
    /// What the files last said that was good, in this life.
    pub newest: Option<Content>,
    pub is_pinned: bool,
    pub expected: Expected,
}

/// What the log of a tenant has to hold.
#[derive(Default)]
pub struct Expected {
    /// Of each life: versions whose digest is known. Empty: no set was ever in force.
    pub lives: Vec<Vec<(u64, String)>>,
    pub rolled_back: Vec<String>,
    pub reloads: usize,
    /// Fewest and most refusals.
    pub refused: (usize, usize),
}

/// The day, as far as it has come.
pub struct Driver {
    pub random: Random,
    pub scene: Scene,
    pub clock: Arc<Clock>,
    pub model: Model,
    pub states: [State; 2],
    pub heard: Heard,
    pub key: usize,
    pub places: watch::Sender<Place>,
    /// What was done, to be read when something went wrong.
    pub done: Vec<String>,
}

pub fn version(status: &GetStatusResponse) -> u64 {
    let active = status
        .active
        .as_ref()
        .and_then(|active| active.policy.as_ref());
    active.map_or(0, |policy| policy.version)
}

impl Driver {
    pub async fn start(seed: u64) -> Self {
        let disks = TENANTS.map(Disk::new);
        let scene = Scene::start(disks[0].good()).await;
        let (places, _) = watch::channel(scene.place);
        let mut driver = Self {
            random: Random(seed),
            scene,
            clock: Arc::default(),
            model: Model {
                tenants: TENANTS.map(Tenant::new),
                keys: Timeline::new(),
                restarts: Timeline::new(),
            },
            states: disks.map(|disk| State {
                disk,
                active: None,
                newest: None,
                is_pinned: false,
                expected: Expected::default(),
            }),
            heard: Heard::default(),
            key: 0,
            places,
            done: Vec::new(),
        };
        driver.model.keys.settle(&driver.clock, 0);
        driver.model.restarts.settle(&driver.clock, false);
        for tenant in 0..TENANTS.len() {
            driver.begin_life(tenant).await;
        }
        driver
    }

    pub fn caller(&self) -> Caller {
        Caller {
            places: self.places.subscribe(),
            clock: Arc::clone(&self.clock),
        }
    }

    pub fn note(&mut self, what: String) {
        self.done.push(format!("{}: {what}", self.clock.now()));
    }

    pub async fn channel(&self, caller: &str) -> Channel {
        self.scene.place.connect(caller).await.unwrap()
    }

    pub async fn policies(&self, tenant: usize) -> Policies {
        Policies::new(self.channel(TENANTS[tenant]).await)
    }

    pub async fn status(&self, tenant: usize) -> GetStatusResponse {
        let status = self
            .policies(tenant)
            .await
            .get_status(GetStatusRequest {})
            .await;
        status.unwrap().into_inner()
    }

    /// A process has started: what was on disk decides, or nothing does.
    pub async fn begin_life(&mut self, tenant: usize) {
        let state = &mut self.states[tenant];
        state.is_pinned = false;
        state.newest = None;
        state.active = None;
        state.expected.lives.push(Vec::new());
        let refusals = usize::from(state.disk.content().is_none());
        state.expected.refused.0 += refusals;
        state.expected.refused.1 += refusals;
        let status = self.status(tenant).await;
        assert_eq!(version(&status), u64::from(refusals == 0));
        self.settle(tenant, &status).await;
    }

    /// Tells the model before a change that what the files say may be in force soon.
    pub fn announce(&mut self, tenant: usize) {
        let state = &self.states[tenant];
        if let Some(content) = state.disk.content().filter(|_| !state.is_pinned) {
            self.model.tenants[tenant]
                .sets
                .open(&self.clock, Some(content));
        }
    }

    /// Makes a change and waits until it has come into force, or was refused.
    pub async fn change(&mut self, tenant: usize, edit: &Edit, reload: bool) {
        let before = self.status(tenant).await;
        self.announce(tenant);
        let how = if reload { "with a reload" } else { "" };
        self.note(format!("{} {how}", edit.what));
        edit.make(self.scene.dir.path());
        let status = match reload {
            true => self.reload(tenant).await,
            false => self.seen(tenant, &before, &edit.what).await,
        };
        let expected = &mut self.states[tenant].expected;
        if status.refused.is_some() {
            expected.refused.0 += 1;
            // The watch may have seen it before the reload.
            expected.refused.1 += 1 + usize::from(reload);
        }
        self.settle(tenant, &status).await;
    }

    pub async fn reload(&mut self, tenant: usize) -> GetStatusResponse {
        self.states[tenant].expected.reloads += 1;
        let reloaded = self.policies(tenant).await.reload(ReloadRequest {}).await;
        reloaded.unwrap().into_inner().status.unwrap()
    }

    /// The status once the watch has seen the change.
    async fn seen(
        &self,
        tenant: usize,
        before: &GetStatusResponse,
        what: &str,
    ) -> GetStatusResponse {
        let state = &self.states[tenant];
        let content = state.disk.content();
        let known = if state.is_pinned {
            &state.newest
        } else {
            &state.active
        };
        let is_known = content.is_some() && content == *known;
        let mut policies = self.policies(tenant).await;
        until(what, async || {
            let status = policies.get_status(GetStatusRequest {}).await;
            let status = status.unwrap().into_inner();
            let is_seen = match &content {
                None => status.refused.is_some() && status.refused != before.refused,
                Some(_) if status.refused.is_some() => false,
                Some(_) if is_known => true,
                Some(_) if state.is_pinned => status.held[0].digest != before.held[0].digest,
                Some(_) => version(&status) > version(before),
            };
            is_seen.then_some(status)
        })
        .await
    }

    /// What the files say is seen in force, as far as it is good and nothing holds: from now on
    /// nothing else may be.
    pub async fn settle(&mut self, tenant: usize, status: &GetStatusResponse) {
        let state = &mut self.states[tenant];
        let content = state.disk.content();
        assert_eq!(status.refused.is_some(), content.is_none(), "{status:?}");
        assert_eq!(status.pin.is_some(), state.is_pinned, "{status:?}");
        if let Some(content) = content {
            state.newest = Some(content.clone());
            if !state.is_pinned {
                state.active = Some(content);
            }
        }
        let names = &mut self.model.tenants[tenant];
        if let (Some(newest), Some(held)) = (&state.newest, status.held.first()) {
            names.name(&held.digest, newest).unwrap();
        }
        let active = status
            .active
            .as_ref()
            .and_then(|active| active.policy.clone());
        assert_eq!(active.is_some(), state.active.is_some(), "{status:?}");
        if let (Some(policy), Some(content)) = (active, &state.active) {
            names.name(&policy.digest, content).unwrap();
            let life = state.expected.lives.last_mut().unwrap();
            life.push((policy.version, policy.digest));
        }
        names.sets.settle(&self.clock, state.active.clone());
        self.probe(tenant).await;
    }

    /// Asks after each tool: what is settled has to answer. Once that is answered, everything
    /// before it is on disk.
    async fn probe(&mut self, tenant: usize) {
        let channel = self.channel(TENANTS[tenant]).await;
        let mut client = Decisions::new(channel);
        for number in 0..super::callers::TOOLS.len() {
            let asked = Asked::now(self.scene.place.life, tenant, number, None, &self.clock);
            let reply = client.decide(asked.request()).await.unwrap().into_inner();
            let verdict = asked.verdict(reply, &self.clock);
            let active = self.states[tenant].active.as_ref();
            let expected = answer(TENANTS[tenant], active, verdict.tool);
            assert_eq!(verdict.answer, expected, "{verdict:?}");
            self.heard.verdicts.push(verdict);
        }
    }
}
