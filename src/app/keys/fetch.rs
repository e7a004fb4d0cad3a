//! One `GET` of a key set: bounded in size, no redirects, and TLS but on loopback.

use crate::app::exchange::{self, HttpError};
use crate::identity::{JWKS_BYTES_MAX, KeyServer};
use hyper::{Request, StatusCode, header};
use rustls::pki_types::InvalidDnsNameError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a key set could not be fetched. Names the server's host and never the whole address.
#[derive(Debug, thiserror::Error)]
pub(in crate::app) enum FetchError {
    #[error("`jwt.jwks_ca_file` `{}`: {error}", .path.display())]
    CaFile { path: PathBuf, error: String },
    #[error(
        "the system has no authorities of certificates: name a file of them in `jwt.jwks_ca_file`"
    )]
    NoAuthorities,
    #[error("the key server's name is none that a certificate has: {0}")]
    Name(#[from] InvalidDnsNameError),
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("cannot connect to the key server `{host}`: {error}")]
    Connect { host: String, error: io::Error },
    #[error("the key server's `http` address is not on loopback")]
    NotLoopback,
    #[error("the key server's answer is broken: {0}")]
    Http(#[from] hyper::Error),
    #[error("the address of the key server is none: {0}")]
    Request(#[from] http::Error),
    #[error("the key server answered {0}, a redirect: configure the address that it leads to")]
    Redirect(StatusCode),
    #[error("the key server answered {0}")]
    Status(StatusCode),
    #[error("the key set is larger than {JWKS_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the key server did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the reading of authorities came to nothing: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Whether the authorities can be read, without asking anybody.
pub(in crate::app) fn check(server: &KeyServer) -> Result<(), FetchError> {
    match server.url.is_tls {
        true => Ok(exchange::check(server.ca_file.as_deref())?),
        false => Ok(()),
    }
}

/// The document at the server's address. Its certificate authorities are read each time, so that
/// new ones need no restart.
pub(super) async fn fetch(server: &KeyServer) -> Result<Vec<u8>, FetchError> {
    let request = Request::get(server.url.path.as_str())
        .header(header::ACCEPT, "application/json")
        .body(String::new())?;
    let ca_file = server.ca_file.as_deref();
    let answer = exchange::send(&server.url, ca_file, request, JWKS_BYTES_MAX).await;
    let (status, body) = match answer {
        // The larger one may be an error's page.
        Err(HttpError::TooLarge(status)) if status != StatusCode::OK => (status, Vec::new()),
        other => other?,
    };
    match status {
        StatusCode::OK => Ok(body),
        status if status.is_redirection() => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

impl From<HttpError> for FetchError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::CaFile { path, error } => Self::CaFile { path, error },
            HttpError::NoAuthorities => Self::NoAuthorities,
            HttpError::Name(error) => Self::Name(error),
            HttpError::Tls(error) => Self::Tls(error),
            HttpError::Connect { host, error } => Self::Connect { host, error },
            HttpError::NotLoopback => Self::NotLoopback,
            HttpError::Broken(error) => Self::Http(error),
            HttpError::Request(error) => Self::Request(error),
            HttpError::TooLarge(_) => Self::TooLarge,
            HttpError::Thread(error) => Self::Thread(error),
        }
    }
}
