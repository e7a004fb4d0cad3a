//! Frames on stdio: one message a line, UTF-8, ended by a line feed.

use crate::model::json::Limits;
use crate::shim::message::Why;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// Longest line, in bytes, without its line feed: the limit of strict JSON, which the scan applies
/// to the whole message.
pub const FRAME_BYTES_MAX: usize = Limits::REQUEST.bytes_max;

/// What the next line was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line to be scanned, without its line feed.
    Line(Vec<u8>),
    /// A line that cannot be a message; it has been skipped.
    Bad(Why),
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
    let mut length = 0_usize;
    loop {
        let buffer = reader.fill_buf().await?;
        if buffer.is_empty() {
            return Ok(at_end(length));
        }
        let (part, ended) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (buffer.get(..at).unwrap_or_default(), true),
            None => (buffer, false),
        };
        length = length.saturating_add(part.len());
        if length <= FRAME_BYTES_MAX {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(ended);
        reader.consume(used);
        if ended {
            return Ok(checked(line, length));
        }
    }
}

fn at_end(length: usize) -> Frame {
    match length {
        0 => Frame::End,
        _ => Frame::Bad(Why::Unterminated),
    }
}

/// A carriage return outside strings is mere space to JSON and the end of a line to readers with
/// universal newlines: a whole message could hide between two of them.
fn checked(line: Vec<u8>, length: usize) -> Frame {
    let frame_bytes_max = FRAME_BYTES_MAX;
    if length > frame_bytes_max {
        return Frame::Bad(Why::FrameTooLong { frame_bytes_max });
    }
    let text = line.strip_suffix(b"\r").unwrap_or(&line);
    if text.contains(&b'\r') {
        return Frame::Bad(Why::CarriageReturn);
    }
    Frame::Line(line)
}

/// Whether bytes can be written as one line.
#[must_use]
pub fn is_one_line(bytes: &[u8]) -> bool {
    let text = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    !text.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
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
