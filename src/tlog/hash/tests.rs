use super::{Hash, leaf_hash, node_hash, root_of_empty};

#[test]
fn hashes_are_those_of_certificate_transparency() {
    // The reference vectors of certificate-transparency, also in RFC 6962's implementations.
    let cases = [
        (
            root_of_empty(),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        ),
        (
            leaf_hash(b""),
            "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        ),
    ];
    for (hash, expected) in cases {
        assert_eq!(hash.to_string(), expected);
    }
}

#[test]
fn a_node_is_not_a_leaf_of_the_same_bytes() {
    let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
    let together = [left.0, right.0].concat();
    assert_ne!(node_hash(&left, &right), leaf_hash(&together));
    assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
}

#[test]
fn only_the_one_base64_is_a_hash() {
    let hash = leaf_hash(b"a");
    let text = hash.to_string();
    assert_eq!(Hash::from_base64(&text), Some(hash));
    let wrong = [
        text.trim_end_matches('=').to_owned(),
        format!("{text}\n"),
        text.replacen('=', "==", 1),
        String::new(),
        "AAAA".to_owned(),
    ];
    for text in wrong {
        assert_eq!(Hash::from_base64(&text), None, "{text}");
    }
}
