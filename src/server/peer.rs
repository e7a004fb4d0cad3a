//! What the transport proved of the caller.

use super::admission::Asker;
use super::connection::Connection;
use crate::identity::Peer;
use crate::model::subject::Token;
use axum::http::HeaderMap;
use tonic::Request;

/// The peer of a request: its client certificate, else its bearer token, else its uid.
pub(super) fn peer<T>(request: &Request<T>) -> Peer {
    match request.extensions().get::<Asker>() {
        Some(asker) => of_connection(&asker.connection, request.metadata().as_ref()),
        None => Peer::Anonymous,
    }
}

/// The same of a request on this connection.
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
