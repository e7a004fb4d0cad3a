//! The way to the server: one request each, no redirects, and nothing of the client's headers but
//! what the protocol needs. The client's token is never among them.

use crate::model::subject::Token;
use crate::shim::http::UpstreamToken;
use crate::shim::message::MESSAGE_BYTES_MAX;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;

/// How long connecting to the server may take, in milliseconds.
pub const CONNECT_MS: u64 = 5_000;
/// Connections to the server that are kept while nothing uses them.
const IDLE_CONNECTIONS_MAX: usize = 64;
/// How long they are kept, in milliseconds.
const IDLE_MS: u64 = 30_000;

/// `Mcp-Session-Id`
pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// `MCP-Protocol-Version`
pub const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// `Last-Event-ID`
pub const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// What a JSON message comes as.
pub const JSON: &str = "application/json";
/// What a stream of events comes as.
pub const EVENTS: &str = "text/event-stream";

/// Why the server cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Its address cannot be used.
    #[error("`{url}`: {what}")]
    Url {
        /// The address.
        url: String,
        /// What is wrong.
        what: &'static str,
    },
    /// The certificates of authorities cannot be used.
    #[error("the authorities of the server's certificate: {0}")]
    Authorities(String),
    /// The system has none.
    #[error(
        "the system has no authorities of certificates: give a file of them with `--upstream-ca`"
    )]
    NoAuthorities,
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A server, and the shim's own credential there.
pub struct UpstreamServer {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    token: Option<UpstreamToken>,
}

/// What goes with a request beside its message.
#[derive(Clone, Debug, Default)]
pub struct Accompanying {
    /// The session.
    pub session: Option<HeaderValue>,
    /// The protocol's revision.
    pub protocol: Option<HeaderValue>,
    /// The place in the stream to go on from.
    pub last_event: Option<HeaderValue>,
    /// What repeats parts of the message.
    pub mirrored: Vec<(HeaderName, HeaderValue)>,
}

/// Why a request came to nothing. Names no part of the address.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The request could not be put together.
    #[error("the request cannot be written: {0}")]
    Http(#[from] http::Error),
    /// The server cannot be reached, or broke off.
    #[error("the server cannot be reached: {0}")]
    Unreached(#[from] hyper_util::client::legacy::Error),
}

impl UpstreamServer {
    /// A server at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address, the authorities or the credential cannot be used.
    pub fn new(
        url: &str,
        ca_pem: Option<&[u8]>,
        token: Option<UpstreamToken>,
    ) -> Result<Self, UpstreamError> {
        let wrong = |what| UpstreamError::Url {
            url: url.to_owned(),
            what,
        };
        let uri: Uri = url
            .parse()
            .map_err(|_| wrong("not an address, such as http://127.0.0.1:3000/mcp"))?;
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("credentials belong in `--upstream-token-file`"));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if token.is_none() || is_loopback(uri.host()) => {}
            Some("http") => {
                return Err(wrong(
                    "a credential is sent over `https` or to loopback alone",
                ));
            }
            _ => return Err(wrong("neither `http` nor `https`")),
        }
        Ok(Self {
            client: client(roots(ca_pem, uri.scheme_str())?)?,
            uri,
            token,
        })
    }

    /// The path under which the server is.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Sends one request; gives the head of the answer.
    ///
    /// # Errors
    /// There is none.
    pub async fn send(
        &self,
        method: Method,
        with: &Accompanying,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, RequestError> {
        let accept = match method {
            Method::GET => EVENTS,
            _ => "application/json, text/event-stream",
        };
        let has_body = method == Method::POST;
        let mut request = Request::builder().method(method).uri(self.uri.clone());
        if let Some(headers) = request.headers_mut() {
            self.write_headers(headers, with);
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            if has_body {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
            }
        }
        let request = request.body(Full::new(body.into()))?;
        Ok(self.client.request(request).await?)
    }

    fn write_headers(&self, headers: &mut HeaderMap, with: &Accompanying) {
        let agent = concat!("toolgate/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        for (name, value) in [
            (SESSION, &with.session),
            (PROTOCOL, &with.protocol),
            (LAST_EVENT, &with.last_event),
        ] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        for (name, value) in &with.mirrored {
            headers.insert(name.clone(), value.clone());
        }
        let bearer = self.token.as_ref().and_then(|token| bearer(&token.token()));
        if let Some(value) = bearer {
            headers.insert(AUTHORIZATION, value);
        }
    }
}

/// Marked as sensitive: it is never logged.
fn bearer(token: &Token) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.text()));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn is_loopback(host: Option<&str>) -> bool {
    let host = host.unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let ip: Option<std::net::IpAddr> = bare.parse().ok();
    host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())
}

fn roots(ca_pem: Option<&[u8]>, scheme: Option<&str>) -> Result<RootCertStore, UpstreamError> {
    let mut roots = RootCertStore::empty();
    match ca_pem {
        Some(pem) => {
            let broken =
                |error: &dyn std::fmt::Display| UpstreamError::Authorities(error.to_string());
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| broken(&error))?;
                roots.add(certificate).map_err(|error| broken(&error))?;
            }
            if roots.is_empty() {
                return Err(broken(&"the file has no certificate"));
            }
        }
        None if scheme == Some("https") => {
            // What of the system's store cannot be read or used is not trusted, and the rest is.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(UpstreamError::NoAuthorities);
            }
        }
        None => {}
    }
    Ok(roots)
}

fn client(
    roots: RootCertStore,
) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, UpstreamError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(Duration::from_millis(CONNECT_MS)));
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_millis(IDLE_MS))
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    Ok(builder.build(https))
}

/// What of a body could be read.
pub enum Whole {
    /// All of it.
    Read(Vec<u8>),
    /// It is longer than a message may be.
    TooLong,
    /// It broke off.
    Broken,
}

/// Reads a body, never more than a message may be.
pub async fn whole(mut body: Incoming) -> Whole {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Whole::Broken;
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len() + data.len() > MESSAGE_BYTES_MAX {
            return Whole::TooLong;
        }
        bytes.extend_from_slice(data);
    }
    Whole::Read(bytes)
}

/// The type of a body, lower case and without its parameters.
#[must_use]
pub fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let kind = value.unwrap_or_default().split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}
