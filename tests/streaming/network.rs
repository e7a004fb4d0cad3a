//! A network that cuts, delays, stalls, splits and drops connections.

use super::proxy::Proxy;
use super::scene::{Pdp, Place, check};
use crate::server::block_on;
use toolgate::audit::verify::verify;

/// Each is a network of its own; `TOOLGATE_NETWORK_SEEDS` says how many there are more.
const SEEDS: u64 = 3;
/// Between two of them everything is checked.
const ROUNDS: u64 = 4;
const CALLS: u64 = 12;

#[test]
fn whatever_the_network_does_nothing_is_lost_and_nothing_twice() {
    let more = std::env::var("TOOLGATE_NETWORK_SEEDS");
    let more: u64 = more.map_or(0, |more| more.parse().unwrap());
    block_on(async {
        for seed in 0..SEEDS + more {
            disturbed(seed).await;
        }
    });
}

async fn disturbed(seed: u64) {
    let mut pdp = Pdp::start("pdp/a").await;
    let place = Place::new();
    let proxy = Proxy::start(place.path("proxy.sock"), pdp.socket(), seed);
    let mut shim = place.shim(&[&proxy.path], 1_000).await;
    let mut passed = 0;
    for round in 0..ROUNDS {
        proxy.disturb();
        for call in 0..CALLS {
            // Denied where the PDP cannot be asked.
            passed += usize::from(shim.call(1 + round * CALLS + call).await);
        }
        proxy.heal();
        place.drained().await;
        verify(&pdp.log()).unwrap();
        check(&[pdp.records()], &place.called());
    }
    assert!(
        proxy.connections() > ROUNDS as usize,
        "nothing was disturbed"
    );
    assert!(passed > 0, "nothing passed");
    shim.end().await;
    pdp.stop().await;
    verify(&pdp.log()).unwrap();
    check(&[pdp.records()], &place.called());
}
