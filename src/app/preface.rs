//! A connection that has to say something soon.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The HTTP/2 preface and the head of the settings after it, in bytes (RFC 9113, 3.4 and 4.1).
const PREFACE_BYTES: usize = 24 + 9;

/// A connection on which reading fails unless the HTTP/2 preface has come in time. Later silence
/// is what pings are for.
pub(super) struct Preface<IO> {
    io: IO,
    received_bytes: usize,
    /// `None` once the preface has come.
    until: Option<Pin<Box<Sleep>>>,
    late: Late,
}

/// Whether a preface has not come in time.
#[derive(Clone, Default)]
pub(super) struct Late(Arc<AtomicBool>);

impl Late {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<IO> Preface<IO> {
    pub(super) fn new(io: IO, until: Instant) -> Self {
        Self {
            io,
            received_bytes: 0,
            until: Some(Box::pin(tokio::time::sleep_until(until))),
            late: Late::default(),
        }
    }

    pub(super) fn is_late(&self) -> Late {
        self.late.clone()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Preface<IO> {
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
        if this.received_bytes >= PREFACE_BYTES {
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

impl<IO: AsyncWrite + Unpin> AsyncWrite for Preface<IO> {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
