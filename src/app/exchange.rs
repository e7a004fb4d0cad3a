//! One HTTP request to a server that the configuration names: bounded in size, no redirects, and TLS
//! but on loopback. Whoever sends one says how long it may take.

use crate::identity::KeyUrl;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Largest PEM file of authorities, in bytes.
const PEM_BYTES_MAX: u64 = 4 << 20;

/// Why there is no answer. Names the server's host and never the whole address.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the authorities of `{}`: {error}", .path.display())]
    CaFile { path: PathBuf, error: String },
    #[error("the system has no authorities of certificates: name a file of them")]
    NoAuthorities,
    #[error("the server's name is none that a certificate has: {0}")]
    Name(#[from] InvalidDnsNameError),
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("cannot connect to `{host}`: {error}")]
    Connect { host: String, error: io::Error },
    #[error("its `http` address is not on loopback")]
    NotLoopback,
    #[error("its answer is broken: {0}")]
    Broken(#[from] hyper::Error),
    #[error("its address is none: {0}")]
    Request(#[from] http::Error),
    #[error("its answer, {0}, is too large")]
    TooLarge(StatusCode),
    #[error("the reading of authorities came to nothing: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Whether the authorities can be read, without asking anybody.
pub(super) fn check(ca_file: Option<&Path>) -> Result<(), HttpError> {
    tls(ca_file).map(drop)
}

/// Sends a request, with `Host` and `User-Agent`, over a connection of its own. The authorities of
/// certificates are read each time, so that new ones need no restart.
pub(super) async fn send(
    url: &KeyUrl,
    ca_file: Option<&Path>,
    mut request: Request<String>,
    body_bytes_max: usize,
) -> Result<(StatusCode, Vec<u8>), HttpError> {
    let host = header::HeaderValue::from_str(&url.authority);
    let host = host.map_err(http::Error::from)?;
    let agent = concat!("toolgate/", env!("CARGO_PKG_VERSION"));
    let agent = header::HeaderValue::from_static(agent);
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::USER_AGENT, agent);
    let failed = |error| HttpError::Connect {
        host: url.host.clone(),
        error,
    };
    let socket = TcpStream::connect((url.host.as_str(), url.port));
    let socket = socket.await.map_err(failed)?;
    if !url.is_tls {
        let address = socket.peer_addr().map_err(failed)?;
        return match address.ip().is_loopback() {
            true => ask(socket, request, body_bytes_max).await,
            false => Err(HttpError::NotLoopback),
        };
    }
    let ca_file = ca_file.map(Path::to_owned);
    let config = tokio::task::spawn_blocking(move || tls(ca_file.as_deref())).await??;
    let name = ServerName::try_from(url.host.clone())?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, socket);
    ask(stream.await.map_err(failed)?, request, body_bytes_max).await
}

/// The authorities of this file, or of the system.
pub(super) fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, HttpError> {
    match ca_file {
        Some(path) => of_file(path),
        None => of_system(),
    }
}

fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, HttpError> {
    let roots = roots(ca_file)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let mut config = builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

fn of_file(path: &Path) -> Result<RootCertStore, HttpError> {
    let failed = |error: &dyn std::fmt::Display| HttpError::CaFile {
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

fn of_system() -> Result<RootCertStore, HttpError> {
    let mut roots = RootCertStore::empty();
    // What of the system's store cannot be read or used is not trusted, and the rest is.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(HttpError::NoAuthorities),
        false => Ok(roots),
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<String>,
    body_bytes_max: usize,
) -> Result<(StatusCode, Vec<u8>), HttpError> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
    // Ends with this function, however that ends.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await?;
    read(response, body_bytes_max).await
}

async fn read(
    response: Response<Incoming>,
    bytes_max: usize,
) -> Result<(StatusCode, Vec<u8>), HttpError> {
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let data: Bytes = frame?.into_data().unwrap_or_default();
        if bytes.len() + data.len() > bytes_max {
            return Err(HttpError::TooLarge(status));
        }
        bytes.extend_from_slice(&data);
    }
    Ok((status, bytes))
}
