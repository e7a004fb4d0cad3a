use super::*;

#[test]
fn an_address_has_one_of_three_forms() {
    for (url, expected) in [
        ("unix:/run/toolgate.sock", None),
        ("http://[::1]:8443", None),
        (
            "localhost:8443",
            Some(
                "`localhost:8443` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
            ),
        ),
        (
            "http://a b",
            Some(
                "`http://a b` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
            ),
        ),
        (
            "https://localhost:8443",
            Some(
                "`https://localhost:8443` needs `--ca FILE`: the authorities that its certificate comes from",
            ),
        ),
    ] {
        let error = endpoint(url, &Tls::default())
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected, "{url}");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("transport error")]
struct Outer(#[source] io::Error);

#[test]
fn a_transport_error_says_what_to_do() {
    let inner = |text: &str| io::Error::other(text.to_owned());
    for (cause, expected) in [
        (
            io::Error::from_raw_os_error(111),
            "connection refused: is `toolgate serve` listening there?",
        ),
        (
            io::Error::from_raw_os_error(2),
            "there is no such socket: is `toolgate serve` listening there?",
        ),
        (
            inner("invalid peer certificate: UnknownIssuer"),
            "its certificate is from an unknown authority: give the PEM of the authority that issued it with `--ca`",
        ),
        (
            inner(
                "invalid peer certificate: certificate not valid for name \"b\"; certificate is only valid for DnsName(\"a\")",
            ),
            "its certificate is for another name: use a host name that the certificate has",
        ),
        (
            inner("received corrupt message of type InvalidContentType"),
            "it does not speak TLS: write `http://`, or configure `tls` in its configuration",
        ),
        (inner("something new"), "something new"),
    ] {
        let shown = format!("{cause:?}");
        let status = Status::from_error(Box::new(Outer(cause)));
        let told = unreachable("https://pdp:1", &status);
        assert_eq!(
            told,
            format!("cannot reach `https://pdp:1`: {expected}"),
            "{shown}"
        );
    }
}
