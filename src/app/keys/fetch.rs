//! One `GET` of a key set: bounded in size, no redirects, and TLS but on loopback.

use crate::identity::{JWKS_BYTES_MAX, KeyServer};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Largest PEM file of authorities, in bytes.
const PEM_BYTES_MAX: u64 = 4 << 20;

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
        true => tls(server.ca_file.as_deref()).map(drop),
        false => Ok(()),
    }
}

/// The document at the server's address. Its certificate authorities are read each time, so that
/// new ones need no restart.
pub(super) async fn fetch(server: &KeyServer) -> Result<Vec<u8>, FetchError> {
    let url = &server.url;
    let failed = |error| FetchError::Connect {
        host: url.host.clone(),
        error,
    };
    let socket = TcpStream::connect((url.host.as_str(), url.port));
    let socket = socket.await.map_err(failed)?;
    if !url.is_tls {
        let address = socket.peer_addr().map_err(failed)?;
        return match address.ip().is_loopback() {
            true => get(socket, server).await,
            false => Err(FetchError::NotLoopback),
        };
    }
    let ca_file = server.ca_file.clone();
    let config = tokio::task::spawn_blocking(move || tls(ca_file.as_deref())).await??;
    let name = ServerName::try_from(url.host.clone())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket);
    get(stream.await.map_err(failed)?, server).await
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, FetchError> {
    let roots = match ca_file {
        Some(path) => of_file(path)?,
        None => of_system()?,
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let mut config = builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

fn of_file(path: &Path) -> Result<RootCertStore, FetchError> {
    let failed = |error: &dyn std::fmt::Display| FetchError::CaFile {
        path: path.to_owned(),
        error: error.to_string(),
    };
    let bytes = crate::config::read_bounded(path, PEM_BYTES_MAX).map_err(|error| failed(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    match roots.is_empty() {
        true => Err(failed(&"it has no certificate of an authority")),
        false => Ok(roots),
    }
}

fn of_system() -> Result<RootCertStore, FetchError> {
    let mut roots = RootCertStore::empty();
    // What of the system's store cannot be read or used is not trusted, and the rest is.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(FetchError::NoAuthorities),
        false => Ok(roots),
    }
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    server: &KeyServer,
) -> Result<Vec<u8>, FetchError> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // Ends with this function, however that ends.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let request = Request::get(server.url.path.as_str())
        .header(header::HOST, server.url.authority.as_str())
        .header(header::ACCEPT, "application/json")
        .header(
            header::USER_AGENT,
            concat!("toolgate/", env!("CARGO_PKG_VERSION")),
        )
        .body(String::new())?;
    let response = sender.send_request(request).await?;
    match response.status() {
        StatusCode::OK => read(response).await,
        status if status.is_redirection() => Err(FetchError::Redirect(status)),
        status => Err(FetchError::Status(status)),
    }
}

async fn read(response: Response<Incoming>) -> Result<Vec<u8>, FetchError> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let data: Bytes = frame?.into_data().unwrap_or_default();
        if bytes.len() + data.len() > JWKS_BYTES_MAX {
            return Err(FetchError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}
