mod failing;
mod issuer;

use super::*;
use crate::identity::{
    Algorithm, Caller, ClaimPaths, JWKS_BYTES_MAX, KeySource, KeyUrl, KnownBy, Pattern, Peer,
    Permission,
};
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use issuer::{Answer, Issuer, Signer};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);
const STALE_SECONDS_MAX: i64 = 1000;
/// Where the clock starts, in seconds since 1970.
const START_SECONDS: i64 = 1_795_255_200;

/// A fetcher and who verifies with what it fetches, under a clock of their own.
struct Scene {
    identity: Arc<Identity>,
    metrics: Arc<Metrics>,
    seconds: Arc<AtomicI64>,
}

fn pace() -> Pace {
    Pace {
        fetch_max: DEADLINE,
        first_max: DEADLINE,
        wanted_min: Duration::from_millis(1),
        backoff_first: Duration::from_millis(1),
        backoff_max: Duration::from_millis(10),
    }
}

fn scene(url: &str, ca_file: Option<PathBuf>) -> (Scene, KeyFetcher) {
    let server = KeyServer {
        url: KeyUrl::parse(url).unwrap(),
        ca_file,
        refresh: Duration::from_secs(3600),
        stale_max: Duration::from_secs(STALE_SECONDS_MAX.unsigned_abs()),
    };
    let jwt = JwtConfig {
        keys: KeySource::Server(server.clone()),
        issuer: "i".into(),
        audience: "a".into(),
        algorithms: vec![Algorithm::Es256],
        leeway_seconds: 30,
        claims: ClaimPaths::default(),
    };
    let agents = Caller {
        name: "agents".into(),
        known_by: KnownBy::Token {
            issuer: "i".into(),
            subject: Pattern::any(),
        },
        servers: vec![Pattern::any()],
        subjects: Vec::new(),
        context: Vec::new(),
        may: Permission::DEFAULT.to_vec(),
        assert_roles: false,
        tenants: Vec::new(),
    };
    let tokens = JwtVerifier::awaiting(&jwt);
    let identity = Arc::new(Identity::new(vec![agents], Vec::new(), Some(tokens)));
    let seconds = Arc::new(AtomicI64::new(START_SECONDS));
    let metrics = Arc::new(Metrics::default());
    let clock: Clock = {
        let seconds = Arc::clone(&seconds);
        Arc::new(move || at(seconds.load(Ordering::Relaxed)))
    };
    let (of_identity, of_metrics) = (Arc::clone(&identity), Arc::clone(&metrics));
    let mut fetcher = KeyFetcher::new(server, jwt, of_identity, of_metrics, clock);
    fetcher.pace = pace();
    let scene = Scene {
        identity,
        metrics,
        seconds,
    };
    (scene, fetcher)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

impl Scene {
    /// `agents`, or `code: detail` of the denial.
    fn says(&self, token: &str) -> String {
        let now = at(self.seconds.load(Ordering::Relaxed));
        let peer = Peer::Token(Token::new(token));
        match self.identity.known_caller(&peer, now) {
            Ok(caller) => caller,
            Err(denied) => denied.to_string(),
        }
    }

    async fn until_it_says(&self, token: &str, expected: &str) {
        let mut said = String::new();
        let asked = async {
            let mut again = tokio::time::interval(POLL);
            while said != expected {
                again.tick().await;
                said = self.says(token);
            }
        };
        let met = timeout(DEADLINE, asked).await;
        assert!(met.is_ok(), "{said}, not {expected}");
    }

    fn failure(&self) -> Option<String> {
        let status = self.identity.key_status().unwrap();
        status.failure.map(|(_, error)| error)
    }

    fn key_ids(&self) -> Vec<String> {
        self.identity.key_status().unwrap().key_ids
    }

    fn fetches(&self, outcome: &str) -> String {
        let name = format!("toolgate_jwks_fetches_total{{outcome=\"{outcome}\"}} ");
        let text = self.metrics.text();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(&name));
        value.unwrap().to_owned()
    }

    fn set_clock(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::Relaxed);
    }
}

const UNKNOWN: &str = "unauthenticated: the token's `kid` is not in the key set";
const MISSING: &str = "token_keys_unavailable: no key set has been fetched yet";
const STALE: &str = "token_keys_unavailable: the key set was fetched too long ago";

/// A token that is valid at the clock's start and for long after.
fn token(signer: &Signer) -> String {
    signer.token(START_SECONDS, START_SECONDS + 1_000_000)
}

