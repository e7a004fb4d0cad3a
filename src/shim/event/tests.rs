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
            kind: Transport::Http,
            server: "crm".to_owned(),
        },
        EventBody::Heartbeat { spooled: 7 },
        EventBody::LocalDenial {
            code: "pdp_unavailable".to_owned(),
            mcp,
        },
    ];
    for body in bodies.into_iter().chain(others) {
        let kept = Kept {
            number: 1 << 53,
            event_id: "e".to_owned(),
            time: Timestamp::from_nanos(-1),
            body,
        };
        let json = kept.to_json();
        assert!(!json.to_bytes().contains(&b'\n'));
        assert_eq!(Kept::from_json(&json).as_ref(), Some(&kept));
        let event = kept.placed("s", 3, 4);
        assert_eq!((event.epoch, event.seq, event.body), (3, 4, kept.body));
    }
}
