use super::*;

#[test]
fn names_that_a_reader_takes_for_one_are_one() {
    let same = [
        "email",
        "Email",
        "EMAIL",
        "e_mail",
        "e-Mail",
        "e mail",
        " email ",
        "e.mail",
        "e\u{200b}mail",
        "\u{feff}email",
        "e\u{ad}mail",
        "em\u{202e}ail",
        "e\u{0}mail",
        "ｅｍａｉｌ",
        "𝐞𝐦𝐚𝐢𝐥",
        "ⓔⓜⓐⓘⓛ",
        "е\u{43c}ail",
        "emаil",
        "emaιl",
        "e\u{301}mail",
        "EMAİL",
        "emaıl",
        "#email",
        "\"email\"",
        "ᵉᵐᵃᶦˡ",
    ];
    for name in same {
        assert_eq!(fold(name), "email", "{name:?}");
    }
    for (one, other) in [
        ("prénom", "pre\u{301}nom"),
        ("ﬁrst", "First"),
        ("straße", "Straße"),
    ] {
        assert_eq!(fold(one), fold(other), "{one}");
    }
    for name in ["mail", "emails", "customer_email", "e-mails"] {
        assert_ne!(fold(name), "email", "{name:?}");
    }
    // Names without letters do not all become the same.
    assert_ne!(fold("$"), fold("#"));
}

#[test]
fn each_segment_of_a_path_counts() {
    let mut names = Names::default();
    for field in ["email", "user.id", "$"] {
        let (action, field) = (Action::Mask, field.to_owned());
        names.owe(Owed { action, field });
    }
    for name in [
        "user.email",
        "email.verified",
        "contact[email]",
        "ns:email",
        "@email",
        "a/b/email",
        "\\u0065mail",
        "%65mail",
        "&#101;mail",
        "user.id",
        "user_id",
        "$",
    ] {
        assert!(names.of_member(name).is_some(), "{name}");
    }
    for name in ["useremail", "id", "mail", "", "#"] {
        assert!(names.of_member(name).is_none(), "{name}");
    }
}
