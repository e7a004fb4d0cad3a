//! Random records and filters, few of whose values differ, so that filters find some.

use super::*;
use crate::audit::record::samples::{decision, outcome};
use crate::audit::record::{Heartbeat, OutcomeStatus};
use crate::model::reason::{Origin, Reason};
use crate::model::verdict::Effect;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn name(&mut self, what: &str, bound: u64) -> String {
        format!("{what}-{}", self.below(bound))
    }

    fn sometimes(&mut self, what: &str, bound: u64) -> Option<String> {
        (self.below(4) > 0).then(|| self.name(what, bound))
    }
}

const EFFECTS: [Effect; 3] = [Effect::Allow, Effect::Deny, Effect::Constrain];

pub fn time(seed: u64) -> Timestamp {
    let day = 86_400_000_000_000;
    let ahead = Numbers(seed).below(30_000_000_000) * 100;
    Timestamp::from_nanos(1_795_190_400_000_000_000 + day * (seed as i64 / 100) + ahead as i64)
}

pub fn record(seed: u64) -> Record {
    let mut numbers = Numbers(seed.wrapping_mul(77));
    let decision_id = numbers.name("decision", 200);
    match numbers.below(10) {
        0 => Record::Heartbeat(Heartbeat::default()),
        1 | 2 => {
            let mut outcome = outcome();
            let status = numbers.below(6) as usize;
            outcome.decision_id = decision_id;
            outcome.status = OutcomeStatus::ALL[status];
            Record::Outcome(Box::new(outcome))
        }
        _ => {
            let mut record = decision();
            record.decision_id = decision_id;
            record.principal_id = numbers.sometimes("agent", 5).unwrap_or_default();
            record.user = numbers.sometimes("user", 5);
            record.agent = numbers.sometimes("a", 3);
            record.caller = numbers.sometimes("shim", 3);
            record.tool_server = numbers.name("server", 3);
            record.tool_name = numbers.sometimes("tool", 6).unwrap_or_default();
            record.effect = EFFECTS[numbers.below(3) as usize];
            record.session_id = numbers.name("session", 20);
            record.correlation_id = numbers.sometimes("corr", 50);
            let policy = record.policy.as_mut().unwrap();
            policy.revision = numbers.name("r", 3);
            policy.digest = numbers.name("sha256:d", 4);
            record.reasons = (0..numbers.below(3))
                .map(|_| Reason {
                    code: numbers.name("code", 5),
                    message: String::new(),
                    policy: String::new(),
                    origin: Origin::Policy,
                    retryable: false,
                })
                .collect();
            Record::Decision(Box::new(record))
        }
    }
}

/// So many filters of up to three conditions each.
pub fn filters(count: u64) -> impl Iterator<Item = Filter> {
    (0..count).map(|seed| {
        let mut numbers = Numbers(seed.wrapping_mul(1_000_003));
        let mut filter = Filter::default();
        for _ in 0..=numbers.below(3) {
            put(&mut filter, &mut numbers);
        }
        filter
    })
}

fn put(filter: &mut Filter, numbers: &mut Numbers) {
    match numbers.below(16) {
        0 => filter.principal = numbers.name("agent", 6),
        1 => filter.caller = numbers.name("shim", 4),
        2 => filter.user = numbers.name("user", 6),
        3 => filter.agent = numbers.name("a", 4),
        4 => filter.server = numbers.name("server", 4),
        5 => filter.tool = numbers.name("tool", 7),
        6 => filter.effect = EFFECTS[numbers.below(3) as usize].as_str().to_owned(),
        7 => filter.reason = numbers.name("code", 6),
        8 => filter.session_id = numbers.name("session", 22),
        9 => filter.correlation_id = numbers.name("corr", 52),
        10 => filter.revision = numbers.name("r", 4),
        11 => filter.revision = numbers.name("sha256:d", 5),
        12 => filter.decision_id = numbers.name("decision", 210),
        13 => {
            let status = numbers.below(6) as usize;
            filter.status = OutcomeStatus::ALL[status].as_str().to_owned();
        }
        14 => {
            let types = ["decision", "outcome", "heartbeat", "gap", "nothing"];
            let types = types.into_iter().filter(|_| numbers.below(2) == 0);
            filter.types = types.map(str::to_owned).collect();
        }
        _ => {
            let from = time(numbers.below(900));
            let span = std::time::Duration::from_secs(numbers.below(400_000));
            filter.from = Some(from);
            filter.until = (numbers.below(2) == 0).then(|| from.plus(span));
        }
    }
}
