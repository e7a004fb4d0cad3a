//! What happens in a day.

use super::callers::Asked;
use super::driver::{Driver, version};
use super::model::Content;
use super::scene::{TENANTS, config, replace};
use crate::differential::Random;
use crate::rotation::{on_disk, shown};
use crate::server::asking::{Decisions, get};
use crate::server::{pki, tokens, until};
use std::path::Path;
use tonic::Code;
use toolgate::wire::v1::{GetStatusRequest, GetStatusResponse, RollbackRequest};

/// Longer than any day.
const LONG_SECONDS: u32 = 86_400;
/// Changes of a burst at most.
const BURST_MAX: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Edit,
    Grant,
    Reload,
    Burst,
    RollBack,
    Release,
    ShortRollBack,
    SenselessRollBack,
    Keys,
    BrokenKeys,
    Certificate,
    BrokenCertificate,
    HangUp,
    Terminate,
    Kill,
}

impl Step {
    /// Each at least once, in an order in which each has something to do.
    pub const ALL: [Self; 16] = [
        Self::Edit,
        Self::Grant,
        Self::Burst,
        Self::RollBack,
        Self::Edit,
        Self::Release,
        Self::Keys,
        Self::Terminate,
        Self::Reload,
        Self::ShortRollBack,
        Self::SenselessRollBack,
        Self::Certificate,
        Self::BrokenKeys,
        Self::BrokenCertificate,
        Self::HangUp,
        Self::Kill,
    ];

    /// One of them; files change more often than all else.
    pub fn any(random: &mut Random) -> Self {
        match random.percent(50) {
            true => Self::Edit,
            false => Self::ALL[random.below(Self::ALL.len())],
        }
    }
}

impl Driver {
    pub async fn step(&mut self, step: Step) {
        let tenant = self.random.below(TENANTS.len());
        match step {
            Step::Edit => self.edit(tenant, false).await,
            Step::Grant => self.grant(tenant).await,
            Step::Reload => self.edit(tenant, true).await,
            Step::Burst => self.burst(tenant).await,
            Step::RollBack => self.roll_back(tenant, LONG_SECONDS).await,
            Step::ShortRollBack => self.roll_back(tenant, 1).await,
            Step::Release => self.release(tenant).await,
            Step::SenselessRollBack => self.senseless_roll_back(tenant).await,
            Step::Keys => self.change_keys().await,
            Step::BrokenKeys => self.break_keys().await,
            Step::Certificate => self.change_certificate().await,
            Step::BrokenCertificate => self.break_certificate().await,
            Step::HangUp => self.hang_up().await,
            Step::Terminate => self.restart(true).await,
            Step::Kill => self.restart(false).await,
        }
    }

    async fn edit(&mut self, tenant: usize, reload: bool) {
        let edit = self.states[tenant].disk.edit(&mut self.random);
        self.change(tenant, &edit, reload).await;
    }

    async fn grant(&mut self, tenant: usize) {
        if self.states[tenant].disk.content().is_some() {
            let edit = self.states[tenant].disk.grant();
            self.change(tenant, &edit, false).await;
        }
    }

    /// Several changes of which nobody waits for any. Bundles are read one after the other, so
    /// that there may be sets of what was never on disk at the same time.
    async fn burst(&mut self, tenant: usize) {
        let count = 2 + self.random.below(BURST_MAX - 1);
        let mut seen: Vec<Content> = vec![self.states[tenant].disk.good().clone()];
        for number in 0..=count {
            let disk = &mut self.states[tenant].disk;
            let edit = match number < count {
                true => disk.edit(&mut self.random),
                // Else nobody knows which of them was the last good one that was read.
                false => match disk.mended(&mut self.random) {
                    Some(edit) => edit,
                    None => break,
                },
            };
            seen.push(self.states[tenant].disk.good().clone());
            if !self.states[tenant].is_pinned {
                for content in mixtures(&seen) {
                    self.model.tenants[tenant]
                        .sets
                        .open(&self.clock, Some(content));
                }
            }
            self.note(format!("at once {}", edit.what));
            edit.make(self.scene.dir.path());
        }
        let status = self.reload(tenant).await;
        // Each may have been seen, and a reload refuses anew.
        self.states[tenant].expected.refused.1 += count + 1;
        self.settle(tenant, &status).await;
    }

