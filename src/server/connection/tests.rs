use super::*;

fn ip(text: &str) -> PeerAddress {
    PeerAddress::of_ip(text.parse().unwrap())
}

#[test]
fn one_peer_cannot_take_every_connection() {
    let connections = Connections::new(3, 2);
    let flood = ip("10.0.0.1");
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

#[test]
fn an_address_is_as_much_as_one_site_has() {
    for (address, shown) in [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
    ] {
        assert_eq!(ip(address).to_string(), shown);
    }
    assert_eq!(PeerAddress::Uid(1000).to_string(), "uid 1000");
}
