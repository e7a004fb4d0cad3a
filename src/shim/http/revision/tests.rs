use super::*;

fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

#[test]
fn a_revision_that_is_not_understood_is_refused() {
    let name = "mcp-protocol-version";
    let value = |text: &str| text.parse::<HeaderValue>().unwrap();
    assert_eq!(Revision::of(&HeaderMap::new()), Ok(Revision::Legacy(None)));
    for known in LEGACY {
        let expected = Revision::Legacy(Some(value(known)));
        assert_eq!(Revision::of(&headers(name, &[known])), Ok(expected));
    }
    let modern = Revision::of(&headers(name, &["2026-07-28"])).unwrap();
    assert_eq!(modern, Revision::Modern(value("2026-07-28")));
    assert_eq!(modern.name(), "2026-07-28");
    for (values, requested) in [
        (&["2027-01-01"][..], "2027-01-01"),
        (&["not-a-version"], ""),
        (&["2025-11-25", "2026-07-28"], ""),
        (&["2025-11-25 "], ""),
        (&[""], ""),
    ] {
        let found = Revision::of(&headers(name, values));
        let requested = requested.to_owned();
        let trimmed = values == ["2025-11-25 "];
        match found {
            Err(found) => assert_eq!(found, Unsupported { requested }, "{values:?}"),
            // The header's own reader takes the space off.
            Ok(_) => assert!(trimmed, "{values:?}"),
        }
    }
}

#[test]
fn a_client_takes_what_it_says_that_it_takes() {
    for (values, json, events) in [
        (&["application/json, text/event-stream"][..], true, true),
        (&["application/json", "Text/Event-Stream;q=0.5"], true, true),
        (&["*/*"], true, true),
        (&["application/*"], true, false),
        (&["application/jsonx"], false, false),
        (&[], false, false),
    ] {
        let headers = headers("accept", values);
        assert_eq!(accepts(&headers, "application/json"), json, "{values:?}");
        assert_eq!(accepts(&headers, "text/event-stream"), events, "{values:?}");
        assert_eq!(takes_both(&headers).is_ok(), json && events, "{values:?}");
    }
}
