use super::*;

fn ip(text: &str) -> PeerAddress {
    PeerAddress::of_ip(text.parse().unwrap())
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
