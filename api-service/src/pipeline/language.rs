//! Which language a text is in.

use crate::domain::language::Language;

/// What of a text is looked at, in characters: more tells no more.
const LOOKED_AT: usize = 4_000;

/// Words below which a guess is worth little.
const FEWEST_WORDS: usize = 20;

/// The language of a text, where it can be told.
pub fn language_of(text: &str) -> Option<Language> {
    let end = text
        .char_indices()
        .nth(LOOKED_AT)
        .map_or(text.len(), |(at, _)| at);
    let text = &text[..end];
    let found = whatlang::detect(text)?;
    // Some scripts are those of one language, and need no words between spaces.
    let is_enough = text.split_whitespace().nth(FEWEST_WORDS).is_some()
        || found.script() != whatlang::Script::Latin;
    (is_enough && found.is_reliable())
        .then(|| Language::from_three_letters(found.lang().code()))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_that_is_told_has_a_code() {
        for lang in whatlang::Lang::all() {
            assert!(
                Language::from_three_letters(lang.code()).is_some(),
                "{lang:?}"
            );
        }
    }

    #[test]
    fn prose_is_told_and_a_few_words_are_not() {
        let told = |text: &str| language_of(text).map(Language::code);
        let german = "Der Vertrag kann von beiden Seiten mit einer Frist von drei Monaten zum \
                      Ende eines Quartals gekündigt werden, wenn nichts anderes vereinbart ist.";
        assert_eq!(told(german), Some("de"));
        assert_eq!(told("向量数据库用于存储和检索嵌入向量。"), Some("zh"));
        assert_eq!(told("install node"), None);
        assert_eq!(told(""), None);
        assert_eq!(told("let x = 5; fn main() {} 0x1F"), None);
    }
}
