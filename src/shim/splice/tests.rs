use super::*;

#[test]
fn edits_are_applied_in_order_or_not_at_all() {
    let edit = |place: Range<usize>, with: &str| Edit {
        place,
        with: with.as_bytes().to_vec(),
    };
    let cases = [
        (vec![], Some("abcdef")),
        (vec![edit(0..1, "X")], Some("Xbcdef")),
        (
            vec![edit(1..3, ""), edit(3..3, "YY"), edit(5..6, "Z")],
            Some("aYYdeZ"),
        ),
        (vec![edit(6..6, "!")], Some("abcdef!")),
        (vec![edit(3..4, "X"), edit(1..2, "Y")], None),
        (vec![edit(1..3, "X"), edit(2..4, "Y")], None),
        (vec![edit(5..7, "X")], None),
        (vec![edit(9..9, "X")], None),
    ];
    for (edits, expected) in cases {
        let expected = expected.map(|text| text.as_bytes().to_vec());
        assert_eq!(apply(b"abcdef", &edits), expected, "{edits:?}");
    }
}

#[test]
fn a_place_is_one_of_the_document_itself() {
    let whole = b"abcabc".to_vec();
    assert_eq!(place_of(&whole, &whole[3..6]), Some(3..6));
    assert_eq!(place_of(&whole, &whole[6..]), Some(6..6));
    let elsewhere = b"abc".to_vec();
    assert_eq!(place_of(&whole, &elsewhere), None);
}

#[test]
fn what_is_not_one_array_has_no_items() {
    for text in ["", "[", "]", "{}", "1", "\"[]\""] {
        assert_eq!(items(text.as_bytes()), None, "{text}");
    }
    assert_eq!(items(b" [ ] "), Some(vec![]));
    assert_eq!(items(br#"["a,b", {"x":[1,2]},"\",\\"]"#).unwrap().len(), 3);
}
