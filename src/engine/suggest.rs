//! The nearest known word to a misspelled one.

/// One edit is forgiven for each so many letters of the word that was meant.
const LETTERS_PER_EDIT: usize = 4;

/// The candidate that `word` most likely means: the fewest insertions, deletions, replacements or
/// swaps of neighbours away.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), *candidate))
        .filter(|(edits, candidate)| edits * LETTERS_PER_EDIT <= candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_word_that_was_meant() {
        const SETS: [&str; 5] = ["allow", "approve", "constrain", "deny", "visible"];
        for (word, meant) in [
            ("denny", Some("deny")),
            ("dney", Some("deny")),
            ("den", Some("deny")),
            ("aprove", Some("approve")),
            ("allows", Some("allow")),
            ("constrian", Some("constrain")),
            ("constraint", Some("constrain")),
            ("visable", Some("visible")),
            ("deny", Some("deny")),
            ("any", None),
            ("tool", None),
            ("below", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &SETS), meant, "{word}");
        }
    }
}
