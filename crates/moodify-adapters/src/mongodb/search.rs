//! Searches without a text index. A document holds all beginnings of its words, up to a length, in one
//! array: that a word of the query begins one of them is an equality, which an index of the array answers.

use std::collections::BTreeSet;

use mongodb::bson::{Bson, Document, doc};
use moodify_core::model::search;

/// The longest beginning that is kept, in characters. What a longer word of a query goes on with is compared
/// with the words that were found; few words share so long a beginning.
const LONGEST: usize = 10;

/// Above every character that a folded word can hold: it is no letter and never will be one.
const AFTER_ALL: char = '\u{10FFFF}';

/// What a document that is found by these texts holds.
pub(super) fn fields<'t>(texts: impl IntoIterator<Item = &'t str>) -> Document {
    let words: BTreeSet<String> = texts.into_iter().flat_map(search::words).collect();
    let prefixes: BTreeSet<&str> = words.iter().flat_map(|word| prefixes(word)).collect();
    doc! {
        "prefixes": prefixes.into_iter().map(Bson::from).collect::<Vec<_>>(),
        "words": words.iter().map(|word| Bson::from(word.as_str())).collect::<Vec<_>>(),
    }
}

fn prefixes(word: &str) -> impl Iterator<Item = &str> {
    let ends = word.char_indices().map(|(start, c)| start + c.len_utf8());
    ends.take(LONGEST).filter_map(|end| word.get(..end))
}

/// Adds to a filter that each of these folded words begins a word of the document.
pub(super) fn add(filter: &mut Document, query: &[String]) {
    let mut beginnings: Vec<&str> = query.iter().filter_map(|word| prefixes(word).last()).collect();
    // The longest first: it is probably the rarest, and servers walk the index for the first one.
    beginnings.sort_by_key(|beginning| std::cmp::Reverse(beginning.chars().count()));
    match beginnings[..] {
        [] => return,
        [only] => drop(filter.insert("prefixes", only)),
        _ => drop(filter.insert("prefixes", doc! { "$all": beginnings })),
    }
    let whole = query.iter().filter(|word| word.chars().count() > LONGEST).map(|word| {
        let from_to = doc! { "$gte": word.as_str(), "$lt": format!("{word}{AFTER_ALL}") };
        doc! { "words": { "$elemMatch": from_to } }
    });
    also(filter, whole);
}

/// Adds conditions to a filter that may have some already.
pub(super) fn also(filter: &mut Document, conditions: impl IntoIterator<Item = Document>) {
    let mut all = match filter.remove("$and") {
        Some(Bson::Array(known)) => known,
        _ => Vec::new(),
    };
    all.extend(conditions.into_iter().map(Bson::Document));
    if !all.is_empty() {
        filter.insert("$and", all);
    }
}

/// Adds that a document stands behind this one in a list that is sorted by two fields: by the first one and,
/// where that is the same, by the second one, both in one direction (`$lt` or `$gt`).
pub(super) fn behind(
    filter: &mut Document,
    direction: &str,
    (first, at): (&str, impl Into<Bson>),
    (second, then): (&str, impl Into<Bson>),
) {
    let (at, then) = (at.into(), then.into());
    // The first condition is what an index can be walked from.
    let or_same = format!("{direction}e");
    let from = doc! { first: { or_same: at.clone() } };
    let past = doc! { "$or": [{ first: { direction: at } }, { second: { direction: then } }] };
    also(filter, [from, past]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_each_of_its_beginnings() {
        let fields = fields(["Été Été!", "Extraordinaire"]);
        let texts = |field: &str| -> Vec<&str> {
            fields.get_array(field).unwrap().iter().map(|text| text.as_str().unwrap()).collect()
        };
        assert_eq!(texts("words"), ["ete", "extraordinaire"]);
        let beginnings = "e et ete ex ext extr extra extrao extraor extraord extraordi extraordin";
        assert_eq!(texts("prefixes"), beginnings.split(' ').collect::<Vec<_>>());
    }

    #[test]
    fn long_words_are_compared_to_their_end() {
        let mut filter = Document::new();
        add(&mut filter, &["et".to_owned(), "extraordinaire".to_owned()]);
        assert_eq!(filter.get_document("prefixes").unwrap(), &doc! { "$all": ["extraordin", "et"] });
        assert_eq!(filter.get_array("$and").unwrap().len(), 1);
        let mut filter = Document::new();
        add(&mut filter, &[]);
        assert_eq!(filter, Document::new());
    }
}
