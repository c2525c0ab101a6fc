//! How texts are compared in searches: the same on every store.

use unicode_normalization::UnicodeNormalization;

/// The most words of a query that count.
pub const MAX_QUERY_WORDS: usize = 8;

/// The most bytes of a folded text, or of a word of one, that count: an entry of an index on PostgreSQL
/// has at most 2,704, and one holds a title and a genre. Only texts of characters that stand for
/// whole words (such as U+FDFA) have more.
pub const MAX_FOLDED_BYTES: usize = 1_200;

/// A text without case and accents, compatibility-composed: `Été ﬁn` becomes `ete fin`, `Straße` becomes
/// `strasse`. Of a longer one the first [`MAX_FOLDED_BYTES`].
pub fn fold(text: &str) -> String {
    bounded(fold_all(text))
}

fn bounded(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_FOLDED_BYTES));
    text
}

/// The same, however long it is.
pub fn fold_all(text: &str) -> String {
    text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_accent(*c)).flat_map(unify).nfkc().collect()
}

/// Small letters that are the same to who searches: their capitals are. Stored folds are made of this
/// too: what is added here has to be put into them by a migration.
fn unify(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'ς' => ('σ', None),
        other => (other, None),
    };
    std::iter::once(first).chain(second)
}

/// The accents of Latin, Greek and Cyrillic. Marks of other scripts (Devanagari vowels, kana voicing)
/// are letters to their readers and stay.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// The folded words of a text, in order, each once.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold_all(text);
    let mut words: Vec<String> = Vec::new();
    for word in folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let word = bounded(word.to_owned());
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The folded words of a query: at most [`MAX_QUERY_WORDS`].
pub fn query_words(query: &str) -> Vec<String> {
    let mut words = words(query);
    words.truncate(MAX_QUERY_WORDS);
    words
}

/// Whether each query word begins a word of one of the texts.
pub fn matches(query: &[String], texts: &[&str]) -> bool {
    let words: Vec<String> = texts.iter().flat_map(|text| words(text)).collect();
    query.iter().all(|q| words.iter().any(|w| w.starts_with(q.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_accents_and_compatibility_forms() {
        assert_eq!(fold("Été ﬁn ＡＢＣ Ⅸ"), "ete fin abc ix");
        assert_eq!(fold("Straße STRASSE STRAẞE"), "strasse strasse strasse");
        assert_eq!((fold("ΟΔΟΣ"), fold("Οδός")), ("οδοσ".to_owned(), "οδοσ".to_owned()));
        assert_eq!(words("Don't stop, don't!"), ["don", "t", "stop"]);
        assert_eq!(words("夜に駆ける"), ["夜に駆ける"]);
    }

    #[test]
    fn every_word_must_begin_a_word() {
        let texts = ["Café del Mar", "José Padilla"];
        assert!(matches(&query_words("cafe pad"), &texts));
        assert!(!matches(&query_words("afe"), &texts));
        assert!(!matches(&query_words("cafe x"), &texts));
        assert!(matches(&query_words(" -- "), &texts));
    }

    #[test]
    fn what_is_folded_fits_an_index() {
        // Each becomes a word of six katakana.
        let text = "\u{3316}".repeat(200);
        assert_eq!(fold_all(&text).len(), 3_600);
        let [word] = &words(&text)[..] else { panic!("one word") };
        for bounded in [&fold(&text), word] {
            assert_eq!(bounded.len(), MAX_FOLDED_BYTES);
            assert!(fold_all(&text).starts_with(bounded.as_str()));
        }
        assert!(matches(&query_words(&text), &[&text]));
        // Nothing that people write is cut, not at its end either.
        for text in ["夜".repeat(200), "\u{1F3B5}".repeat(200), "a".repeat(1_199) + "é"] {
            assert_eq!(fold(&text).len(), fold_all(&text).len().min(MAX_FOLDED_BYTES));
        }
        assert_eq!(fold(&("a".repeat(1_199) + "夜")).len(), 1_199);
    }
}
