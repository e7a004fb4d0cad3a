//! Binding, serving, draining.

use super::App;
use super::tls::server_tls;
use crate::config::{TcpListen, UnixListen};
use crate::server::{self, AuditServer, Decider, DecisionServer, PolicyServer};
use crate::wire;
use crate::wire::v1::audit_service_server::AuditServiceServer;
use crate::wire::v1::decision_service_server::DecisionServiceServer;
use crate::wire::v1::policy_service_server::PolicyServiceServer;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::transport::Server;
use tonic::transport::server::Router;

/// Room on the wire for everything but a request's largest parts, in bytes.
const MESSAGE_ROOM_BYTES: usize = 1 << 20;
/// How long a drain waits for calls under way.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// Requests under way on one connection.
const STREAMS_MAX: u32 = 256;
/// How long a request may take, its body included.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How often an idle connection is asked whether it lives.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file that TLS needs.
    #[error("`{}`: {error}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// A socket.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// Where.
        address: String,
        /// Why not.
        error: io::Error,
    },
    /// Another process has the socket.
    #[error("`{}` is in use by another process: stop it, or configure another path", .0.display())]
    SocketInUse(PathBuf),
    /// TLS, or the server.
    #[error("{0}")]
    Transport(#[from] tonic::transport::Error),
    /// The plain HTTP listener.
    #[error("plain HTTP: {0}")]
    Plain(#[from] io::Error),
    /// Reflection.
    #[error("{0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// An app whose sockets are open.
pub struct Bound {
    app: App,
    unix: Option<(UnixListen, UnixListener)>,
    tcp: Option<(TcpListen, TcpListener)>,
    http: Option<TcpListener>,
}

impl App {
    /// Opens the sockets that the configuration names.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub async fn bind(self) -> Result<Bound, ServeError> {
        let unix = match self.listen.unix.clone() {
            Some(listen) => {
                let socket = bind_unix(&listen).await?;
                Some((listen, socket))
            }
            None => None,
        };
        let tcp = match self.listen.tcp.clone() {
            Some(listen) => {
                let socket = bind_tcp(listen.address).await?;
                Some((listen, socket))
            }
            None => None,
        };
        let http = match self.listen.http {
            Some(address) => Some(bind_tcp(address).await?),
            None => None,
        };
        Ok(Bound {
            app: self,
            unix,
            tcp,
            http,
        })
    }
}

async fn bind_tcp(address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| ServeError::Bind {
        address: address.to_string(),
        error,
    })
}

/// Opens the socket; one that nobody answers on is left from a crash and replaced.
async fn bind_unix(listen: &UnixListen) -> Result<UnixListener, ServeError> {
    let path = listen.path.as_path();
    let failed = |error| ServeError::Bind {
        address: path.display().to_string(),
        error,
    };
    // The parent of a bare name is empty: the working directory, which exists.
    let is_missing = |parent: &&Path| !parent.as_os_str().is_empty() && !parent.exists();
    if let Some(parent) = path.parent().filter(is_missing) {
        std::fs::create_dir_all(parent).map_err(failed)?;
        std::fs::set_permissions(parent, PermissionsExt::from_mode(0o700)).map_err(failed)?;
    }
    if path.exists() {
        if UnixStream::connect(path).await.is_ok() {
            return Err(ServeError::SocketInUse(path.to_owned()));
        }
        let kind = std::fs::symlink_metadata(path).map_err(failed)?.file_type();
        if !std::os::unix::fs::FileTypeExt::is_socket(&kind) {
            return Err(failed(io::Error::other(
                "a file that is no socket is there",
            )));
        }
        std::fs::remove_file(path).map_err(failed)?;
    }
    let socket = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(listen.mode)).map_err(failed)?;
    Ok(socket)
}

impl Bound {
    /// Where TCP listens, with the port that was chosen.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp
            .as_ref()
            .and_then(|(_, socket)| socket.local_addr().ok())
    }

    /// Where the Unix socket is.
    #[must_use]
    pub fn unix_path(&self) -> Option<&Path> {
        self.unix.as_ref().map(|(listen, _)| listen.path.as_path())
    }

    /// Where `/metrics` is.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
            .as_ref()
            .and_then(|socket| socket.local_addr().ok())
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `shutdown`, then answers what is under way and closes the log.
    ///
    /// # Errors
    /// Where a server fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self {
            app,
            unix,
            tcp,
            http,
        } = self;
        let (stop, stopped) = watch::channel(false);
        let mut servers: JoinSet<Result<(), ServeError>> = JoinSet::new();
        let decider = app.decider();
        let socket_path = unix.as_ref().map(|(listen, _)| listen.path.clone());
        if let Some((_, socket)) = unix {
            let router = router(Server::builder(), &decider, &stopped)?;
            let incoming = UnixListenerStream::new(socket);
            let stopped = until(stopped.clone());
            servers.spawn(async move {
                Ok(router
                    .serve_with_incoming_shutdown(incoming, stopped)
                    .await?)
            });
        }
        if let Some((listen, socket)) = tcp {
            let mut builder = Server::builder();
            if let Some(files) = &listen.tls {
                builder = builder.tls_config(server_tls(files)?)?;
            }
            let router = router(builder, &decider, &stopped)?;
            let incoming = TcpListenerStream::new(socket);
            let stopped = until(stopped.clone());
            servers.spawn(async move {
                Ok(router
                    .serve_with_incoming_shutdown(incoming, stopped)
                    .await?)
            });
        }
        if let Some(socket) = http {
            let serving = server::plain_http(socket, Arc::clone(&decider), until(stopped));
            servers.spawn(async move { Ok(serving.await?) });
        }
        tokio::select! {
            () = shutdown => {}
            Some(failed) = servers.join_next() => {
                if let Ok(Err(error)) = failed {
                    return Err(error);
                }
            }
        }
        let _nobody_left = stop.send(true);
        let drained = async { while servers.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_MAX, drained).await.is_err() {
            tracing::warn!("calls were still under way at the end of the drain");
        }
        if let Some(path) = socket_path {
            drop(std::fs::remove_file(path));
        }
        app.close();
        Ok(())
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // The sender is dropped only at the end of the run: that is a stop too.
    let _stopped = stopped.wait_for(|stopped| *stopped).await;
}

/// All services: the same on every socket.
fn router(
    builder: Server,
    decider: &Arc<Decider>,
    stopped: &watch::Receiver<bool>,
) -> Result<Router, ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(server::watch_health(reporter, decider.policies.subscribe()));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // `params`, result and definition; what is over the limit of each is a recorded denial.
    let message_bytes_max = 3 * decider.limits.json.bytes_max + MESSAGE_ROOM_BYTES;
    let decisions =
        DecisionServiceServer::new(DecisionServer::new(Arc::clone(decider), stopped.clone()))
            .max_decoding_message_size(message_bytes_max)
            .max_encoding_message_size(message_bytes_max);
    let policies = PolicyServiceServer::new(PolicyServer::new(Arc::clone(decider)))
        .max_decoding_message_size(message_bytes_max);
    let audit = AuditServiceServer::new(AuditServer::new(Arc::clone(decider), stopped.clone()));
    Ok(builder
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .max_concurrent_streams(STREAMS_MAX)
        .timeout(REQUEST_MAX)
        .add_service(decisions)
        .add_service(policies)
        .add_service(audit)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?))
}
