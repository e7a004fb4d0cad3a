//! What the transport proved of the caller.

use crate::identity::Peer;
use crate::model::attempt::{ATTEMPT_NAMES_MAX, Claim, SeenPeer, said};
use crate::model::subject::Token;
use std::net::SocketAddr;
use tonic::Request;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo, UdsConnectInfo};

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Connection {
    /// What the caller is known by.
    pub peer: Peer,
    /// The uid at the other end of a Unix socket, also where the peer is known by a token.
    pub uid: Option<u32>,
    /// The address at the other end, where there is one.
    pub address: Option<SocketAddr>,
}

impl From<Peer> for Connection {
    fn from(peer: Peer) -> Self {
        let uid = match peer {
            Peer::UnixUid(uid) => Some(uid),
            Peer::Certificate { .. } | Peer::Token(_) | Peer::Anonymous => None,
        };
        Self {
            peer,
            uid,
            address: None,
        }
    }
}

impl Connection {
    /// What is recorded of the other end where somebody is denied. A token is not.
    pub(super) fn seen(&self) -> SeenPeer {
        let mut seen = SeenPeer {
            uid: self.uid,
            address: self.address.map(|address| address.to_string()),
            ..SeenPeer::default()
        };
        if let Peer::Certificate {
            spiffe_ids,
            dns_names,
        } = &self.peer
        {
            seen.spiffe_id = spiffe_ids.first().and_then(|id| said(id));
            let names = dns_names.iter().take(ATTEMPT_NAMES_MAX);
            seen.dns_names = names.filter_map(|name| said(name)).collect();
        }
        seen
    }

    /// As `seen`, with whom the connection's token names.
    pub(super) fn seen_with(&self, token: Option<Claim>) -> SeenPeer {
        SeenPeer {
            token,
            ..self.seen()
        }
    }
}

/// The other end of a request.
pub(super) fn peer<T>(request: &Request<T>) -> Connection {
    let uds = request.extensions().get::<UdsConnectInfo>();
    let credentials = uds.and_then(|uds| uds.peer_cred);
    Connection {
        peer: known_by(request),
        uid: credentials.map(|credentials| credentials.uid()),
        address: request.remote_addr(),
    }
}

/// Its client certificate, else its bearer token, else its uid.
fn known_by<T>(request: &Request<T>) -> Peer {
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
