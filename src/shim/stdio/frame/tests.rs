use super::*;
use tokio::io::BufReader;

/// Every frame of an input, read through a buffer of so many bytes.
async fn frames(input: &[u8], buffer: usize) -> Vec<Frame> {
    let mut reader = BufReader::with_capacity(buffer, input);
    let mut frames = Vec::new();
    loop {
        match read(&mut reader).await.unwrap() {
            Frame::End => return frames,
            frame => frames.push(frame),
        }
    }
}

/// A line of which nothing can be told.
fn bad(why: Why) -> Frame {
    let sketch = Sketch::default();
    Frame::Bad { why, sketch }
}

#[tokio::test]
async fn lines_are_read_whole_whatever_the_buffer() {
    let line = |text: &str| Frame::Line(text.as_bytes().to_vec());
    let cases: Vec<(&str, Vec<Frame>)> = vec![
        ("", vec![]),
        ("\n\r\n \t\n", vec![]),
        ("{}\n", vec![line("{}")]),
        ("{}\r\n{ }\n", vec![line("{}\r"), line("{ }")]),
        ("{}", vec![bad(Why::Unterminated)]),
        ("a\rb\nc\n", vec![bad(Why::CarriageReturn), line("c")]),
        ("\r\r\n", vec![bad(Why::CarriageReturn)]),
        ("a\r\r\n", vec![bad(Why::CarriageReturn)]),
    ];
    for (input, expected) in cases {
        for buffer in [1, 2, 3, 64] {
            assert_eq!(
                frames(input.as_bytes(), buffer).await,
                expected,
                "{input:?} {buffer}"
            );
        }
    }
}

#[tokio::test]
async fn a_line_at_the_limit_passes_and_one_beyond_is_skipped() {
    let mut input = vec![b'x'; FRAME_BYTES_MAX];
    input.push(b'\n');
    input.extend(vec![b'y'; FRAME_BYTES_MAX + 1]);
    input.extend(b"\nz\n");
    let found = frames(&input, 64 << 10).await;
    let frame_bytes_max = FRAME_BYTES_MAX;
    assert_eq!(found.len(), 3);
    assert!(matches!(&found[0], Frame::Line(line) if line.len() == FRAME_BYTES_MAX));
    assert_eq!(found[1], bad(Why::FrameTooLong { frame_bytes_max }));
    assert_eq!(found[2], Frame::Line(b"z".to_vec()));
}

#[tokio::test]
async fn what_would_be_two_lines_is_not_written() {
    for message in ["a\nb", "a\rb", "a\n", "\r\r"] {
        let mut out = Vec::new();
        let error = write(&mut out, message.into()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(out.is_empty());
    }
    let mut out = Vec::new();
    write(&mut out, b"{}\r".to_vec()).await.unwrap();
    assert_eq!(out, b"{}\r\n");
}

/// The bytes of a message of 64 MiB are never held at once, and still it is told whose it was.
#[tokio::test]
async fn a_line_far_beyond_the_limit_is_read_in_bounded_memory() {
    use crate::shim::message::Id;
    use tokio::io::AsyncReadExt;
    let head = br#"{"result":{"content":[{"type":"text","text":""#.as_slice();
    let tail = b"\"}]},\"jsonrpc\":\"2.0\",\"id\":7}\nz\n".as_slice();
    let body = tokio::io::repeat(b'x').take(64 << 20);
    let mut reader = BufReader::with_capacity(64 << 10, head.chain(body).chain(tail));
    let found = read(&mut reader).await.unwrap();
    let frame_bytes_max = FRAME_BYTES_MAX;
    let sketch = Sketch {
        id: Some(Id::Integer(7)),
        is_call: false,
        is_meant: true,
    };
    let why = Why::FrameTooLong { frame_bytes_max };
    assert_eq!(found, Frame::Bad { why, sketch });
    assert_eq!(read(&mut reader).await.unwrap(), Frame::Line(b"z".to_vec()));
}
