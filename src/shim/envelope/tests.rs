use super::*;

#[test]
fn the_id_is_read_wherever_it_stands() {
    let seven = Some(Id::Integer(7));
    // The line, its id, whether it may be an answer.
    let cases: [(&str, Option<Id>, bool); 20] = [
        (
            r#"{"jsonrpc":"2.0","id":7,"result":{"n":NaN}}"#,
            seven.clone(),
            true,
        ),
        (
            r#"{"result":{"id":8,"a":["}",{"id":9}]},"jsonrpc":"2.0","id":7}"#,
            seven.clone(),
            true,
        ),
        (r#" { "id" : 7 , "error" : {"#, seven.clone(), true),
        (r#"{"\u0069d":7,"result":{}}"#, seven.clone(), true),
        (r#"{"id":7,"result":"\"}],"}"#, seven.clone(), true),
        ("{\"id\":7,\r\"result\":{}}", seven.clone(), true),
        (
            r#"{"id":"a\"b","result":1}"#,
            Some(Id::Text("a\"b".to_owned())),
            true,
        ),
        (r#"{"id":7,"method":"ping"}"#, seven, false),
        // Two ids, or none that can be used.
        (r#"{"id":7,"id":8,"result":{}}"#, None, true),
        (r#"{"id":7.5,"result":{}}"#, None, true),
        (r#"{"id":{"id":7},"result":{}}"#, None, true),
        (r#"{"id":null,"result":{}}"#, None, true),
        (r#"{"jsonrpc":"2.0","res"#, None, true),
        (r#"{"result":{"id":7}"#, None, true),
        // No messages at all.
        (r#"{"level":"info","msg":"result"}"#, None, false),
        (r#"{"level":"info","error_id":1}"#, None, false),
        ("{debug: id}", None, false),
        ("[INFO] id: 7", None, false),
        ("Server is listening", None, false),
        ("", None, false),
    ];
    for (line, id, may_answer) in cases {
        let sketch = Sketch::of(line.as_bytes());
        assert_eq!(sketch.id, id, "{line}");
        assert_eq!(sketch.may_answer(), may_answer, "{line}");
        let mut bytewise = Envelope::default();
        line.as_bytes()
            .chunks(1)
            .for_each(|byte| bytewise.feed(byte));
        assert_eq!(bytewise.finish(), sketch, "{line}");
    }
}

#[test]
fn memory_is_bounded_whatever_the_line() {
    let texts = ["x", "\"x\",", "[", "{\"a\":", "\\\"", "{\"id\":"];
    for text in texts {
        let mut envelope = Envelope::default();
        envelope.feed(b"{\"id\":\"");
        let piece = text.repeat(1 << 16);
        for _ in 0..8 {
            envelope.feed(piece.as_bytes());
        }
        assert!(envelope.part.capacity() <= 2 * PART_BYTES_MAX, "{text}");
        assert!(envelope.ids.len() <= 2, "{text}");
    }
}
