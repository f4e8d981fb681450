//! The words of a text that carry its meaning.

use std::collections::BTreeSet;

use unicode_segmentation::UnicodeSegmentation;

/// English words that carry none. Those of other languages count a little too
/// much, for both texts that are held against each other. In order.
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "between",
    "but", "by", "can", "could", "did", "do", "does", "during", "each", "for", "from", "had",
    "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "more",
    "most", "no", "not", "of", "on", "only", "or", "other", "our", "she", "should", "so", "some",
    "such", "than", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was",
    "we", "were", "what", "when", "where", "which", "who", "whom", "why", "will", "with", "would",
    "you", "your",
];

/// Words are cut to so many letters: a stem that serves any language alike.
const STEM: usize = 7;

/// The words that carry meaning, in lower case and cut to their stems.
pub fn content_words(text: &str) -> BTreeSet<String> {
    let text = text.to_lowercase();
    let words = text.unicode_words();
    words
        .filter(|word| STOP_WORDS.binary_search(word).is_err())
        .map(|word| word.chars().take(STEM).collect())
        .collect()
}

/// The share of the wanted words that are there; 0 where none is wanted.
pub fn share(wanted: &BTreeSet<String>, there: &BTreeSet<String>) -> f64 {
    let both = wanted.intersection(there).count();
    ratio(both, wanted.len())
}

/// One number of the other; 0 of 0 is 0.
pub fn ratio(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of words")]
    let ratio = part as f64 / whole.max(1) as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_carry_nothing_are_found_by_their_order() {
        assert!(STOP_WORDS.is_sorted());
        let words = content_words("The Pumps of THE hall pump, and Überdruckventile too.");
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words, ["hall", "pump", "pumps", "too", "überdru"]);
    }
}
