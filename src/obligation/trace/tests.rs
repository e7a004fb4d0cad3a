use super::*;
use crate::obligation::plan::{Action, Owed};

fn names(fields: &[&str]) -> Names {
    let mut names = Names::default();
    for field in fields {
        let (action, field) = (Action::Drop, (*field).to_owned());
        names.owe(Owed { action, field });
    }
    names
}

#[test]
fn labels_cells_tables_and_encodings_show_a_name() {
    let listed = names(&["email", "first name"]);
    let shown = [
        "email: x",
        "E-Mail = x",
        "my email：x",
        "email → x",
        "email - x",
        "<email v='x'/>",
        "<email xmlns='u'>a</email>",
        "id,email\n1,x",
        "email\tid\nx\t1",
        "id;\"email\"",
        "id  email\n1   x",
        "email  x",
        "id email\n1 x",
        "## Email\nx",
        "(email \"x\")",
        "{email x}",
        "First name Ann",
        "first_name: Ann",
        "\\u0065mail: x",
        "see {\\\"\\u0065mail\\\": 1}",
        "?%65mail=x",
        "%2565mail=x",
        "&#101;mail: x",
        "&lt;email&gt;x",
        "e\u{200b}mail: x",
        "еmail: x",
        "data:text/plain,x",
        "x DATA:application/json;base64,e30=",
        "data:,x",
        // {"email":"a@b.c"}: base64, base64url in a token, hexadecimal
        "eyJlbWFpbCI6ImFAYi5jIn0=",
        "h.eyJlbWFpbCI6ImFAYi5jIn0.s",
        "7b22656d61696c223a226140622e63227d",
        "H4sIAAAAAAAAA6tWSs1NzMxRslJKdEjSS9ZTqgUAY",
    ];
    for text in shown {
        assert!(shows(&listed, text), "{text}");
    }
    let wrapped = format!("{}\n{}", "QUFB".repeat(15), "eyJlbWFpbCI6MX0=");
    assert!(shows(&listed, &wrapped));
    assert!(shows(&listed, &"/+8B".repeat(400)), "a blob");
    let passes = [
        "an email",
        "email",
        "send the email to Ann, at 10:30",
        "metadata:x,y",
        "data: a, b",
        "emails: x",
        "customer_email: x",
        "0199c4f2-7a3e-7d10-9c3b-1f2e3d4c5b6a",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://example.com/users/17?tab=orders",
        "100% sure & done; \\o/",
        "",
    ];
    for text in passes {
        assert!(!shows(&listed, text), "{text}");
    }
}

#[test]
fn escapes_of_escapes_end() {
    let deep =
        (0..NESTING_MAX + 1).fold("%65mail=x".to_owned(), |text, _| text.replace('%', "%25"));
    assert!(shows(&names(&["email"]), &deep));
}

/// Names of members with their strings.
type Members = &'static [(&'static str, Option<&'static str>)];

#[test]
fn lists_of_names_with_values_are_known() {
    let listed = names(&["phone"]);
    let cases: [(Members, bool); 7] = [
        (&[("system", Some("phone")), ("value", Some("555"))], true),
        (&[("Name", Some("Phone")), ("x", None)], true),
        (&[("what", Some("phone")), ("Value", None)], true),
        (&[("note", Some("phone")), ("x", Some("555"))], false),
        (&[("name", Some("phones")), ("value", Some("5"))], false),
        // A document, of which a mask has left no other letters.
        (
            &[("type", Some(r#"[{"phone":"***"}]"#)), ("value", None)],
            false,
        ),
        (&[], false),
    ];
    for (members, expected) in cases {
        assert_eq!(names_a_value(&listed, members), expected, "{members:?}");
    }
}
