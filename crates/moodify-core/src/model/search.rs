//! How texts are compared in searches: the same on every store.

use unicode_normalization::UnicodeNormalization;

/// The most words of a query that count.
pub const MAX_QUERY_WORDS: usize = 8;

/// A text without case and accents, compatibility-composed: `Été ﬁn` becomes `ete fin`.
pub fn fold(text: &str) -> String {
    text.nfkd().flat_map(char::to_lowercase).filter(|c| !is_accent(*c)).nfkc().collect()
}

/// The accents of Latin, Greek and Cyrillic. Marks of other scripts (Devanagari vowels, kana voicing)
/// are letters to their readers and stay.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}')
}

/// The folded words of a text, in order, each once.
pub fn words(text: &str) -> Vec<String> {
    let folded = fold(text);
    let mut words: Vec<String> = Vec::new();
    for word in folded.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        if !words.iter().any(|w| w == word) {
            words.push(word.to_owned());
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
}
