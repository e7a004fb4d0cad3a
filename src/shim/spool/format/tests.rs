use super::*;
use crate::model::time::Timestamp;
use crate::shim::event::Status;
use crate::shim::testing::an_outcome;
use proptest::prelude::*;

fn event(number: u64, id: &str) -> Kept {
    let mut outcome = an_outcome(Status::Ok);
    outcome.decision.decision_id = id.to_owned();
    Kept {
        number,
        event_id: id.to_owned(),
        time: Timestamp::from_nanos(1),
        body: EventBody::Outcome(outcome),
    }
}

fn line() -> impl Strategy<Value = Line> {
    let number = 1..NUMBER_MAX;
    prop_oneof![
        (number.clone(), 0_u64..9).prop_map(|(first, more)| Line::Head {
            first,
            next: (first + more).min(NUMBER_MAX),
        }),
        (number.clone(), "\\PC{0,9}").prop_map(|(number, id)| Line::Event(event(number, &id))),
        "\\PC{0,9}".prop_map(|id| Line::Forwarding(DecisionRef {
            decision_id: id.clone(),
            call_id: id,
            origin: String::new(),
        })),
        number.prop_map(|up_to| Line::Acknowledged { up_to }),
    ]
}

proptest! {
    #[test]
    fn a_line_reads_back_as_it_was(line in line(), at in any::<usize>(), flip in 1_u8..) {
        let bytes = line.to_bytes();
        let (end, text) = bytes.split_last().unwrap();
        prop_assert_eq!(*end, b'\n');
        prop_assert!(!text.contains(&b'\n'));
        prop_assert_eq!(Line::from_bytes(text), Some(line));
        let mut flipped = text.to_vec();
        let at = at % flipped.len();
        flipped[at] ^= flip;
        prop_assert_eq!(Line::from_bytes(&flipped), None);
        prop_assert_eq!(Line::from_bytes(&text[..at]), None);
    }

    #[test]
    fn whatever_is_read_makes_sense(lines in prop::collection::vec((line(), 0_u8..6), 0..12)) {
        let mut bytes = Vec::new();
        for (line, damage) in &lines {
            let mut line = line.to_bytes();
            match damage {
                0 => line.truncate(line.len() / 2),
                1 => line[3] ^= 1,
                _ => {}
            }
            bytes.extend(line);
        }
        check(&read(&bytes));
    }

    #[test]
    fn bytes_of_no_meaning_are_damage(bytes in prop::collection::vec(any::<u8>(), 0..99)) {
        let contents = read(&bytes);
        check(&contents);
        prop_assert!(contents.events.is_empty());
        prop_assert_eq!(contents.damaged_lines > 0, !bytes.is_empty());
    }
}

fn check(contents: &Contents) {
    let numbers: Vec<_> = contents.events.iter().map(|event| event.number).collect();
    assert!(contents.first >= 1 && contents.first <= contents.next);
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let range = contents.first..contents.next;
    assert!(numbers.iter().all(|number| range.contains(number)));
}
