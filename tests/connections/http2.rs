//! A client that speaks HTTP/2 as badly as a test wants (RFC 9113).

use crate::server::DEADLINE;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const HEADERS: u8 = 1;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;
/// Most bytes of a frame, unless a peer says otherwise.
const FRAME_BYTES_MAX: usize = 1 << 14;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection.
pub struct Raw<IO>(pub IO);

/// One frame, as it came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    pub fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Raw<IO> {
    /// Says the preface, with settings that let this many bytes be sent to us on a stream.
    pub async fn hello(io: IO, window_bytes: u32) -> Self {
        let mut raw = Self(io);
        raw.0.write_all(PREFACE).await.unwrap();
        let mut setting = INITIAL_WINDOW_SIZE.to_be_bytes().to_vec();
        setting.extend(window_bytes.to_be_bytes());
        raw.send(SETTINGS, 0, 0, &setting).await;
        raw
    }

    /// Sends the head of a gRPC request and no message yet.
    pub async fn ask(&mut self, stream: u32, path: &str) {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ];
        let mut block = Vec::new();
        for (name, value) in fields {
            // A literal that is not indexed, with a new name (RFC 7541, 6.2.2).
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS, stream, &block).await;
    }

    /// Sends an empty message, and the request's end.
    pub async fn end(&mut self, stream: u32) {
        self.send(0, END_STREAM, stream, &[0; 5]).await;
    }

    /// Waits until as much may be sent to it as it takes, which is more than a client begins with.
    pub async fn ready(&mut self) {
        let larger = self.until(|it| it.kind == WINDOW_UPDATE && it.stream == 0);
        assert!(larger.await.is_some());
        self.send(SETTINGS, ACK, 0, &[]).await;
    }

    /// Sends a part of a message that says to be this long, so many bytes of it after its prefix.
    pub async fn begin(&mut self, stream: u32, message_bytes: u32, sent_bytes: usize) {
        let mut part = vec![0];
        part.extend(message_bytes.to_be_bytes());
        part.resize(part.len() + sent_bytes, b'*');
        for payload in part.chunks(FRAME_BYTES_MAX) {
            self.send(0, 0, stream, payload).await;
        }
    }

    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next frame; `None` once the other end has closed.
    pub async fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        self.0.read_exact(&mut vec![0; length]).await.ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes(head[5..9].try_into().unwrap()),
        })
    }

    /// Reads until there is such a frame; `None` if the other end closes before.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Option<Frame> {
        let reading = async {
            while let Some(frame) = self.frame().await {
                if wanted(&frame) {
                    return Some(frame);
                }
            }
            None
        };
        let found = tokio::time::timeout(DEADLINE, reading).await;
        found.expect("neither the frame nor the end of the connection")
    }

    /// Reads until the other end closes, and answers nothing.
    pub async fn closed(&mut self) {
        assert!(self.until(|_| false).await.is_none());
    }
}

/// Reads until the other end closes a connection that never was one.
pub async fn is_closed(io: &mut (impl AsyncRead + Unpin)) {
    let reading = async {
        let mut rest = Vec::new();
        // Closed or reset: both are an end.
        drop(io.read_to_end(&mut rest).await);
    };
    let ended = tokio::time::timeout(DEADLINE, reading).await;
    ended.expect("the connection stays open");
}
