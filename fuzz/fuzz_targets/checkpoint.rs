//! A note that is read is written as it was read but for what means nothing, and so are the
//! checkpoint and the proof in it; nobody's signature holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate::tlog::{Checkpoint, KeyKind, Note, TlogProof, VerifierKey};

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        let again = Note::parse(note.to_string().as_bytes()).expect("what was written");
        assert_eq!(note, again);
        if let Ok(checkpoint) = note.text().parse::<Checkpoint>() {
            assert_eq!(checkpoint.to_string(), note.text());
        }
        for kind in [KeyKind::Log, KeyKind::Witness] {
            let key = VerifierKey::new("pdp/1", kind, [7; 32]).expect("a name");
            assert!(note.check(&key).is_err(), "a signature by nobody holds");
        }
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(proof) = text.parse::<TlogProof>() {
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
});
