//! Words that a key may have, and what each means.

/// What one of several words stands for; the default is the type's.
pub(super) trait Worded: Copy + Default + PartialEq + 'static {
    /// Every word and its meaning.
    const WORDS: &'static [(&'static str, Self)];
}

/// The words that a key may have, and those that it has where nobody wrote any.
pub(super) struct Words {
    pub(super) all: Vec<&'static str>,
    /// None: the key must be given.
    pub(super) default: Vec<&'static str>,
}

/// The words of a type.
pub(super) fn of<T: Worded>() -> Words {
    list_of(T::WORDS, &[T::default()])
}

/// The words of a list, and its default.
pub(super) fn list_of<T: PartialEq>(words: &[(&'static str, T)], default: &[T]) -> Words {
    let word_of = |meaning: &T| {
        let found = words.iter().find(|(_, it)| it == meaning);
        found.map(|(word, _)| *word)
    };
    Words {
        all: words.iter().map(|(word, _)| *word).collect(),
        default: default.iter().filter_map(word_of).collect(),
    }
}
