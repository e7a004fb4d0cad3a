use super::*;

/// Values of `Host`, of `Origin`, the authority of the target, and what comes of it.
type Case<'a> = (
    &'a [&'a str],
    &'a [&'a str],
    Option<&'a str>,
    Result<(), Foreign>,
);

#[test]
fn only_those_who_mean_this_proxy_are_answered() {
    let guard = Guard::new(
        "127.0.0.1:8931".parse().unwrap(),
        &["tools.example".to_owned()],
        &["https://ide.example".to_owned()],
    );
    let cases: [Case<'_>; 16] = [
        (&["127.0.0.1:8931"], &[], None, Ok(())),
        (&["localhost:8931"], &[], None, Ok(())),
        (&["LocalHost:8931"], &[], None, Ok(())),
        (&["tools.example"], &[], None, Ok(())),
        (&["Tools.Example"], &["https://IDE.example"], None, Ok(())),
        (&["localhost:8931"], &[], Some("localhost:8931"), Ok(())),
        (
            &["localhost:8931"],
            &[],
            Some("evil.example"),
            Err(Foreign::Host),
        ),
        (&[], &[], None, Err(Foreign::Host)),
        (&["localhost"], &[], None, Err(Foreign::Host)),
        (&["localhost:80"], &[], None, Err(Foreign::Host)),
        (&["evil.example:8931"], &[], None, Err(Foreign::Host)),
        (
            &["localhost:8931.evil.example"],
            &[],
            None,
            Err(Foreign::Host),
        ),
        (
            &["localhost:8931", "evil.example"],
            &[],
            None,
            Err(Foreign::Host),
        ),
        (
            &["localhost:8931"],
            &["https://evil.example"],
            None,
            Err(Foreign::Origin),
        ),
        (&["localhost:8931"], &["null"], None, Err(Foreign::Origin)),
        (
            &["localhost:8931"],
            &["https://ide.example", "http://x"],
            None,
            Err(Foreign::Origin),
        ),
    ];
    for (hosts, origins, target, expected) in cases {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        for origin in origins {
            headers.append(ORIGIN, origin.parse().unwrap());
        }
        let found = guard.check(&headers, target);
        assert_eq!(found, expected, "{hosts:?} {origins:?} {target:?}");
    }
}

#[test]
fn only_loopback_is_called_localhost() {
    let guard = Guard::new("192.0.2.1:80".parse().unwrap(), &[], &[]);
    let mut headers = HeaderMap::new();
    headers.insert(HOST, "localhost:80".parse().unwrap());
    assert_eq!(guard.check(&headers, None), Err(Foreign::Host));
    headers.insert(HOST, "192.0.2.1:80".parse().unwrap());
    assert_eq!(guard.check(&headers, None), Ok(()));
}
