//! Stands between a shim and its PDP, and does to their connections what networks do.

use super::scene::Random;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// What happens to one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It passes in pieces of at most so many bytes.
    Split(usize),
    /// Each piece is late by so many milliseconds.
    Delay(u64),
    /// After so many bytes the connection is cut.
    Cut(usize),
    /// After so many bytes nothing passes for so many milliseconds, while others connect and are
    /// served: what comes then is late.
    Stall(usize, u64),
}

impl Fault {
    fn random(random: &mut Random) -> Self {
        let bytes = random.below(6_000) as usize;
        match random.below(6) {
            0 => Self::None,
            1 => Self::Split(1 + bytes % 40),
            2 => Self::Delay(1 + random.below(20)),
            3 | 4 => Self::Cut(bytes),
            _ => Self::Stall(bytes, 100 + random.below(900)),
        }
    }
}

struct State {
    random: Random,
    /// Faults are over.
    healed: bool,
    connections: usize,
}

/// A proxy that listens at `path`.
pub struct Proxy {
    pub path: PathBuf,
    state: Arc<Mutex<State>>,
    /// Counts the times that every connection was cut.
    cut: watch::Sender<u64>,
}

impl Proxy {
    pub fn start(path: PathBuf, to: PathBuf, seed: u64) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let state = Arc::new(Mutex::new(State {
            random: Random(seed),
            healed: true,
            connections: 0,
        }));
        let cut = watch::Sender::new(0);
        let (shared, cuts) = (Arc::clone(&state), cut.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let faults = shared.lock().unwrap().next();
                tokio::spawn(connect(client, to.clone(), faults, cuts.subscribe()));
            }
        });
        Self { path, state, cut }
    }

    /// From now on connections have faults.
    pub fn disturb(&self) {
        self.state.lock().unwrap().healed = false;
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection; those that come are whole.
    pub fn heal(&self) {
        self.state.lock().unwrap().healed = true;
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl State {
    /// What happens to the next connection, up and down; none: it is not taken.
    fn next(&mut self) -> Option<(Fault, Fault)> {
        self.connections += 1;
        if self.healed {
            return Some((Fault::None, Fault::None));
        }
        let is_dropped = self.random.below(8) == 0;
        let faults = (
            Fault::random(&mut self.random),
            Fault::random(&mut self.random),
        );
        (!is_dropped).then_some(faults)
    }
}

async fn connect(
    client: UnixStream,
    to: impl AsRef<Path>,
    faults: Option<(Fault, Fault)>,
    mut cut: watch::Receiver<u64>,
) {
    let Some((up, down)) = faults else {
        return;
    };
    cut.mark_unchanged();
    let Ok(server) = UnixStream::connect(to).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass(from_client, to_server, up) => {}
        () = pass(from_server, to_client, down) => {}
        // The sender lives as long as the test.
        _cut = cut.changed() => {}
    }
}

/// Passes bytes on until the end, the cut or an error.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, fault: Fault) {
    let mut bytes = [0; 4_096];
    let mut passed = 0;
    loop {
        let Ok(length @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        if let Fault::Delay(ms) = fault {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let piece = match fault {
            Fault::Split(most) => most,
            _ => length,
        };
        let kept = match fault {
            Fault::Cut(at) => length.min(at.saturating_sub(passed)),
            _ => length,
        };
        for piece in bytes[..kept].chunks(piece) {
            if to.write_all(piece).await.is_err() {
                return;
            }
        }
        if kept < length {
            return;
        }
        if let Fault::Stall(at, ms) = fault
            && (passed..passed + length).contains(&at)
        {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        passed += length;
    }
}
