//! What the transport proved about the other end of a connection.

use crate::model::subject::Token;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The other end of a connection, as the transport knows it. Nothing here is the caller's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client certificate that TLS has verified against the configured authority.
    Certificate {
        /// SPIFFE ids: none, or exactly one.
        spiffe_ids: Vec<String>,
        /// DNS names, lower case, wildcards left out.
        dns_names: Vec<String>,
    },
    /// The uid of the process at the other end of a Unix socket.
    UnixUid(u32),
    /// A bearer token that came with the connection itself (metadata `authorization`), not yet
    /// verified.
    Token(Token),
    /// Nothing is known.
    Anonymous,
}

/// Longest SPIFFE id, in bytes (SPIFFE-ID, section 2.3).
const SPIFFE_ID_BYTES_MAX: usize = 2048;
/// Longest trust domain of a SPIFFE id, in bytes (SPIFFE-ID, section 2.1).
const TRUST_DOMAIN_BYTES_MAX: usize = 255;
/// What every SPIFFE id starts with.
pub(super) const SPIFFE_SCHEME: &str = "spiffe://";

/// Why a client certificate names nobody. TLS has verified it already; this is about its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 version 3 certificate.
    #[error("the client certificate cannot be read")]
    Unreadable,
    /// A SPIFFE certificate has exactly one URI name.
    #[error("the client certificate has a SPIFFE id and {uris} URI names; it must have one")]
    SeveralUris {
        /// How many URI names it has.
        uris: usize,
    },
    /// The URI name starts as a SPIFFE id and is none.
    #[error("the client certificate's SPIFFE id is malformed")]
    MalformedSpiffeId,
}

impl Peer {
    /// Reads the names in a client certificate (DER) that TLS has verified already.
    ///
    /// # Errors
    /// The certificate cannot be read, has a SPIFFE id beside another URI name, or a malformed one.
    pub fn from_certificate(der: &[u8]) -> Result<Self, CertificateError> {
        let der = CertificateDer::from(der);
        let certificate =
            EndEntityCert::try_from(&der).map_err(|_| CertificateError::Unreadable)?;
        let uris: Vec<&str> = certificate.valid_uri_names().collect();
        let claims_spiffe = uris.iter().any(|uri| has_spiffe_scheme(uri));
        if claims_spiffe && uris.len() != 1 {
            return Err(CertificateError::SeveralUris { uris: uris.len() });
        }
        if claims_spiffe && !uris.iter().all(|uri| is_workload_id(uri)) {
            return Err(CertificateError::MalformedSpiffeId);
        }
        let spiffe_ids = uris.into_iter().filter(|_| claims_spiffe);
        let dns_names = certificate
            .valid_dns_names()
            .filter(|name| !name.starts_with('*'));
        Ok(Self::Certificate {
            spiffe_ids: spiffe_ids.map(str::to_owned).collect(),
            dns_names: dns_names.map(str::to_ascii_lowercase).collect(),
        })
    }
}

/// Whether a URI means to be a SPIFFE id, in whatever case its scheme is written.
fn has_spiffe_scheme(uri: &str) -> bool {
    let scheme = uri.get(..SPIFFE_SCHEME.len()).unwrap_or_default();
    scheme.eq_ignore_ascii_case(SPIFFE_SCHEME)
}

/// Whether this is the SPIFFE id of a workload: a trust domain and a path of at least one segment.
fn is_workload_id(uri: &str) -> bool {
    let Some((domain, path)) = split_spiffe_id(uri) else {
        return false;
    };
    is_trust_domain(domain) && path.split('/').all(is_segment)
}

/// The trust domain and the path (without its first `/`) of a SPIFFE id that has both.
pub(super) fn split_spiffe_id(uri: &str) -> Option<(&str, &str)> {
    if uri.len() > SPIFFE_ID_BYTES_MAX {
        return None;
    }
    uri.strip_prefix(SPIFFE_SCHEME)?.split_once('/')
}

pub(super) fn is_trust_domain(domain: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    (1..=TRUST_DOMAIN_BYTES_MAX).contains(&domain.len()) && domain.bytes().all(allowed)
}

fn is_segment(segment: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed)
}

#[cfg(test)]
mod tests;
