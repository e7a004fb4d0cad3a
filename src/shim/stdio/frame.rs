//! Frames on stdio: one message a line, UTF-8, ended by a line feed.

use crate::shim::envelope::{Envelope, Sketch};
use crate::shim::message::{MESSAGE_BYTES_MAX, Why, is_one_line};
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// Longest line, in bytes, without its line feed.
pub const FRAME_BYTES_MAX: usize = MESSAGE_BYTES_MAX;

/// What the next line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line to be scanned, without its line feed.
    Line(Vec<u8>),
    /// A line that cannot be a message; it has been skipped.
    Bad {
        /// Why not.
        why: Why,
        /// Whose it may have been.
        sketch: Sketch,
    },
    /// The input has ended.
    End,
}

/// Reads the next line that is not blank. A line that is too long is skipped, never buffered.
///
/// # Errors
/// Those of the reader.
pub async fn read<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Frame> {
    loop {
        match read_line(reader).await? {
            Frame::Line(line) if line.trim_ascii().is_empty() => {}
            frame => return Ok(frame),
        }
    }
}

async fn read_line<R: AsyncBufRead + Unpin>(reader: &mut R) -> io::Result<Frame> {
    let mut line = Vec::new();
    let mut skipped: Option<Envelope> = None;
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(at_end(&line, skipped));
        }
        let (part, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (buffer.get(..at).unwrap_or_default(), true),
            None => (buffer, false),
        };
        if skipped.is_none() && line.len() + part.len() > FRAME_BYTES_MAX {
            let mut envelope = Envelope::default();
            envelope.feed(&std::mem::take(&mut line));
            skipped = Some(envelope);
        }
        match &mut skipped {
            Some(envelope) => envelope.feed(part),
            None => line.extend_from_slice(part),
        }
        let used = part.len() + usize::from(ended);
        reader.consume(used);
        if ended {
            return Ok(skipped.map_or_else(|| checked(line), too_long));
        }
    }
}

fn at_end(line: &[u8], skipped: Option<Envelope>) -> Frame {
    let sketch = match skipped {
        Some(envelope) => envelope.finish(),
        None if line.is_empty() => return Frame::End,
        None => Sketch::of(line),
    };
    let why = Why::Unterminated;
    Frame::Bad { why, sketch }
}

fn too_long(envelope: Envelope) -> Frame {
    let frame_bytes_max = FRAME_BYTES_MAX;
    Frame::Bad {
        why: Why::FrameTooLong { frame_bytes_max },
        sketch: envelope.finish(),
    }
}

/// A carriage return outside strings is mere space to JSON and the end of a line to readers with
/// universal newlines: a whole message could hide between two of them.
fn checked(line: Vec<u8>) -> Frame {
    let text = line.strip_suffix(b"\r").unwrap_or(&line);
    if text.contains(&b'\r') {
        let sketch = Sketch::of(text);
        let why = Why::CarriageReturn;
        return Frame::Bad { why, sketch };
    }
    Frame::Line(line)
}

/// Writes one line, in one piece, and flushes.
///
/// # Errors
/// Those of the writer; bytes that would not be one line are invalid input and nothing is written.
pub async fn write<W: AsyncWrite + Unpin>(writer: &mut W, mut message: Vec<u8>) -> io::Result<()> {
    if !is_one_line(&message) {
        let text = "a message with a line break in it cannot be framed";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    message.push(b'\n');
    writer.write_all(&message).await?;
    writer.flush().await
}

#[cfg(test)]
mod tests;
