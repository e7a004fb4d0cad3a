use super::*;
use proptest::prelude::*;

fn items(stream: &[u8]) -> Vec<Item> {
    let mut parser = Parser::default();
    let mut items = parser.feed(stream);
    items.extend(parser.end());
    items
}

/// What a reader by the standard's own words gets: the data of each event, in order.
fn by_the_standard(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let ended = text.rsplit_once('\n').map_or("", |(ended, _)| ended);
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in ended.split('\n') {
        let line = if line == "data" { "data:" } else { line };
        match line.strip_prefix("data:") {
            Some(value) => data.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
            None if line.is_empty() && !data.is_empty() => {
                events.push(data.split_off(0).join("\n"))
            }
            None => {}
        }
    }
    events
}

/// What goes on to the client when nothing is changed.
fn passed(stream: &[u8]) -> Vec<u8> {
    let passed = items(stream).into_iter().flat_map(|item| match item {
        Item::Event(event) => event.with(&event.data),
        Item::Comment => KEEP_ALIVE.to_vec(),
        Item::Foreign | Item::Bad { .. } => Vec::new(),
    });
    passed.collect()
}

#[test]
fn what_every_reader_reads_the_same_is_passed_byte_for_byte() {
    for stream in [
        "event: message\ndata: {}\n\n",
        "data:{}\n\n",
        "event: message\r\nid: 7\r\ndata: {\"a\":1}\r\n\r\n",
        "id: place\ndata: \n\n",
        "retry: 3000\nid: a/b_c\ndata:\n\n",
        "data: {\ndata: }\n\ndata: {}\n\n",
        "id: only\n\n",
    ] {
        assert_eq!(passed(stream.as_bytes()), stream.as_bytes(), "{stream:?}");
    }
}

#[test]
fn what_readers_differ_about_is_written_anew() {
    for (stream, written) in [
        ("data: {}\r\r", "data: {}\n\n"),
        ("data: {}\rdata: 1\n\n", "data: {}\ndata: 1\n\n"),
        ("\u{feff}data: {}\n\n", "data: {}\n\n"),
        (": ping - 12:00\n\n", ":\n\n"),
        (": said\ndata: {}\n\n", "data: {}\n\n"),
        ("said: x\ndata: {}\n\n", "data: {}\n\n"),
        ("id: a b\ndata: {}\n\n", "data: {}\n\n"),
        ("retry: soon\ndata: {}\n\n", "data: {}\n\n"),
        (
            "event: message\nretry: 99999999999\ndata: {}\n\n",
            "event: message\ndata: {}\n\n",
        ),
        (
            "data: \"a\u{2028}\u{2029}\u{85}\"\n\n",
            "data: \"a\\u2028\\u2029\\u0085\"\n\n",
        ),
        ("event: endpoint\ndata: /elsewhere\n\n", ""),
        ("data: {}\n", ""),
        ("\n\n", ""),
        ("event: message\n\n", ""),
    ] {
        let found = passed(stream.as_bytes());
        assert_eq!(String::from_utf8_lossy(&found), written, "{stream:?}");
    }
}

#[test]
fn a_changed_message_keeps_its_place_in_the_stream() {
    let found = items(b"event: message\nid: 7\ndata: {\"a\":1}\n\n");
    let [Item::Event(event)] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(event.with(b"{}"), b"event: message\nid: 7\ndata: {}\n\n");
    assert_eq!(
        event.with(b"{\r\n}"),
        b"event: message\nid: 7\ndata: {\ndata: \ndata: }\n\n"
    );
    assert_eq!(Event::of(b"{}"), b"event: message\ndata: {}\n\n");
}

#[test]
fn an_event_that_is_too_long_is_named_by_its_id_and_not_kept() {
    let mut parser = Parser::default();
    assert_eq!(
        parser.feed(b"data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":\""),
        []
    );
    let part = vec![b'x'; 1 << 20];
    for _ in 0..8 {
        assert_eq!(parser.feed(&part), []);
        assert!(parser.line.capacity() <= 2 * MESSAGE_BYTES_MAX + DATA.len());
    }
    let found = parser.feed(b"\"}}\n\ndata: {}\n\n");
    let [Item::Bad { why, sketch }, Item::Event(after)] = found.as_slice() else {
        panic!("{found:?}");
    };
    let frame_bytes_max = MESSAGE_BYTES_MAX;
    assert_eq!(*why, Why::FrameTooLong { frame_bytes_max });
    assert_eq!(sketch.id, Some(crate::shim::message::Id::Integer(7)));
    assert_eq!(after.data, b"{}");
}

#[test]
fn many_lines_make_no_longer_event_than_one() {
    let lines = "data: x\n".repeat(MESSAGE_BYTES_MAX / 2 + 2) + "\n";
    assert!(matches!(
        items(lines.as_bytes()).as_slice(),
        [Item::Bad { .. }]
    ));
    let comments = ": x\n".repeat(1 << 20) + "data: {}\n\n";
    assert_eq!(passed(comments.as_bytes()), b"data: {}\n\n");
}

/// Streams of what matters to a reader.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just("\n"),
        Just("\r"),
        Just("\r\n"),
        Just("\n\n"),
        Just(":"),
        Just(" "),
        Just("data"),
        Just("data: {}"),
        Just("id: 1"),
        Just("event: message"),
        Just("event: x"),
        Just("retry: 5"),
        Just("\u{feff}"),
        Just("\u{2028}"),
        Just("\u{85}"),
        Just("x"),
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_up_the_events_are_the_same(
        stream in stream(),
        cuts in proptest::collection::vec(0_usize..64, 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut parser = Parser::default();
        let mut found = Vec::new();
        for pair in cuts.windows(2) {
            found.extend(parser.feed(&stream[pair[0]..pair[1]]));
        }
        found.extend(parser.end());
        prop_assert_eq!(found, items(&stream));
    }

    #[test]
    fn what_is_passed_on_is_read_the_same_by_every_reader(stream in stream()) {
        let passed = passed(&stream);
        let text = String::from_utf8(passed.clone()).unwrap();
        let odd = ['\r', '\u{2028}', '\u{2029}', '\u{85}'];
        let has_odd = text.replace("\r\n", "\n").contains(odd)
            || text.starts_with('\u{feff}');
        prop_assert!(!has_odd);
        // Another reader finds in it what this one found in the original.
        let data = items(&stream).into_iter().filter_map(|item| match item {
            Item::Event(event) if event.raw.is_none() || !event.data.is_empty() => {
                String::from_utf8(without_odd_breaks(&event.data)).ok()
            }
            _ => None,
        });
        let data: Vec<_> = data.filter(|it| !it.is_empty()).collect();
        let read: Vec<_> = by_the_standard(&passed).into_iter().filter(|it| !it.is_empty()).collect();
        prop_assert_eq!(read, data);
    }
}
