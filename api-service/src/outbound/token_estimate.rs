//! How many tokens a text has for a model whose tokenizer is not here.

/// The tokens that a passage may have: all models take as many, and shorter
/// passages make better citations.
pub(super) const MAX_TOKENS: usize = 254;

/// About how many tokens a text has, rather too many than too few: a token for
/// each four letters of a word in Latin script, for each two in others with
/// spaces, and for each character where words have no spaces.
pub(super) fn tokens(text: &str) -> usize {
    text.split_whitespace().map(of_word).sum()
}

fn of_word(word: &str) -> usize {
    let (mut quarters, mut begun) = (0, 0);
    for c in word.chars() {
        let weight = match c {
            c if c.is_ascii_alphanumeric() => 1,
            '\u{80}'..='\u{2E7F}' => 2,
            // Punctuation, and scripts without spaces between words.
            _ => 4,
        };
        quarters += weight;
        begun += usize::from(weight == 1);
    }
    // A word's last token is rarely full.
    (quarters + if begun > 0 { 3 } else { 0 }) / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_rather_than_fewer() {
        // In brackets: what the tokenizer of OpenAI's embedding models counts.
        for (text, least) in [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("fn main() { println!(\"{x:?}\"); }", 12),
            ("Donaudampfschifffahrtsgesellschaft", 9),
            ("向量数据库用于存储", 9),
            ("Срок договора истёк", 6),
        ] {
            let counted = tokens(text);
            assert!((least..=least * 3).contains(&counted), "{text}: {counted}");
        }
        assert_eq!(tokens(""), 0);
    }
}
