use super::{Fields, Header, members};
use crate::audit::record::samples::{TIME, all};

fn header() -> Header<'static> {
    Header {
        origin: "pdp/1",
        time: "t".to_owned(),
        kind: "k",
    }
}

fn line(put: impl FnOnce(&mut Fields<'_>)) -> String {
    let mut fields = Fields::of_record(header());
    put(&mut fields);
    fields.unlinked().line(7, "p")
}

#[test]
fn the_order_of_putting_does_not_show() {
    let expected = r#"{"a":1,"origin":"pdp/1","prev":"p","q":{"x":true,"y":[]},"seq":7,"time":"t","type":"k","z":"\n"}"#;
    let in_order = line(|fields| {
        let inner = |fields: &mut Fields<'_>| {
            fields.put("x", true).texts("y", &[]);
        };
        fields
            .integer("a", 1)
            .put("q", members(inner))
            .put("z", "\n");
    });
    assert_eq!(in_order, expected);
    let as_it_comes = line(|fields| {
        let inner = |fields: &mut Fields<'_>| {
            fields.texts("y", &[]).put("x", true);
        };
        fields
            .put("z", "\n")
            .put("q", members(inner))
            .integer("a", 1);
    });
    assert_eq!(as_it_comes, expected);
    let inner_alone = line(|fields| {
        let inner = |fields: &mut Fields<'_>| {
            fields.texts("y", &[]).put("x", true);
        };
        fields
            .integer("a", 1)
            .put("q", members(inner))
            .put("z", "\n");
    });
    assert_eq!(inner_alone, expected);
}

#[test]
fn a_record_without_fields_has_its_header() {
    let expected = r#"{"origin":"pdp/1","prev":"p","seq":7,"time":"t","type":"k"}"#;
    assert_eq!(line(|_| ()), expected);
    let first = r#"{"a":{},"origin":"pdp/1","prev":"p","seq":7,"time":"t","type":"k"}"#;
    assert_eq!(line(|fields| _ = fields.put("a", members(|_| ()))), first);
}

/// Else the whole record is read again to sort it.
#[test]
fn every_type_puts_its_fields_in_order() {
    for record in all() {
        let mut fields = Fields::of_record(Header {
            origin: "pdp/1",
            time: TIME.rfc3339_micros(),
            kind: record.kind(),
        });
        record.put_into(&mut fields);
        assert!(!fields.is_unordered, "{}", record.kind());
    }
}
