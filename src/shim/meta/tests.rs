use super::*;

#[test]
fn each_request_tells_its_era_itself() {
    let modern = Meta::read(Some(br#"{"name":"a","cursor":"c","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":"p","traceparent":"00-1","other":1,"io.modelcontextprotocol/clientInfo":{"name":"n"}}}"#));
    assert_eq!(modern.modern.as_deref(), Some("2026-07-28"));
    assert_eq!(
        (modern.name.as_str(), modern.cursor.as_deref()),
        ("a", Some("c"))
    );
    assert_eq!(modern.progress_token, Some(Id::Text("p".to_owned())));
    assert_eq!(modern.traceparent.as_deref(), Some("00-1"));
    // The shim's own requests repeat what the era demands, and not the token or the trace.
    let own = Json::Object(modern.own_params).to_string();
    assert_eq!(
        own,
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"n"}}}"#
    );
    let older = Meta::read(Some(
        br#"{"uri":"u","_meta":{"progressToken":1.5,"traceparent":7}}"#,
    ));
    let expected = Meta {
        name: "u".to_owned(),
        ..Meta::default()
    };
    assert_eq!(older, expected);
    for nothing in [
        None,
        Some(b"{}".as_slice()),
        Some(br#"{"name":1,"_meta":[]}"#),
    ] {
        assert_eq!(Meta::read(nothing), Meta::default());
    }
}
