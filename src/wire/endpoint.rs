//! Where a PDP is, and what went wrong on the way to it.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;
use tonic::Status;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// What the address of a PDP may begin with.
const SCHEMES: [&str; 3] = ["unix:", "http://", "https://"];
/// What is said of a connection whose other end does not speak HTTP/2, as one with TLS does not.
const BROKEN: [&str; 3] = ["broken pipe", "Connection reset", "h2 protocol error"];
/// Errors behind one another that are looked at.
const CAUSES_MAX: usize = 16;

/// How a PDP proves what it is, and this client to it.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM of the authorities that the PDP's certificate must come from; needed for `https`.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM of this client's certificate chain and its key.
    pub identity_pem: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why there can be no connection to a PDP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address is of no known form.
    #[error(
        "`{0}` is not an address of a PDP: write unix:/path, http://host:port or https://host:port"
    )]
    Url(String),
    /// `https` without an authority.
    #[error("`{0}` needs `--ca FILE`: the authorities that its certificate comes from")]
    NoAuthority(String),
    /// Certificates or a key that cannot be used.
    #[error("TLS to `{url}`: {problem}")]
    Tls {
        /// The address.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

/// The PDP at `unix:/path`, `http://host:port` or `https://host:port`; a path that is relative is of
/// the working directory. Nothing is sent yet.
///
/// # Errors
/// The address or the certificates cannot be used.
pub fn endpoint(url: &str, tls: &Tls) -> Result<Endpoint, EndpointError> {
    let no_address = || EndpointError::Url(url.to_owned());
    if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(no_address());
    }
    let absolute = match url.strip_prefix("unix:") {
        Some(path) => format!("unix:{}", absolute(path).ok_or_else(no_address)?),
        None => url.to_owned(),
    };
    let endpoint = Endpoint::from_shared(absolute).map_err(|_| no_address())?;
    if !url.starts_with("https://") {
        return Ok(endpoint);
    }
    let ca = tls.ca_pem.as_ref();
    let ca = ca.ok_or_else(|| EndpointError::NoAuthority(url.to_owned()))?;
    let config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    let config = match &tls.identity_pem {
        Some((chain, key)) => config.identity(Identity::from_pem(chain, key)),
        None => config,
    };
    endpoint
        .tls_config(config)
        .map_err(|error| EndpointError::Tls {
            url: url.to_owned(),
            problem: advice(&innermost(&error)),
        })
}

/// A socket's path as the transport takes it.
fn absolute(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let absolute = std::path::absolute(path).ok()?;
    absolute.into_os_string().into_string().ok()
}

/// Why the PDP at `url` could not be reached, and what to do: the status itself only says that
/// there was a transport error.
#[must_use]
pub fn unreachable(url: &str, status: &Status) -> String {
    let cause = status
        .source()
        .map_or_else(|| status.message().to_owned(), innermost);
    let says = |words: &&str| cause.contains(words) || status.message().contains(words);
    if url.starts_with("http://") && BROKEN.iter().any(says) {
        return format!(
            "cannot reach `{url}`: {cause}: if it speaks TLS, write `https://` and `--ca FILE`"
        );
    }
    format!("cannot reach `{url}`: {}", advice(&cause))
}

/// The error behind all others.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    for _ in 0..CAUSES_MAX {
        // What an `io::Error` carries is not its source, but itself.
        let carried = at.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let next = carried.map(|carried| carried as &(dyn Error + 'static));
        match next.or_else(|| at.source()) {
            Some(next) => at = next,
            None => break,
        }
    }
    at.to_string()
}

/// Words of a cause, and what to say of it.
const ADVICE: [(&str, &str); 11] = [
    (
        "Connection refused",
        "connection refused: is `toolgate serve` listening there?",
    ),
    (
        "No such file or directory",
        "there is no such socket: is `toolgate serve` listening there?",
    ),
    (
        "Permission denied",
        "permission denied: may this user open the socket?",
    ),
    (
        "UnknownIssuer",
        "its certificate is from an unknown authority: give the PEM of the authority that issued it with `--ca`",
    ),
    (
        "BadSignature",
        "its certificate is not signed by the authority of that name in `--ca`: give the PEM of the one that issued it",
    ),
    (
        "not valid for name",
        "its certificate is for another name: use a host name that the certificate has",
    ),
    ("Expired", "its certificate has expired: renew it"),
    (
        "CertificateRequired",
        "it asks for a client certificate: give one with `--cert` and `--key`",
    ),
    (
        "InvalidContentType",
        "it does not speak TLS: write `http://`, or configure `tls` in its configuration",
    ),
    (
        "KeyMismatch",
        "the key in `--key` is not the key of the certificate in `--cert`",
    ),
    (
        "UnknownCA",
        "it does not know the authority of this client's certificate: give another `--cert`, or name the authority in its configuration",
    ),
];

fn advice(cause: &str) -> String {
    let known = ADVICE.iter().find(|(words, _)| cause.contains(words));
    known.map_or_else(|| cause.to_owned(), |(_, advice)| (*advice).to_owned())
}
