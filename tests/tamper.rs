//! Every way to change a signed log is tried, at random and many times, and none goes unseen: by
//! hands that edit files, and by an able adversary who has everything but the key, and who makes
//! chain and tree anew over what was changed.
//!
//! `make tamper` does it 50,000 times to a log of 10,000 records; by itself it is a short form.

mod forged;
pub mod log;
mod mutation;
mod past;
mod random;
mod readers;

use log::{Made, made};
use mutation::{ABLE, KINDS, Mutated, mutate};
use random::Random;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records and mutations of the short form.
const RECORDS: u64 = 400;
const MUTATIONS: u64 = 1_500;

fn from_environment(name: &str, otherwise: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(otherwise, |text| text.parse().unwrap())
}

#[test]
fn no_change_of_a_signed_log_goes_unseen() {
    let mutations = from_environment("TOOLGATE_TAMPER_MUTATIONS", MUTATIONS);
    let seed = from_environment("TOOLGATE_TAMPER_SEED", 1);
    let made = made(from_environment("TOOLGATE_TAMPER_RECORDS", RECORDS));
    made.assert_good();
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= mutations {
                        break;
                    }
                    let tried = try_one(&made, seed, number);
                    tally.lock().unwrap().add(tried);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    for (what, count) in &tally.by_kind {
        println!("{count:8} {what}");
    }
    let undetected = tally.undetected.len();
    println!("{:8} of them by the able adversary", tally.able);
    println!("{mutations} mutations, {undetected} undetected");
    assert!(tally.undetected.is_empty(), "{:#?}", tally.undetected);
    assert!(
        tally.able * 2 >= mutations,
        "{} by the able adversary",
        tally.able
    );
    assert_eq!(
        tally.by_kind.len(),
        KINDS.len() + ABLE.len(),
        "each kind was tried"
    );
}

#[derive(Default)]
struct Tally {
    by_kind: BTreeMap<&'static str, u64>,
    able: u64,
    undetected: Vec<String>,
}

struct Tried {
    mutated: Mutated,
    number: u64,
    is_detected: bool,
}

impl Tally {
    fn add(&mut self, tried: Tried) {
        *self.by_kind.entry(tried.mutated.kind).or_default() += 1;
        self.able += u64::from(tried.mutated.is_able);
        if !tried.is_detected {
            let (number, mutated) = (tried.number, &tried.mutated);
            self.undetected
                .push(format!("{number}: {}: {}", mutated.kind, mutated.what));
        }
    }
}

fn try_one(made: &Made, seed: u64, number: u64) -> Tried {
    let mut random = Random::new(seed.wrapping_mul(1 << 32).wrapping_add(number));
    // Every other one by the able adversary.
    let mutated = mutate(made, number.is_multiple_of(2), &mut random);
    let found = made.check(&mutated.files, mutated.is_held);
    Tried {
        is_detected: found.is_err(),
        mutated,
        number,
    }
}
