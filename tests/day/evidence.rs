//! What the logs hold, against what was answered and what was done.

use super::callers::Heard;
use super::driver::{Driver, Expected};
use super::model::Verdict;
use super::scene::TENANTS;
use crate::server::{of_type, records};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use toolgate::audit::verify::verify;
use toolgate::wire::v1::Effect;

/// Versions and digests of one process's sets.
type Life = BTreeMap<u64, String>;

/// What a log says.
struct Log {
    lives: Vec<Life>,
    decisions: BTreeMap<String, Value>,
    records: Vec<Value>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn named(record: &Value) -> (u64, String) {
    let policy = &record["policy"];
    (
        policy["version"].as_u64().unwrap_or(0),
        text(&policy["digest"]),
    )
}

impl Log {
    /// Reads a log that is closed. A set stands in it before what was decided by it.
    fn read(dir: &std::path::Path) -> Self {
        verify(dir).unwrap();
        let (mut lives, mut decisions) = (Vec::<Life>::new(), BTreeMap::new());
        let records = records(dir);
        for record in &records {
            let (version, digest) = named(record);
            match text(&record["type"]).as_str() {
                "policy_loaded" | "policy_rolled_back" => {
                    if version == 1 {
                        lives.push(Life::new());
                    }
                    let life = lives.last_mut().unwrap();
                    let last = life.keys().last().copied().unwrap_or(0);
                    assert_eq!(version, last + 1, "{record}");
                    assert_eq!(record["previous"]["version"].as_u64().unwrap_or(0), last);
                    life.insert(version, digest);
                }
                "decision" => {
                    let life = lives.last().filter(|_| version > 0);
                    assert_eq!(
                        life.map(|life| &life[&version]),
                        (version > 0).then_some(&digest)
                    );
                    let earlier = decisions.insert(text(&record["decision_id"]), record.clone());
                    assert_eq!(earlier, None);
                }
                _ => {}
            }
        }
        Self {
            lives,
            decisions,
            records,
        }
    }

    /// The changes are those that were made.
    fn check_changes(&self, tenant: &str, expected: &Expected) {
        let lives: Vec<_> = expected
            .lives
            .iter()
            .filter(|life| !life.is_empty())
            .collect();
        assert_eq!(
            self.lives.len(),
            lives.len(),
            "{tenant}: processes with a set"
        );
        for (life, expected) in self.lives.iter().zip(lives) {
            for (version, digest) in expected {
                assert_eq!(
                    life.get(version),
                    Some(digest),
                    "{tenant}: version {version}"
                );
            }
        }
        let rolled_back = of_type(&self.records, "policy_rolled_back");
        let rolled_back: Vec<_> = rolled_back.iter().map(|record| named(record).1).collect();
        assert_eq!(rolled_back, expected.rolled_back, "{tenant}");
        assert_eq!(
            of_type(&self.records, "policy_reload").len(),
            expected.reloads,
            "{tenant}"
        );
        let refused = of_type(&self.records, "policy_refused");
        let (least, most) = expected.refused;
        assert!(
            (least..=most).contains(&refused.len()),
            "{tenant}: {} of {least} to {most}",
            refused.len()
        );
        let in_force: BTreeSet<_> = self.lives.iter().flat_map(Life::values).collect();
        for refused in refused {
            assert!(!in_force.contains(&text(&refused["digest"])), "{refused}");
        }
    }

    fn holds(&self, verdict: &Verdict) -> bool {
        self.decisions.contains_key(&verdict.id)
    }

    /// What was answered stands in it as it was answered.
    fn check_verdict(&self, verdict: &Verdict) {
        let Some(record) = self.decisions.get(&verdict.id) else {
            panic!("no record of {verdict:?}");
        };
        let effect = match verdict.answer.0 {
            Effect::Allow => "allow",
            _ => "deny",
        };
        assert_eq!(record["effect"], effect, "{verdict:?}");
        let set = (verdict.version, verdict.digest.clone());
        assert_eq!(named(record), set, "{verdict:?}: {record}");
    }
}

/// Checks every log, once the process has ended. Gives how many records there are.
pub fn check(driver: &Driver, heard: &Heard) -> usize {
    let process = Log::read(&driver.scene.log(None));
    assert!(process.lives.is_empty());
    let logs = [0, 1].map(|tenant| Log::read(&driver.scene.log(Some(tenant))));
    for verdict in &heard.verdicts {
        // A tenant may have been told, and the key gone before anybody was recognised.
        let log = match verdict.is_nobodys() && process.holds(verdict) {
            true => &process,
            false => &logs[verdict.tenant],
        };
        log.check_verdict(verdict);
    }
    let all = || logs.iter().chain([&process]);
    let decisions: usize = all().map(|log| log.decisions.len()).sum();
    let unheard = decisions - heard.verdicts.len();
    assert!(
        unheard <= heard.lost.len(),
        "{unheard} of {} lost",
        heard.lost.len()
    );
    for (tenant, log) in logs.iter().enumerate() {
        let expected = &driver.states[tenant].expected;
        log.check_changes(TENANTS[tenant], expected);
        // Processes without a set have none in the log.
        let mut lives = log.lives.iter();
        let lives: Vec<_> = expected
            .lives
            .iter()
            .map(|life| (!life.is_empty()).then(|| lives.next().unwrap()))
            .collect();
        let told = heard.told.iter().filter(|told| told.1 == tenant);
        for (life, _, version, digest) in told {
            let life = lives[*life].expect("a set");
            assert_eq!(
                life.get(version),
                Some(digest),
                "{tenant}: told of {version}"
            );
        }
        let of_tenant = heard
            .verdicts
            .iter()
            .filter(|verdict| verdict.tenant == tenant);
        for verdict in of_tenant.filter(|verdict| verdict.version > 0 && !verdict.is_nobodys()) {
            let life = lives[verdict.life].expect("a set");
            assert_eq!(
                life.get(&verdict.version),
                Some(&verdict.digest),
                "{verdict:?}"
            );
        }
    }
    all().map(|log| log.records.len()).sum()
}

/// Versions only grow, as one caller hears of them, one after the other.
pub fn versions_grow(heard: &Heard) {
    let mut last: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let verdicts = heard.verdicts.iter();
    let verdicts = verdicts.filter(|verdict| !verdict.is_nobodys());
    let verdicts = verdicts.map(|verdict| (verdict.life, verdict.tenant, verdict.version));
    let told = heard.told.iter().map(|told| (told.0, told.1, told.2));
    for (life, tenant, version) in verdicts.chain(told) {
        let last = last.entry((life, tenant)).or_default();
        assert!(
            version >= *last,
            "{}: {version} after {last}",
            TENANTS[tenant]
        );
        *last = version;
    }
}
