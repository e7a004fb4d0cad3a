//! Several PDPs, each with a log of its own.

use super::scene::{Pdp, Place, check};
use crate::server::{block_on, of_type, until};
use serde_json::json;
use toolgate::audit::verify::verify;

#[test]
fn pairing_is_complete_over_the_logs_of_all_pdps() {
    block_on(async {
        let mut pdps = [Pdp::start("pdp/a").await, Pdp::start("pdp/b").await];
        let place = Place::new();
        let sockets = pdps.each_ref().map(Pdp::socket);
        let mut shim = place
            .shim(&sockets.each_ref().map(AsRef::as_ref), 20_000)
            .await;
        let mut id = 0;
        for round in 0..6 {
            for _ in 0..5 {
                id += 1;
                assert!(shim.call(id).await, "{id}");
            }
            // A call that is decided by the one, which is gone before the server answers.
            id += 1;
            shim.send_call(id, "slow").await;
            let called = async || place.called().contains(&id).then_some(());
            until("the call", called).await;
            pdps[round % 2].kill();
            std::fs::write(place.path("called.go"), "").unwrap();
            // The other one does not know the call: its result is withheld.
            let answer = shim.answer(id).await;
            let code = &answer["result"]["_meta"]["toolgate/decision"]["code"];
            assert_eq!(code, "call_unknown", "{answer}");
            std::fs::remove_file(place.path("called.go")).unwrap();
            id += 1;
            assert!(shim.call(id).await, "{id}");
            place.drained().await;
            pdps[round % 2].restart().await;
        }
        shim.end().await;
        place.drained().await;
        let mut logs = Vec::new();
        for pdp in &mut pdps {
            pdp.stop().await;
            verify(&pdp.log()).unwrap();
            logs.push(pdp.records());
        }
        assert_eq!(place.called().len(), 42);
        check(&logs, &place.called());
        // Those whose decision is in the other log are recorded as such.
        for (log, other) in [(&logs[0], "pdp/b"), (&logs[1], "pdp/a")] {
            let outcomes = of_type(log, "outcome");
            let foreign = |it: &&serde_json::Value| it["decision_origin"] == json!(other);
            let foreign: Vec<_> = outcomes.iter().filter(foreign).collect();
            assert!(!foreign.is_empty(), "{outcomes:?}");
            assert!(
                foreign
                    .iter()
                    .all(|it| it["decision_known"] == json!(false))
            );
            let streams = of_type(log, "outcome").into_iter();
            let epochs = streams.map(|it| it["shim"]["epoch"].as_u64().unwrap());
            let epochs: std::collections::BTreeSet<_> = epochs.collect();
            assert!(epochs.len() >= 3, "{epochs:?}");
        }
    });
}
