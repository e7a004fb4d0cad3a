//! Shims that are killed under load.

use super::scene::{Pdp, Place, Random, check, without_outcome};
use crate::server::block_on;
use std::collections::BTreeSet;
use toolgate::audit::verify::verify;

/// How often, where `TOOLGATE_SHIM_CRASHES` does not say.
const CRASHES: u64 = 10;
/// Calls that are under way when a shim is killed.
const CALLS: u64 = 24;

#[test]
fn killed_shims_lose_nothing_that_they_acknowledged() {
    let crashes = std::env::var("TOOLGATE_SHIM_CRASHES");
    let crashes = crashes.map_or(CRASHES, |crashes| crashes.parse().unwrap());
    let seed = std::env::var("TOOLGATE_SHIM_CRASH_SEED");
    let mut random = Random(seed.map_or(7, |seed| seed.parse().unwrap()));
    block_on(async {
        let mut pdp = Pdp::start("pdp/a").await;
        let place = Place::new();
        let mut answered = BTreeSet::new();
        for crash in 0..crashes {
            let mut shim = place.shim(&[&pdp.socket()], 20_000).await;
            let first = 1 + crash * CALLS;
            for id in first..first + CALLS {
                shim.send_call(id, "read").await;
            }
            // A moment of its own choosing: after so many answers.
            for id in first..first + random.below(CALLS) {
                shim.answer(id).await;
                answered.insert(id);
            }
            shim.kill().await;
        }
        place.shim(&[&pdp.socket()], 20_000).await.end().await;
        place.drained().await;
        pdp.stop().await;
        verify(&pdp.log()).unwrap();
        let logs = [pdp.records()];
        // What the client was told, and what reached the server without its knowledge.
        let calls = &answered | &place.called();
        let lost = without_outcome(&logs, &calls).len();
        println!("{crashes} crashes, {lost} lost");
        check(&logs, &calls);
        assert!(!answered.is_empty() && answered.len() < calls.len());
    });
}
