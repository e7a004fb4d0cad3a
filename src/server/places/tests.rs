use super::*;

fn ip(text: &str) -> PeerAddress {
    PeerAddress::of_ip(text.parse().unwrap())
}

#[test]
fn one_peer_cannot_take_every_connection() {
    let connections = Connections::new(3, 2);
    let flood = PeerAddress::Uid(0);
    let held = [
        connections.admit(flood).unwrap(),
        connections.admit(flood).unwrap(),
    ];
    assert_eq!(
        connections.admit(flood).unwrap_err(),
        ConnectionRefused::Peer
    );
    let quiet = connections.admit(PeerAddress::Uid(1)).unwrap();
    assert_eq!(
        connections.admit(PeerAddress::Uid(2)).unwrap_err(),
        ConnectionRefused::Total
    );
    assert_eq!(connections.count(), 3);
    drop((held, quiet));
    assert_eq!(connections.count(), 0);
    assert!(connections.open().by_peer.is_empty());
    drop(connections.admit(flood).unwrap());
}

/// Whether a stranger was told to give way.
async fn was_told(permit: &ConnectionPermit) -> bool {
    let told = permit.standing.gives_way();
    tokio::time::timeout(Duration::ZERO, told).await.is_ok()
}

#[tokio::test]
async fn the_oldest_stranger_gives_way_and_who_is_known_stays() {
    let connections = Connections::new(8, 8);
    let peers = ["10.0.0.1", "10.0.0.2"].map(ip);
    let first = connections.admit(peers[0]).unwrap();
    first.standing.promote();
    let held = [peers[0], peers[1], peers[0]].map(|peer| connections.admit(peer).unwrap());
    assert!(!was_told(&first).await);
    assert!(was_told(&held[0]).await);
    assert!(!was_told(&held[1]).await && !was_told(&held[2]).await);
    // Too late: its place has gone to another.
    held[0].standing.promote();
    assert!(!held[0].standing.is_known());
    let last = connections.admit(peers[1]).unwrap();
    assert!(was_told(&held[1]).await);
    // None of them is gone yet.
    assert_eq!(
        connections.admit(peers[1]).unwrap_err(),
        ConnectionRefused::Stranger
    );
    let unix = connections.admit(PeerAddress::Uid(1)).unwrap();
    assert!(unix.standing.is_known());
    drop(held);
    let next = connections.admit(peers[1]).unwrap();
    assert_eq!(connections.open().of_strangers, 2);
    next.standing.promote();
    assert_eq!(connections.open().of_strangers, 1);
    drop((first, last, unix, next));
    let open = connections.open();
    assert_eq!((open.total, open.of_strangers), (0, 0));
    assert!(open.strangers.is_empty() && open.by_peer.is_empty());
}
