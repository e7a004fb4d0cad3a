//! Whatever text comes in.

use super::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_never_authenticates(text in ".{0,200}") {
        prop_assert!(verifier().verify(&Token::new(text), now()).is_err());
    }

    #[test]
    fn a_sound_signature_over_other_text_never_authenticates(
        header in "[ -~]{0,80}",
        payload in "[ -~]{0,120}",
    ) {
        let sound = with_header(HEADER);
        let (_, signature) = sound.rsplit_once('.').unwrap();
        let forged = format!("{}.{signature}", unsigned(&header, &payload));
        prop_assert!(verifier().verify(&Token::new(forged), now()).is_err());
    }

    #[test]
    fn one_changed_character_never_authenticates(at in 0_usize..10_000, to in "[A-Za-z0-9_.-]") {
        let sound = with_header(HEADER);
        let mut bytes = sound.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = to.as_bytes()[0];
        let changed = String::from_utf8(bytes).unwrap();
        prop_assume!(changed != sound);
        prop_assert!(verifier().verify(&Token::new(changed), now()).is_err());
    }
}
