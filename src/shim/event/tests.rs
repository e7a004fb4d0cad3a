use super::*;
use crate::shim::testing::an_outcome;

#[test]
fn an_event_reads_back_as_it_was() {
    let mcp = Mcp {
        server: "crm".to_owned(),
        method: "tools/call".to_owned(),
        name: "odd\n\"name\"\u{2028}".to_owned(),
        protocol: String::new(),
    };
    let bodies = Status::ALL.map(|status| EventBody::Outcome(an_outcome(status)));
    let others = [
        EventBody::Connected {
            server: "crm".to_owned(),
        },
        EventBody::Heartbeat { spooled: 7 },
        EventBody::LocalDenial {
            code: "pdp_unavailable".to_owned(),
            mcp,
        },
    ];
    for body in bodies.into_iter().chain(others) {
        let event = Event {
            shim_id: "s".to_owned(),
            epoch: 3,
            seq: u64::MAX,
            event_id: "e".to_owned(),
            time: Timestamp::from_nanos(-1),
            body,
        };
        let line = event.to_line();
        assert!(!line.contains(&b'\n'));
        assert_eq!(Event::from_line(&line), Some(event));
        // A torn line is no event.
        for end in 0..line.len() {
            assert_eq!(Event::from_line(&line[..end]), None, "{end}");
        }
    }
}