#[tokio::test]
async fn a_token_of_a_new_key_has_the_new_keys_fetched() {
    let (old, new) = (Signer::new("k1"), Signer::new("k2"));
    let issuer = Issuer::start(Answer::keys(&[&old])).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    fetcher.first().await;
    assert_eq!(scene.says(&token(&old)), "agents");
    // The next fetch by itself is an hour away.
    tokio::spawn(fetcher.run());
    issuer.answers(Answer::keys(&[&new]));
    scene.until_it_says(&token(&new), "agents").await;
    assert_eq!(scene.says(&token(&old)), UNKNOWN);
    assert_eq!(scene.key_ids(), ["k2"]);
    assert_eq!(scene.fetches("changed"), "2");
    assert_eq!(scene.failure(), None);
}

#[tokio::test]
async fn keys_are_fetched_again_from_time_to_time() {
    let (old, new) = (Signer::new("k1"), Signer::new("k1"));
    let issuer = Issuer::start(Answer::keys(&[&old])).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    fetcher.server.refresh = POLL;
    fetcher.first().await;
    tokio::spawn(fetcher.run());
    // Another key under the old name: nothing asks for it.
    issuer.answers(Answer::keys(&[&new]));
    scene.until_it_says(&token(&new), "agents").await;
    let asked = issuer.asked();
    issuer.asked_more_than(asked + 2).await;
    assert_eq!(scene.fetches("changed"), "2");
    assert_ne!(scene.fetches("unchanged"), "0");
}

#[tokio::test]
async fn invented_names_of_keys_are_denied_at_once_and_hardly_fetch() {
    let known = Signer::new("k1");
    let issuer = Issuer::start(Answer::keys(&[&known])).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    let wanted_min = Duration::from_millis(50);
    fetcher.pace.wanted_min = wanted_min;
    fetcher.first().await;
    let started = Instant::now();
    tokio::spawn(fetcher.run());
    let names = (0..2000).map(|n| format!("invented-{n}"));
    let flood: Vec<String> = names.map(|kid| token(&known.named(&kid))).collect();
    let mut again = tokio::time::interval(POLL);
    for batch in flood.chunks(100) {
        again.tick().await;
        for token in batch {
            assert_eq!(scene.says(token), UNKNOWN);
        }
    }
    issuer.asked_more_than(1).await;
    let intervals = started.elapsed().as_millis() / wanted_min.as_millis();
    let asked = issuer.asked() as u128;
    assert!(asked <= 2 + intervals, "{asked} in {intervals} intervals");
    // Nor does a fetch that hangs hold a token up.
    issuer.answers(Answer::Nothing);
    assert_eq!(scene.says(&flood[0]), UNKNOWN);
    issuer.asked_more_than(issuer.asked()).await;
    assert_eq!(scene.says(&flood[1]), UNKNOWN);
    assert_eq!(scene.says(&token(&known)), "agents");
}

#[tokio::test]
async fn a_clock_that_jumps() {
    let signer = Signer::new("k1");
    let issuer = Issuer::start(Answer::keys(&[&signer])).await;
    let (scene, mut fetcher) = scene(&issuer.url(), None);
    fetcher.first().await;
    let minutes = signer.token(START_SECONDS, START_SECONDS + 600);
    let long = token(&signer);
    const EXPIRED: &str = "unauthenticated: the token has expired";
    const EARLY: &str = "unauthenticated: the token is not valid yet";
    for (clock, of_minutes, of_long) in [
        (0, "agents", "agents"),
        (629, "agents", "agents"),
        (630, EXPIRED, "agents"),
        (STALE_SECONDS_MAX - 1, EXPIRED, "agents"),
        (STALE_SECONDS_MAX, STALE, STALE),
        (-30, "agents", "agents"),
        (-31, EARLY, EARLY),
        (0, "agents", "agents"),
    ] {
        scene.set_clock(START_SECONDS + clock);
        assert_eq!(scene.says(&minutes), of_minutes, "{clock}");
        assert_eq!(scene.says(&long), of_long, "{clock}");
    }
    // After a jump beyond the age of keys the first token has them fetched, long before it is time.
    scene.set_clock(START_SECONDS + 10 * STALE_SECONDS_MAX);
    tokio::spawn(fetcher.run());
    scene.until_it_says(&long, "agents").await;
}
