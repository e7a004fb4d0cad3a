//! The nearest known word to a misspelled one.

/// One edit is forgiven for each so many letters of the word that was meant.
const LETTERS_PER_EDIT: usize = 4;

/// The candidate that `word` most likely means: the fewest insertions, deletions, replacements or
/// swaps of neighbours away.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (edits(word, candidate), *candidate))
        .filter(|(edits, candidate)| edits * LETTERS_PER_EDIT <= candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// The optimal string alignment distance, row by row.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (at, letter) in from.chars().enumerate() {
        let mut row = vec![at + 1];
        for (column, other) in to.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
            let mut least = (cell(&last, column) + usize::from(letter != *other))
                .min(cell(&last, column + 1) + 1)
                .min(cell(&row, column) + 1);
            let before = column.checked_sub(1);
            let swapped = before.and_then(|before| to.get(before)) == Some(&letter)
                && previous == Some(*other);
            if let (true, Some(before)) = (swapped, before) {
                least = least.min(cell(&before_last, before) + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(usize::MAX)
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
