//! A connection that has to say something soon.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A connection on which reading fails from some time on, unless enough has come before.
pub struct Deadline<IO> {
    io: IO,
    received_bytes: usize,
    enough_bytes: usize,
    /// `None` once enough has come.
    until: Option<Pin<Box<Sleep>>>,
    late: Late,
}

/// Whether what had to come has not come in time.
#[derive(Clone, Default)]
pub struct Late(Arc<AtomicBool>);

impl Late {
    /// Whether it is so by now.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<IO> Deadline<IO> {
    /// `enough_bytes` have to come until then.
    pub fn new(io: IO, until: Instant, enough_bytes: usize) -> Self {
        Self {
            io,
            received_bytes: 0,
            enough_bytes,
            until: Some(Box::pin(tokio::time::sleep_until(until))),
            late: Late::default(),
        }
    }

    /// Tells later whether enough came too late.
    pub fn is_late(&self) -> Late {
        self.late.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Deadline<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        let Some(until) = &mut this.until else {
            return read;
        };
        this.received_bytes += buffer.filled().len() - before;
        if this.received_bytes >= this.enough_bytes {
            this.until = None;
            return read;
        }
        if until.as_mut().poll(context).is_ready() {
            this.late.0.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Deadline<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
