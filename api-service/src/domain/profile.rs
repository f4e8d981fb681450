//! What readers say of themselves, so that answers can be pitched to them.

/// The longest value of a field that a model is shown, in characters.
const LONGEST: usize = 200;

/// How many fields a model is shown.
const MOST: usize = 12;

/// The fields of a profile that say something, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(Vec<(String, String)>);

impl Profile {
    /// The fields that are filled in, in the order of their names.
    pub fn new(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut fields: Vec<(String, String)> = fields
            .into_iter()
            .map(|(name, value)| (name, one_line(&value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        fields.sort();
        fields.truncate(MOST);
        Self(fields)
    }

    /// Name and value of each field.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0
    }
}

fn one_line(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}
