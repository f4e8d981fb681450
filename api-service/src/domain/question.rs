//! What people ask.

/// A message that can be asked: not empty, not over-long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question(String);

/// Why a text can't be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidQuestion {
    /// There is nothing but white space.
    Empty,
    /// It is longer than [`MAX_QUESTION`].
    TooLong,
}

/// The longest question, in characters.
pub const MAX_QUESTION: usize = 8_000;

impl Question {
    /// Takes `text`, without the white space around it.
    pub fn new(text: &str) -> Result<Self, InvalidQuestion> {
        let text = text.trim();
        if text
            .chars()
            .all(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err(InvalidQuestion::Empty);
        }
        if text.chars().count() > MAX_QUESTION {
            return Err(InvalidQuestion::TooLong);
        }
        // PostgreSQL's text has no NUL.
        Ok(Self(text.replace('\0', "")))
    }

    /// The question's text.
    pub fn text(&self) -> &str {
        &self.0
    }
}
