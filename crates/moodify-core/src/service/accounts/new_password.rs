use std::collections::HashSet;
use std::sync::LazyLock;

use super::Accounts;
use crate::model::search::{fold_all, words};
use crate::model::{Invalid, Password};

/// NIST 800-63B-4, 3.1.1.2: whatever the configuration says, no less than this.
const FLOOR: usize = 8;

/// Passwords that many people use, folded. `data/README.md` tells where they come from.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("../../../data/common-passwords.txt").lines().collect());

impl Accounts {
    /// Checks a password that somebody chooses for an account. `own` are the texts that everybody
    /// can know of them: e-mail address and names.
    ///
    /// # Errors
    /// `password_too_short`, `password_too_long`, `password_too_common`, or
    /// `password_contains_own_words` when less than 8 characters are left of it without the words
    /// of `own` and the name of the product.
    pub fn new_password(&self, text: &str, own: &[&str]) -> Result<Password, Invalid> {
        let Self { inner } = self;
        let password = Password::new(text, inner.config.min_password_length.max(FLOOR))?;
        let folded = fold_all(password.expose());
        if is_common(&folded) {
            let message = "Many people use this password, so it is guessed first; choose another one.";
            return Err(Invalid::new("password_too_common", message));
        }
        let own = own.iter().copied().chain([inner.product_name.as_str(), "moodify"]);
        if without(&folded, own.flat_map(words).collect()).chars().count() < FLOOR {
            let message = "This is little more than your name, your address or ours; choose another one.";
            return Err(Invalid::new("password_contains_own_words", message));
        }
        Ok(password)
    }
}

/// In the list, or a few characters again and again (`aaaaaaaaaa`, `abcabcabcabc`).
fn is_common(folded: &str) -> bool {
    const LONGEST_UNIT: usize = 4;
    let chars: Vec<char> = folded.chars().collect();
    let repeats = |unit: usize| chars.iter().skip(unit).eq(chars.iter().take(chars.len() - unit));
    COMMON.contains(folded.trim()) || (1..=LONGEST_UNIT.min(chars.len() / 2)).any(repeats)
}

/// The text without these words, the longest first: `annabel` is not `anna` and `bel`.
fn without(folded: &str, mut words: Vec<String>) -> String {
    /// Shorter ones stand in too many others.
    const SHORTEST: usize = 3;
    words.retain(|word| word.chars().count() >= SHORTEST);
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    // Replaced by what no word holds, so that no new word comes of what stood around one.
    let left = words.iter().fold(folded.to_owned(), |left, word| left.replace(word.as_str(), "\0"));
    left.replace('\0', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_and_folded() {
        assert!(COMMON.len() >= 10_000);
        for password in COMMON.iter() {
            assert!(password.chars().count() >= FLOOR, "{password} is refused for its length anyway");
            assert_eq!(fold_all(password).trim(), *password, "it would never be found");
        }
    }

    #[test]
    fn what_many_use_is_common_however_it_is_written() {
        for text in ["password123", "PassWord123", "ｐａｓｓｗｏｒｄ１２３", " password123 ", "pássword123"]
        {
            assert!(is_common(&fold_all(text)), "{text}");
        }
        for text in ["aaaaaaaaaa", "abababababa", "12341234123", "\u{1f3b5}\u{1f3b5}\u{1f3b5}\u{1f3b5}"] {
            assert!(is_common(text), "{text}");
        }
        for text in ["correct horse battery staple", "password123 of mine", "", "x"] {
            assert!(!is_common(text), "{text}");
        }
    }

    #[test]
    fn own_words_do_not_count() {
        let own = || words("ada.lovelace@example.com Ada Zoë");
        for (password, left) in [
            ("adalovelace1815", "1815"),
            ("lovelace, ada zoe", ", "),
            ("example-2026", "-2026"),
            ("canada is a large place", "can is a large place"),
            ("adexampleac", "adac"),
        ] {
            assert_eq!(without(password, own()).trim_end(), left.trim_end(), "{password}");
        }
    }
}