    fn digests_to_roll_back_to(&self, tenant: usize, status: &GetStatusResponse) -> Vec<String> {
        let held = status.held.iter().map(|held| held.digest.clone());
        held.filter(|digest| self.model.tenants[tenant].named(digest).is_some())
            .collect()
    }

    async fn roll_back(&mut self, tenant: usize, hold_seconds: u32) {
        let status = self.status(tenant).await;
        let known = self.digests_to_roll_back_to(tenant, &status);
        if !known.is_empty() {
            let digest = known[self.random.below(known.len())].clone();
            self.pin(tenant, digest, hold_seconds).await;
        }
    }

    /// Ends a rollback by one to the newest set, for a moment.
    async fn release(&mut self, tenant: usize) {
        let Some(tenant) = [tenant, 1 - tenant]
            .into_iter()
            .find(|it| self.states[*it].is_pinned)
        else {
            return;
        };
        let newest = self.status(tenant).await.held[0].digest.clone();
        self.pin(tenant, newest, 1).await;
    }

    async fn pin(&mut self, tenant: usize, digest: String, hold_seconds: u32) {
        self.note(format!(
            "{}: roll back to {digest} for {hold_seconds} s",
            TENANTS[tenant]
        ));
        let content = self.model.tenants[tenant].named(&digest).unwrap().clone();
        let newest = self.states[tenant].newest.clone();
        let is_short = hold_seconds == 1;
        let sets = &mut self.model.tenants[tenant].sets;
        sets.open(&self.clock, Some(content.clone()));
        if is_short {
            sets.open(&self.clock, newest.clone());
        }
        let request = RollbackRequest {
            digest: digest.clone(),
            reason: "a day".to_owned(),
            hold_seconds,
        };
        let mut policies = self.policies(tenant).await;
        let rolled_back = policies.rollback(request).await.unwrap().into_inner();
        let mut status = rolled_back.status.unwrap();
        if is_short {
            status = until("the end of the rollback", async || {
                let status = policies.get_status(GetStatusRequest {}).await;
                Some(status.unwrap().into_inner()).filter(|status| status.pin.is_none())
            })
            .await;
        }
        let state = &mut self.states[tenant];
        state.expected.rolled_back.push(digest);
        state.is_pinned = !is_short;
        state.active = if is_short { newest } else { Some(content) };
        self.settle(tenant, &status).await;
    }

    /// Neither a set that nobody has nor the other tenant's.
    async fn senseless_roll_back(&mut self, tenant: usize) {
        let before = self.status(tenant).await;
        let other = self.status(1 - tenant).await;
        let mut digests = vec![format!("sha256:{:064}", 0)];
        digests.extend(other.held.first().map(|held| held.digest.clone()));
        self.note(format!("{}: roll back to what it has not", TENANTS[tenant]));
        for digest in digests {
            let (reason, hold_seconds) = ("a day".to_owned(), 60);
            let request = RollbackRequest {
                digest,
                reason,
                hold_seconds,
            };
            let refused = self
                .policies(tenant)
                .await
                .rollback(request)
                .await
                .unwrap_err();
            assert_eq!(refused.code(), Code::NotFound, "{refused}");
        }
        let after = self.status(tenant).await;
        assert_eq!(version(&before), version(&after));
        self.settle(tenant, &after).await;
    }

    fn write_keys(&self) {
        // Written beside, since what writes it does not do so in one step.
        let aside = self.scene.dir.path().join("aside");
        std::fs::create_dir_all(&aside).unwrap();
        [tokens::write_key_set, tokens::write_next_key_set][self.key](&aside);
        let bytes = std::fs::read(aside.join("keys.json")).unwrap();
        replace(self.scene.dir.path(), Path::new("keys.json"), &bytes);
    }

    async fn change_keys(&mut self) {
        self.key = 1 - self.key;
        self.note(format!("key {}", self.key));
        self.model.keys.open(&self.clock, self.key);
        self.write_keys();
        let mut client = Decisions::new(self.channel("gateway").await);
        let (life, key) = (self.scene.place.life, Some(self.key));
        let (clock, heard) = (&self.clock, &mut self.heard.verdicts);
        until("the new key", async || {
            let asked = Asked::now(life, 0, 0, key, clock);
            let reply = client.decide(asked.request()).await.unwrap().into_inner();
            let verdict = asked.verdict(reply, clock);
            let is_good = !verdict.is_nobodys();
            heard.push(verdict);
            is_good.then_some(())
        })
        .await;
        self.model.keys.settle(&self.clock, self.key);
    }

