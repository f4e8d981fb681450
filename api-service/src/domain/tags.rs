//! Tags: words that documents are sorted by.

use std::collections::BTreeSet;

/// The tags of a document, in lower case, each once, in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(BTreeSet<String>);

/// A text is no tag, or there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidTags;

/// The most tags of a document.
pub const MAX_TAGS: usize = 20;

/// The longest tag, in characters.
pub const MAX_TAG: usize = 50;

impl Tags {
    /// These tags, without the white space around each.
    pub fn new<T: AsRef<str>>(words: &[T]) -> Result<Self, InvalidTags> {
        let tags = words.iter().map(|word| tag(word.as_ref()));
        let tags: BTreeSet<String> = tags.collect::<Option<_>>().ok_or(InvalidTags)?;
        if tags.len() > MAX_TAGS {
            return Err(InvalidTags);
        }
        Ok(Self(tags))
    }

    /// These tags and `more`, as far as they can be tags and there is room.
    #[must_use]
    pub fn and<T: AsRef<str>>(mut self, more: &[T]) -> Self {
        for tag in more.iter().filter_map(|word| tag(word.as_ref())) {
            if self.0.len() < MAX_TAGS {
                self.0.insert(tag);
            }
        }
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

fn tag(word: &str) -> Option<String> {
    let tag = word.trim().to_lowercase();
    let fits = (1..=MAX_TAG).contains(&tag.chars().count());
    (fits && !tag.contains(char::is_control)).then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_short_words_of_which_there_are_few() {
        let tags = Tags::new(&[" Rust ", "API design", "rust"]).unwrap();
        assert_eq!(tags.iter().collect::<Vec<_>>(), ["api design", "rust"]);
        for wrong in ["", " ", "a\nb", &"x".repeat(MAX_TAG + 1)] {
            assert_eq!(Tags::new(&["good", wrong]), Err(InvalidTags), "{wrong:?}");
            assert_eq!(Tags::default().and(&["good", wrong]).len(), 1);
        }
        let many: Vec<String> = (0..=MAX_TAGS).map(|number| format!("t{number}")).collect();
        assert_eq!(Tags::new(&many), Err(InvalidTags));
        assert_eq!(tags.and(&many).len(), MAX_TAGS);
    }
}
