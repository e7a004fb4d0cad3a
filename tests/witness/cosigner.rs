//! A witness of c2sp.org/tlog-witness on loopback: it checks what it is shown, signs, and fails as
//! it is told.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use toolgate::telemetry::now;
use toolgate::tlog::{
    Checkpoint, Hash, KeyKind, Note, Signature, VerifierKey, check_consistency, cosigned_text,
};

/// How it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Sound,
    Status(u16),
    Garbage,
    Endless,
    Silent,
}

pub struct Cosigner {
    pair: Ed25519KeyPair,
    pub key: VerifierKey,
    pub state: Mutex<Seen>,
}

/// What it knows of the one log that it knows.
pub struct Seen {
    pub log: Option<VerifierKey>,
    pub mood: Mood,
    pub size: u64,
    pub root: Option<Hash>,
    pub cosigned: u64,
    pub conflicts: u64,
    pub proofs: u64,
}

impl Cosigner {
    pub fn new(name: &str) -> Arc<Self> {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        Arc::new(Self {
            key: VerifierKey::new(name, KeyKind::Witness, public).unwrap(),
            pair,
            state: Mutex::new(Seen {
                log: None,
                mood: Mood::Sound,
                size: 0,
                root: None,
                cosigned: 0,
                conflicts: 0,
                proofs: 0,
            }),
        })
    }

    /// Listens from now on.
    pub async fn serve(self: &Arc<Self>) -> SocketAddr {
        let router = Router::new()
            .route("/submit/add-checkpoint", post(answer))
            .with_state(Arc::clone(self));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn sign(&self, text: &str) -> String {
        let time_s = u64::try_from(now().as_nanos() / 1_000_000_000).unwrap();
        let signed = self.pair.sign(cosigned_text(time_s, text).as_bytes());
        let mut bytes = time_s.to_be_bytes().to_vec();
        bytes.extend_from_slice(signed.as_ref());
        let (name, key_id) = (self.key.name().to_owned(), self.key.id());
        format!(
            "{}\n",
            Signature {
                name,
                key_id,
                bytes
            }
        )
    }

    /// As the specification has it, step by step.
    fn judge(&self, body: &str) -> (StatusCode, String) {
        let refuse = |status: StatusCode| (status, String::new());
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.split('\n');
        let old = lines.next().unwrap().strip_prefix("old ").unwrap();
        let old: u64 = old.parse().unwrap();
        let proof: Vec<Hash> = lines.map(|line| Hash::from_base64(line).unwrap()).collect();
        let note = Note::parse(note.as_bytes()).unwrap();
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        let mut seen = self.state.lock().unwrap();
        let Some(log) = seen
            .log
            .as_ref()
            .filter(|log| log.name() == checkpoint.origin)
        else {
            return refuse(StatusCode::NOT_FOUND);
        };
        if note.check(log).is_err() {
            return refuse(StatusCode::FORBIDDEN);
        }
        if old > checkpoint.size || proof.len() > 63 {
            return refuse(StatusCode::BAD_REQUEST);
        }
        if old != seen.size {
            seen.conflicts += 1;
            return (StatusCode::CONFLICT, format!("{}\n", seen.size));
        }
        let root = seen.root.unwrap_or(checkpoint.root);
        let holds = check_consistency((old, &root), (checkpoint.size, &checkpoint.root), &proof);
        if holds.is_err() {
            return refuse(StatusCode::UNPROCESSABLE_ENTITY);
        }
        seen.proofs += u64::from(!proof.is_empty());
        seen.cosigned += 1;
        seen.size = checkpoint.size;
        seen.root = Some(checkpoint.root);
        (StatusCode::OK, self.sign(note.text()))
    }
}

async fn answer(State(cosigner): State<Arc<Cosigner>>, body: String) -> (StatusCode, String) {
    let mood = cosigner.state.lock().unwrap().mood;
    match mood {
        Mood::Sound => cosigner.judge(&body),
        Mood::Status(status) => (StatusCode::from_u16(status).unwrap(), "no\n".to_owned()),
        Mood::Garbage => (StatusCode::OK, "nobody signed this\n".to_owned()),
        Mood::Endless => (StatusCode::OK, "a".repeat(1 << 20)),
        Mood::Silent => std::future::pending().await,
    }
}
