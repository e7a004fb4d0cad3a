//! Binding, serving, draining.

use super::App;
use super::accept::Listener;
use super::rotate::{Reload, Rotation, Watched};
use super::services::routes;
use super::tls::{self, Loaded, TlsError};
use super::transport::{Tls, Transport};
use super::watching::watch as watch_logs;
use crate::config::{TlsFiles, UnixListen};
use crate::server::{self, Admission, Decider, Metrics, Plain, STRANGERS_INTERVAL};
use arc_swap::ArcSwap;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The files of `[listen.tls]`.
    #[error("{0}")]
    Tls(#[from] TlsError),
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
    /// The plain HTTP listener.
    #[error("plain HTTP: {0}")]
    Plain(#[from] io::Error),
    /// A thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
    /// Reflection.
    #[error("{0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// An app whose sockets are open.
pub struct Bound {
    app: App,
    unix: Option<(UnixListen, UnixListener)>,
    tcp: Option<(TcpListener, Option<Certificates>)>,
    http: Option<TcpListener>,
}

/// The files of TLS, and what they are in use as.
struct Certificates {
    watched: Watched,
    files: TlsFiles,
    tls: Tls,
}

impl Certificates {
    fn load(files: TlsFiles, decider: &Decider) -> Result<Self, TlsError> {
        let mut paths = vec![files.cert.clone(), files.key.clone()];
        paths.extend(files.client_ca.clone());
        // Made before the files are read, so that no change is missed.
        let watched = Watched::new("tls", paths);
        let config = take(tls::load(&files, (decider.clock)())?, &decider.metrics);
        Ok(Self {
            watched,
            tls: Arc::new(ArcSwap::from_pointee(config)),
            files,
        })
    }
}

/// Says what is to be said of certificates that are taken into use.
fn take(loaded: Loaded, metrics: &Metrics) -> rustls::ServerConfig {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    metrics.certificates_expire(loaded.server_not_after, loaded.client_ca_not_after);
    loaded.config
}

impl App {
    /// Reads the files of TLS, waits a little for keys of tokens that are to be fetched, and opens the
    /// sockets that the configuration names.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub async fn bind(mut self) -> Result<Bound, ServeError> {
        let files = self.listen.tcp.as_ref().and_then(|tcp| tcp.tls.clone());
        let certificates = files
            .map(|files| Certificates::load(files, &self.decider))
            .transpose()?;
        if let Some(keys) = &mut self.keys {
            keys.first().await;
        }
        let unix = match self.listen.unix.clone() {
            Some(listen) => {
                let socket = bind_unix(&listen).await?;
                Some((listen, socket))
            }
            None => None,
        };
        let tcp = match &self.listen.tcp {
            Some(listen) => Some((bind_tcp(listen.address).await?, certificates)),
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
            .and_then(|(socket, _)| socket.local_addr().ok())
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

    /// Looks at files that may be replaced.
    fn rotation(&mut self) -> Result<Rotation, ServeError> {
        let mut files: Vec<(Watched, Reload)> = Vec::new();
        if let Some((_, Some(certificates))) = &mut self.tcp {
            let (tls, paths) = (Arc::clone(&certificates.tls), certificates.files.clone());
            let decider = Arc::clone(&self.app.decider);
            let reload = move || -> Result<(), TlsError> {
                let loaded = tls::load(&paths, (decider.clock)())?;
                tls.store(Arc::new(take(loaded, &decider.metrics)));
                Ok(())
            };
            let reload: Reload = Box::new(move || reload().map_err(|error| error.to_string()));
            files.push((certificates.watched.clone(), reload));
        }
        if let Some((watched, jwt)) = self.app.jwks.take() {
            let identity = Arc::clone(&self.app.decider.identity);
            let reload: Reload = Box::new(move || {
                let verifier = super::tokens(&jwt).map_err(|error| error.to_string())?;
                identity.replace_tokens(verifier);
                Ok(())
            });
            files.push((watched, reload));
        }
        Rotation::start(files, Arc::clone(&self.app.decider.metrics)).map_err(ServeError::Thread)
    }

    /// Serves until `shutdown`, then answers what is under way and closes the log.
    ///
    /// # Errors
    /// Where a server fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        self.run_until(shutdown, std::future::pending()).await
    }

    /// As `run`; a drain ends `at_once`, with calls under way or not.
    ///
    /// # Errors
    /// Where a server fails.
    pub async fn run_until(
        mut self,
        shutdown: impl Future<Output = ()>,
        at_once: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let _rotation = self.rotation()?;
        // Ends with this function.
        let mut fetching = JoinSet::new();
        if let Some(keys) = self.app.keys.take() {
            fetching.spawn(keys.run());
        }
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
        let transport = Arc::new(Transport {
            limits: app.limits,
            connections: Arc::clone(&app.connections),
            decider: Arc::clone(&decider),
            admission: Arc::clone(&app.admission),
            routes: routes(&decider, &app.admission, &stopped)?,
            stopped: stopped.clone(),
        });
        let unix = unix.map(|(_, socket)| Listener::Unix(socket));
        let tcp = tcp.map(|(socket, tls)| Listener::Tcp(socket, tls.map(|it| it.tls)));
        for listener in [unix, tcp].into_iter().flatten() {
            let serving = listener.serve(Arc::clone(&transport));
            servers.spawn(async move {
                serving.await;
                Ok(())
            });
        }
        // Ends with this function.
        let _watching = watch_logs(&decider, &app.audit);
        servers.spawn(record_refused(
            Arc::clone(&app.admission),
            Arc::clone(&decider),
            stopped.clone(),
        ));
        if let Some(socket) = http {
            let shown = Plain {
                decider: Arc::clone(&decider),
                admission: Arc::clone(&app.admission),
                connections: Arc::clone(&app.connections),
                started: Instant::now(),
            };
            let serving = server::plain_http(socket, shown, until(stopped));
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
        stop.send_replace(true);
        let drained = async { while servers.join_next().await.is_some() {} };
        let rpcs_cut = tokio::select! {
            () = drained => 0,
            () = tokio::time::sleep(transport.limits.drain_max) => {
                tracing::warn!("calls were still under way at the end of the drain");
                app.admission.rpcs_under_way()
            }
            () = at_once => {
                tracing::warn!("the drain was cut short");
                app.admission.rpcs_under_way()
            }
        };
        servers.shutdown().await;
        if let Some(path) = socket_path {
            drop(std::fs::remove_file(path));
        }
        app.close();
        tracing::info!(rpcs_cut, "drained");
        Ok(())
    }
}

/// Says from time to time which calls were refused without a record each.
async fn record_refused(
    admission: Arc<Admission>,
    decider: Arc<Decider>,
    stopped: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let mut stopped = std::pin::pin!(until(stopped));
    let mut interval = tokio::time::interval(STRANGERS_INTERVAL);
    loop {
        tokio::select! {
            _ = interval.tick() => admission.record_refused(&decider),
            () = stopped.as_mut() => return Ok(()),
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // The sender is dropped only at the end of the run: that is a stop too.
    let _stopped = stopped.wait_for(|stopped| *stopped).await;
}
