use super::{Gathered, UnderWay};
use std::future::poll_fn;
use std::pin::Pin;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Polls a write once; whether it was taken.
async fn is_taken(io: &mut Gathered<tokio::io::DuplexStream>, bytes: &[u8]) -> bool {
    poll_fn(|context| {
        let written = Pin::new(&mut *io).poll_write(context, bytes);
        std::task::Poll::Ready(written.is_ready())
    })
    .await
}

#[tokio::test]
async fn waits_one_turn_for_answers_under_way() {
    let under_way = UnderWay::default();
    let (io, mut client) = tokio::io::duplex(64);
    let mut io = Gathered::new(io, under_way.clone());

    assert!(
        is_taken(&mut io, b"alone").await,
        "nothing else to wait for"
    );
    io.flush().await.unwrap();

    let answering = under_way.begin();
    assert!(!is_taken(&mut io, b" two").await);
    assert!(is_taken(&mut io, b" two").await, "one turn, and no more");
    assert!(is_taken(&mut io, b" three").await, "until it is flushed");
    io.flush().await.unwrap();

    assert!(!is_taken(&mut io, b" four").await);
    drop(answering);
    assert!(is_taken(&mut io, b" four").await);
    io.shutdown().await.unwrap();
    let mut all = String::new();
    client.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "alone two three four");
}

#[tokio::test]
async fn a_write_that_waits_wakes_its_task_again() {
    let under_way = UnderWay::default();
    let (io, mut client) = tokio::io::duplex(64);
    let mut io = Gathered::new(io, under_way.clone());
    let _answering = under_way.begin();
    io.write_all(b"sent").await.unwrap();
    let mut sent = [0; 4];
    client.read_exact(&mut sent).await.unwrap();
    assert_eq!(&sent, b"sent");
}
