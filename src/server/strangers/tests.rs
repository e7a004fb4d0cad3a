use super::*;
use std::net::Ipv4Addr;

const NOW: Timestamp = Timestamp::from_nanos(1_000_000_000);

fn ip(number: u32) -> PeerAddress {
    PeerAddress::of_ip(Ipv4Addr::from_bits(0x0a00_0000 + number).into())
}

#[test]
fn beyond_the_rate_calls_are_counted_by_peer() {
    let strangers = Strangers::new(NOW);
    let admitted = |address, calls: usize| {
        let asked = (0..calls).map(|_| strangers.admit(address, 1));
        asked.filter(Result::is_ok).count()
    };
    assert_eq!(admitted(ip(1), 100), STRANGER_RECORDS_PER_PEER_MAX);
    assert_eq!(
        admitted(PeerAddress::Uid(7), 40),
        STRANGER_RECORDS_PER_PEER_MAX
    );
    assert_eq!(admitted(ip(2), 5), 5);
    let later = NOW.plus(STRANGERS_INTERVAL);
    let refused = strangers.take(later).unwrap();
    let from = [("10.0.0.1", 68), ("uid 7", 8)].map(|(peer, calls)| RefusedPeer {
        peer: peer.to_owned(),
        calls,
    });
    assert_eq!(
        refused,
        CallsRefused {
            since: NOW,
            until: later,
            calls: 76,
            from: from.to_vec(),
            of_others: 0,
        }
    );
    // Counted anew, and nothing to say of an interval in which nobody was refused.
    assert_eq!(admitted(ip(1), 1), 1);
    assert_eq!(strangers.take(later), None);
}

#[test]
fn a_batch_counts_each_call() {
    let strangers = Strangers::new(NOW);
    assert_eq!(
        strangers.admit(ip(1), STRANGER_RECORDS_PER_PEER_MAX),
        Ok(())
    );
    assert_eq!(strangers.admit(ip(1), 500), Err(Overload::Strangers));
    assert_eq!(strangers.take(NOW).map(|it| it.calls), Some(500));
}

#[test]
fn many_peers_are_bounded_together() {
    let strangers = Strangers::new(NOW);
    let count = u32::try_from(STRANGER_PEERS_MAX).unwrap() + 100;
    let admitted = (0..count).filter(|number| strangers.admit(ip(*number), 1).is_ok());
    assert_eq!(admitted.count(), STRANGER_RECORDS_MAX);
    let refused = strangers.take(NOW).unwrap();
    assert_eq!(
        refused.from.len(),
        STRANGER_PEERS_MAX - STRANGER_RECORDS_MAX
    );
    assert_eq!(refused.of_others, 100);
    assert_eq!(
        refused.calls,
        u64::from(count) - STRANGER_RECORDS_MAX as u64
    );
}