    /// How many times a kind of file was refused in this life.
    async fn refusals(&self, what: &str) -> u64 {
        let metrics = get(self.scene.place.http, "/metrics").await.unwrap();
        let name = format!("toolgate_file_refusals_total{{what=\"{what}\"}} ");
        let mut lines = metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(&name));
        value.map_or(0, |value| value.parse().unwrap())
    }

    async fn refused_again(&self, what: &str, before: u64) {
        until("a refusal", async || {
            (self.refusals(what).await > before).then_some(())
        })
        .await;
    }

    async fn break_keys(&mut self) {
        self.note("broken keys".to_owned());
        let before = self.refusals("jwks").await;
        // Other bytes each time: what is the same at two looks has not changed.
        let broken = format!("{{\"keys\": [{}", self.done.len());
        let path = Path::new("keys.json");
        replace(self.scene.dir.path(), path, broken.as_bytes());
        self.refused_again("jwks", before).await;
        self.write_keys();
    }

    async fn change_certificate(&mut self) {
        self.note("a certificate".to_owned());
        let (dir, place) = (self.scene.dir.path(), self.scene.place);
        let before = on_disk(dir);
        assert_eq!(shown(place.tcp).await, before);
        pki::write_server_files(dir);
        let after = on_disk(dir);
        until("the new certificate", async || {
            let shown = shown(place.tcp).await;
            assert!(shown == before || shown == after);
            (shown == after).then_some(())
        })
        .await;
    }

    async fn break_certificate(&mut self) {
        self.note("a certificate without its key".to_owned());
        let (dir, place) = (self.scene.dir.path(), self.scene.place);
        let files = ["server.pem", "server.key"].map(|name| dir.join(name));
        let [certificate, key] = files.each_ref().map(|path| std::fs::read(path).unwrap());
        let before = (on_disk(dir), self.refusals("tls").await);
        pki::write_server_files(dir);
        std::fs::write(&files[1], &key).unwrap();
        self.refused_again("tls", before.1).await;
        std::fs::write(&files[0], certificate).unwrap();
        until("the old certificate", async || {
            (shown(place.tcp).await == before.0).then_some(())
        })
        .await;
    }

    /// A configuration is read again for the log's level alone, and is not if it is broken.
    async fn hang_up(&mut self) {
        self.note("SIGHUP".to_owned());
        let level = ["info", "debug"][self.random.below(2)];
        let broken = config("loud");
        for (text, says) in [
            (broken, "the log level stays"),
            (config(level), "log level set anew"),
        ] {
            let times = |said: String| said.matches(says).count();
            let before = times(self.scene.said());
            replace(
                self.scene.dir.path(),
                Path::new("toolgate.toml"),
                text.as_bytes(),
            );
            self.scene.process.as_ref().unwrap().hang_up();
            until(says, async || {
                (times(self.scene.said()) > before).then_some(())
            })
            .await;
        }
    }

    /// Ends the process, gently or not, and starts another one on its files.
    async fn restart(&mut self, gently: bool) {
        self.note(format!("restart, gently: {gently}"));
        self.model.restarts.open(&self.clock, true);
        for tenant in 0..TENANTS.len() {
            let content = self.states[tenant].disk.content();
            self.model.tenants[tenant].sets.open(&self.clock, content);
        }
        let process = self.scene.process.take().unwrap();
        match gently {
            true => {
                process.terminate();
                assert!(process.ended().await.success());
            }
            false => process.kill(),
        }
        self.scene.go_on().await;
        self.places.send_replace(self.scene.place);
        self.model.restarts.settle(&self.clock, false);
        for tenant in 0..TENANTS.len() {
            self.begin_life(tenant).await;
        }
    }
}

/// Every mixture of parts of these.
fn mixtures(seen: &[Content]) -> Vec<Content> {
    let mut mixtures = Vec::new();
    for rules in seen {
        for data in seen {
            for extra in seen {
                for more in seen {
                    let mixture = Content {
                        rules: rules.rules,
                        data: data.data,
                        writes: data.writes,
                        extra: extra.extra,
                        more: more.more,
                    };
                    if !mixtures.contains(&mixture) {
                        mixtures.push(mixture);
                    }
                }
            }
        }
    }
    mixtures
}
