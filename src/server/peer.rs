//! What the transport proved of the caller.

use crate::identity::Peer;
use crate::model::subject::Token;
use tonic::Request;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo, UdsConnectInfo};

/// The peer of a request: its client certificate, else its bearer token, else its uid.
pub(super) fn peer<T>(request: &Request<T>) -> Peer {
    let extensions = request.extensions();
    if let Some(tls) = extensions.get::<TlsConnectInfo<TcpConnectInfo>>() {
        let certificates = tls.peer_certs();
        let first = certificates
            .as_ref()
            .and_then(|certificates| certificates.first());
        if let Some(certificate) = first {
            return Peer::from_certificate(certificate).unwrap_or_else(|error| {
                tracing::warn!(%error, "a client certificate names nobody");
                Peer::Anonymous
            });
        }
    }
    if let Some(token) = bearer(request) {
        return Peer::Token(token);
    }
    let uds = extensions.get::<UdsConnectInfo>();
    match uds.and_then(|uds| uds.peer_cred) {
        Some(credentials) => Peer::UnixUid(credentials.uid()),
        None => Peer::Anonymous,
    }
}

fn bearer<T>(request: &Request<T>) -> Option<Token> {
    let value = request.metadata().get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Token::new(token.trim()))
}
