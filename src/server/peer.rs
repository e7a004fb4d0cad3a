//! What the transport proved of the caller.

use super::admission::Asker;
use super::connection::{Connection, PeerAddress};
use super::tenants::Tenant;
use crate::identity::Peer;
use crate::model::attempt::{ATTEMPT_NAMES_MAX, Claim, SeenPeer, said};
use crate::model::subject::Token;
use axum::http::HeaderMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tonic::Request;

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Remote {
    /// What the caller is known by.
    pub peer: Peer,
    /// The uid at the other end of a Unix socket, also where the peer is known by a token.
    pub uid: Option<u32>,
    /// The address at the other end, where there is one.
    pub address: Option<SocketAddr>,
    /// The tenant, where the connection tells it.
    pub tenant: Option<Arc<Tenant>>,
}

impl From<Peer> for Remote {
    fn from(peer: Peer) -> Self {
        let uid = match peer {
            Peer::UnixUid(uid) => Some(uid),
            Peer::Certificate { .. } | Peer::Token(_) | Peer::Anonymous => None,
        };
        Self {
            peer,
            uid,
            address: None,
            tenant: None,
        }
    }
}

impl Remote {
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
pub(super) fn peer<T>(request: &Request<T>) -> Remote {
    match request.extensions().get::<Asker>() {
        Some(asker) => {
            let connection = &asker.connection;
            let uid = match connection.address {
                PeerAddress::Uid(uid) => Some(uid),
                PeerAddress::Ip(_) | PeerAddress::Process => None,
            };
            Remote {
                peer: of_connection(connection, request.metadata().as_ref()),
                uid,
                address: connection.remote,
                tenant: asker.tenant.clone(),
            }
        }
        None => Peer::Anonymous.into(),
    }
}

/// What the caller is known by: its client certificate, else its bearer token, else its uid; the same of a request on this connection.
pub(super) fn of_connection(connection: &Connection, headers: &HeaderMap) -> Peer {
    let token = bearer(headers).filter(|_| !connection.has_certificate);
    token.map_or_else(|| connection.proven.clone(), Peer::Token)
}

fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Token::new(token.trim()))
}
