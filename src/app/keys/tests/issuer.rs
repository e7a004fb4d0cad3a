//! An issuer of tokens on loopback, as its key server answers and fails.

use super::{DEADLINE, POLL};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer as Authority, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What signs tokens.
pub(super) struct Signer {
    kid: String,
    key: EncodingKey,
    public: serde_json::Value,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let public = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        let mut public = serde_json::to_value(public).unwrap();
        public["kid"] = kid.into();
        Self {
            kid: kid.to_owned(),
            key,
            public,
        }
    }

    /// The same key under another name.
    pub(super) fn named(&self, kid: &str) -> Self {
        Self {
            kid: kid.to_owned(),
            key: self.key.clone(),
            public: self.public.clone(),
        }
    }

    pub(super) fn token(&self, issued_seconds: i64, expires_seconds: i64) -> String {
        let claims = json!({
            "iss": "i", "aud": "a", "sub": "agent",
            "iat": issued_seconds, "nbf": issued_seconds, "exp": expires_seconds,
        });
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::ES256)
        };
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

/// How the server answers.
#[derive(Clone)]
pub(super) enum Answer {
    Text(String),
    Status(u16),
    /// Never.
    Nothing,
    /// A part, and then no more.
    Half,
    /// One part after the other.
    Endless,
}

impl Answer {
    pub(super) fn keys(signers: &[&Signer]) -> Self {
        let keys: Vec<_> = signers.iter().map(|signer| &signer.public).collect();
        Self::Text(json!({ "keys": keys }).to_string())
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[derive(Clone)]
struct Shared {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

/// A running server.
pub(super) struct Issuer {
    address: SocketAddr,
    shared: Shared,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn answer(State(shared): State<Shared>) -> Response {
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let answer = shared.answer.lock().unwrap().clone();
    let part = || Ok::<_, Infallible>(" ".repeat(1 << 16));
    match answer {
        Answer::Text(text) => text.into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Nothing => pending().await,
        Answer::Half => {
            let first = tokio_stream::once(part());
            let body = tokio_stream::StreamExt::chain(first, tokio_stream::pending());
            Body::from_stream(body).into_response()
        }
        Answer::Endless => {
            let parts = tokio_stream::iter(std::iter::repeat_with(part));
            Body::from_stream(parts).into_response()
        }
    }
}

impl Issuer {
    pub(super) async fn start(answer: Answer) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), answer).await
    }

    pub(super) async fn start_at(address: SocketAddr, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        Self::serve(listener.local_addr().unwrap(), listener, answer)
    }

    pub(super) async fn start_tls(answer: Answer, config: &Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::clone(config));
        Self::serve(address, OverTls { listener, acceptor }, answer)
    }

    fn serve<L>(address: SocketAddr, listener: L, first: Answer) -> Self
    where
        L: Listener<Addr = SocketAddr>,
    {
        let shared = Shared {
            answer: Arc::new(Mutex::new(first)),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            shared,
            serving,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    pub(super) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }

    pub(super) async fn asked_more_than(&self, before: usize) {
        let asked = async {
            let mut again = tokio::time::interval(POLL);
            while self.asked() <= before {
                again.tick().await;
            }
        };
        timeout(DEADLINE, asked).await.unwrap();
    }

    /// Listens no more; gives the address, to start again at.
    pub(super) async fn stop(self) -> SocketAddr {
        self.serving.abort();
        drop(self.serving.await);
        self.address
    }
}

struct OverTls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for OverTls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (socket, address) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(socket).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The TLS of `localhost`, and files with its authority (`ca.pem`), another (`other.pem`) and none
/// (`empty.pem`).
pub(super) fn tls_files(dir: &Path) -> Arc<ServerConfig> {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        (pem, Authority::new(params, key))
    };
    let (pem, issuer) = authority();
    std::fs::write(dir.join("ca.pem"), pem).unwrap();
    std::fs::write(dir.join("other.pem"), authority().0).unwrap();
    std::fs::write(dir.join("empty.pem"), "").unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    Arc::new(config)
}
