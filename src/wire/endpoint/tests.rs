use super::*;
use std::path::Path;

#[test]
fn an_address_has_one_of_three_forms() {
    for (url, expected) in [
        ("unix:/run/toolgate.sock", None),
        ("unix:run/toolgate.sock", None),
        (
            "unix:",
            Some(
                "`unix:` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
            ),
        ),
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

#[test]
fn a_relative_socket_is_of_the_working_directory() {
    let expected = std::env::current_dir().unwrap().join("run/toolgate.sock");
    let absolute = absolute("run/toolgate.sock").unwrap();
    assert_eq!(Path::new(&absolute), expected);
}

#[test]
fn plain_text_to_a_port_with_tls_is_told_from_a_socket_that_breaks() {
    for (url, cause, expected) in [
        (
            "http://pdp:1",
            "stream closed because of a broken pipe",
            "stream closed because of a broken pipe: if it speaks TLS, write `https://` and `--ca FILE`",
        ),
        (
            "http://pdp:1",
            "h2 protocol error: http2 error",
            "h2 protocol error: http2 error: if it speaks TLS, write `https://` and `--ca FILE`",
        ),
        (
            "unix:/p",
            "stream closed because of a broken pipe",
            "stream closed because of a broken pipe",
        ),
    ] {
        let status = Status::from_error(Box::new(Outer(io::Error::other(cause))));
        let told = unreachable(url, &status);
        assert_eq!(told, format!("cannot reach `{url}`: {expected}"));
    }
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let names = || vec!["localhost".to_owned()];
    let one = rcgen::generate_simple_self_signed(names()).unwrap();
    let other = rcgen::generate_simple_self_signed(names()).unwrap();
    let tls = Tls {
        ca_pem: Some(one.cert.pem().into()),
        identity_pem: Some((
            one.cert.pem().into(),
            other.signing_key.serialize_pem().into(),
        )),
    };
    assert_eq!(
        endpoint("https://pdp:1", &tls).unwrap_err().to_string(),
        "TLS to `https://pdp:1`: the key in `--key` is not the key of the certificate in `--cert`"
    );
}
