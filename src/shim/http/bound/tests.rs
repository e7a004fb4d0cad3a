use super::*;
use crate::shim::pdp::Pdp;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Core, SessionConfig};
use crate::shim::testing::{TablePdp, clock};
use std::collections::BTreeMap;

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

fn owner(subject: &str) -> Owner {
    Owner {
        issuer: "i".to_owned(),
        subject: subject.to_owned(),
    }
}

/// Makes sessions of these owners.
fn maker() -> impl Fn(Option<&str>) -> Arc<Bound> {
    let state = tempfile::tempdir().unwrap();
    let reporter = Reporter::open(state.path(), ReportConfig::default(), clock()).unwrap();
    let config = SessionConfig {
        server: "crm".to_owned(),
        context: BTreeMap::new(),
        pdp_deadline: Duration::from_millis(250),
        call_timeout: Duration::from_secs(60),
    };
    let pdp: Arc<dyn Pdp> = TablePdp::new(&[]);
    let core = Core::new(config, pdp, reporter, clock());
    move |subject| Bound::new(Session::new(&core, Arc::default()), subject.map(owner))
}

#[tokio::test]
async fn a_session_is_found_by_whoever_began_it_alone() {
    let (sessions, made) = (Sessions::default(), maker());
    let (hers, nobodys) = (made(Some("ann")), made(None));
    assert!(sessions.bind(&value("a"), &hers).unwrap().is_none());
    assert!(sessions.bind(&value("b"), &nobodys).unwrap().is_none());
    let found = |id: &str, subject: Option<&str>| {
        sessions
            .find(&value(id), subject.map(owner).as_ref())
            .is_some()
    };
    assert!(found("a", Some("ann")));
    assert!(found("b", None));
    for (id, subject) in [
        ("a", Some("bob")),
        ("a", None),
        ("b", Some("ann")),
        ("c", None),
        ("", None),
    ] {
        assert!(!found(id, subject), "{id} {subject:?}");
    }
    assert!(sessions.end(&value("a")).is_some());
    assert!(!found("a", Some("ann")));
}

#[tokio::test]
async fn ids_that_cannot_name_one_session_are_refused() {
    let (sessions, made) = (Sessions::default(), maker());
    assert!(sessions.bind(&value("a"), &made(None)).is_ok());
    let long = "x".repeat(SESSION_ID_BYTES_MAX + 1);
    for id in ["a", "", "b c", long.as_str()] {
        assert!(sessions.bind(&value(id), &made(None)).is_err(), "{id}");
    }
    assert_eq!(sessions.every().len(), 1);
}

#[tokio::test]
async fn whoever_was_idle_longest_makes_room() {
    let (sessions, made) = (Sessions::default(), maker());
    for number in 0..SESSIONS_MAX {
        assert!(
            sessions
                .bind(&value(&number.to_string()), &made(None))
                .unwrap()
                .is_none()
        );
    }
    assert!(sessions.find(&value("0"), None).is_some());
    assert!(sessions.bind(&value("new"), &made(None)).unwrap().is_some());
    assert!(sessions.find(&value("0"), None).is_some());
    assert!(sessions.find(&value("1"), None).is_none());
    let later = Instant::now() + Duration::from_millis(SESSION_IDLE_MS);
    assert_eq!(sessions.end_idle(later).len(), SESSIONS_MAX);
    assert!(sessions.every().is_empty());
}
