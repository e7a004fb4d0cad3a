//! A client's pipes and a server's, and one session between them.

use crate::shim::changes::{LIST_CHANGED, Listener};
use crate::shim::exchange::{Exchange, Passed, Upstream};
use crate::shim::flight::{Flight, Kind};
use crate::shim::message::{Id, Refused};
use crate::shim::pdp::BoxFuture;
use crate::shim::permit::Permit;
use crate::shim::session::{Core, Session, count};
use crate::shim::stdio::frame::{self, Frame};
use crate::shim::{down, up};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

/// Most messages of the shim's own that wait for the server to read.
pub const OWN_MESSAGES_MAX: usize = 64;

/// Both ends of a session.
pub struct Link {
    pub(super) session: Session,
    to_client: Outlet,
    pub(super) to_server: Outlet,
    /// Messages of the shim's own to the server, from where nobody may wait for the server.
    own: mpsc::Sender<Permit>,
    stop: watch::Sender<bool>,
}

impl Link {
    /// A link over two writers, and the messages of its own that the server is to be sent.
    pub fn new(
        core: &Arc<Core>,
        to_client: impl AsyncWrite + Send + Unpin + 'static,
        to_server: impl AsyncWrite + Send + Unpin + 'static,
    ) -> (Arc<Self>, mpsc::Receiver<Permit>) {
        let (own, own_messages) = mpsc::channel(OWN_MESSAGES_MAX);
        let link = Self {
            session: Session::new(core, Arc::default()),
            to_client: Outlet::new(to_client),
            to_server: Outlet::new(to_server),
            own,
            stop: watch::Sender::new(false),
        };
        (Arc::new(link), own_messages)
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Nothing more is taken from the client.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the session is being stopped.
    async fn stopping(&self) {
        // The sender lives as long as the link: this waits for nothing else.
        let mut stop = self.stop.subscribe();
        let _stopped = stop.wait_for(|stop| *stop).await;
    }

    /// Passes the client's messages on, one after the other, so that their order is kept, until its
    /// input ends or the session is being stopped.
    ///
    /// # Errors
    /// Those of the pipes.
    pub async fn pump_up(&self, mut client: impl AsyncBufRead + Unpin) -> io::Result<()> {
        let exchange = Exchange {
            session: &self.session,
            server: self,
            speaker: None,
        };
        loop {
            let frame = tokio::select! {
                frame = frame::read(&mut client) => frame?,
                () = self.stopping() => return Ok(()),
            };
            let answer = match frame {
                Frame::Line(line) => up::take(&exchange, &line).await?,
                Frame::Bad { why, sketch } => {
                    let refused = Refused { id: None, why };
                    Some(up::refuse(&self.session, refused, &sketch))
                }
                Frame::End => return Ok(()),
            };
            if let Some(answer) = answer {
                self.tell_client(answer).await?;
            }
        }
    }

    /// Passes the server's messages on until its output ends.
    ///
    /// # Errors
    /// Those of the pipes.
    pub async fn pump_down(&self, mut server: impl AsyncBufRead + Unpin) -> io::Result<()> {
        loop {
            let passed = match frame::read(&mut server).await? {
                Frame::Line(line) => down::take(&self.session, &line, None).await,
                Frame::Bad { why, sketch } => down::bad(&self.session, &why, sketch, None),
                Frame::End => return Ok(()),
            };
            self.pass(passed).await?;
        }
    }

    async fn pass(&self, passed: Passed) -> io::Result<()> {
        if let Some(permit) = passed.server {
            self.send_later(permit);
        }
        for message in passed.client {
            self.tell_client(message).await?;
        }
        Ok(())
    }

    /// Has a message sent to the server: to wait here for a server that itself waits to be read
    /// would be a deadlock.
    pub(super) fn send_later(&self, permit: Permit) {
        if self.own.try_send(permit).is_err() {
            count(&self.session.core.counts.unread);
        }
    }

    /// Writes to the client.
    pub(super) async fn tell_client(&self, message: Vec<u8>) -> io::Result<()> {
        self.to_client.write(|| Some(message)).await.map(|_| ())
    }
}

impl Upstream for Link {
    fn send(&self, permit: Permit) -> BoxFuture<'_, io::Result<bool>> {
        let redeem = || permit.redeem(self.session.core.gate.now());
        Box::pin(self.to_server.write(redeem))
    }

    fn ask<'a>(
        &'a self,
        session: &'a Session,
        id: &'a Id,
        permit: Permit,
    ) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            let flight = Flight {
                kind: Kind::Own(answer),
                progress_token: None,
                since: Instant::now(),
                modern: false,
            };
            session.flights().open(id.clone(), flight).ok()?;
            let _asked = Asked { session, id };
            self.send(permit).await.ok()?;
            answered.await.ok()?
        })
    }
}

/// A request of the shim's own; its answer is not waited for once this is dropped.
struct Asked<'a> {
    session: &'a Session,
    id: &'a Id,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.session.flights().give_up(self.id);
    }
}

impl Listener for Link {
    fn changed(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async {
            match self.session.announces() {
                true => self.tell_client(LIST_CHANGED.to_vec()).await,
                false => Ok(()),
            }
        })
    }
}

/// A writer that several tasks share; each message goes out whole.
pub(super) struct Outlet(tokio::sync::Mutex<Option<Box<dyn AsyncWrite + Send + Unpin>>>);

impl Outlet {
    fn new(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(tokio::sync::Mutex::new(Some(Box::new(writer))))
    }

    /// Writes the message that there is when it is its turn; whether there was one.
    async fn write(&self, message: impl FnOnce() -> Option<Vec<u8>> + Send) -> io::Result<bool> {
        let mut writer = self.0.lock().await;
        let Some(writer) = writer.as_mut() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let Some(message) = message() else {
            return Ok(false);
        };
        frame::write(writer, message).await?;
        Ok(true)
    }

    /// Closes the writer: the other side reads its end.
    pub(super) async fn close(&self) {
        if let Some(mut writer) = self.0.lock().await.take()
            && let Err(error) = writer.shutdown().await
        {
            tracing::debug!(%error, "closing a pipe");
        }
    }
}
