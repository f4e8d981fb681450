//! What an account tells about its owner beyond name and picture.

use std::{collections::BTreeMap, str::FromStr};

/// The most code points that a field's text may have.
pub const MAX_FIELD_LENGTH: usize = 2000;

/// Names that mean something else on a user already.
const RESERVED: &[&str] = &[
    "id",
    "name",
    "email",
    "emailVerified",
    "image",
    "createdAt",
    "updatedAt",
    "role",
    "roles",
    "username",
    "password",
    "token",
    "iss",
    "aud",
    "sub",
    "iat",
    "nbf",
    "exp",
    "jti",
    "sid",
    "callbackURL",
    "rememberMe",
];

/// The names of the fields that profiles have, in the order in which they are
/// shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFields(Vec<String>);

/// A text is no list of names that a profile's fields could have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidFields;

impl ProfileFields {
    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|field| field == name)
    }
}

impl FromStr for ProfileFields {
    type Err = InvalidFields;

    fn from_str(text: &str) -> Result<Self, InvalidFields> {
        let mut names: Vec<String> = Vec::new();
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let lettered = name.starts_with(|c: char| c.is_ascii_alphabetic());
            let taken = RESERVED.contains(&name) || names.iter().any(|other| other == name);
            if !plain || !lettered || taken {
                return Err(InvalidFields);
            }
            names.push(name.to_owned());
        }
        Ok(Self(names))
    }
}

/// The texts of a profile's fields; a field that is not set is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(BTreeMap<String, String>);

/// A field's text is too long or holds NUL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField(pub String);

impl Profile {
    /// The text of a field, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every field that is set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Sets a field, or unsets it.
    pub fn set(&mut self, name: &str, text: Option<&str>) -> Result<(), InvalidField> {
        let Some(text) = text else {
            self.0.remove(name);
            return Ok(());
        };
        if text.chars().count() > MAX_FIELD_LENGTH || text.contains('\0') {
            return Err(InvalidField(name.to_owned()));
        }
        self.0.insert(name.to_owned(), text.to_owned());
        Ok(())
    }

    /// Takes over the fields that `other` sets, and unsets the `cleared` ones.
    pub fn merge(&mut self, other: &Self, cleared: &[String]) {
        self.0.extend(other.0.clone());
        self.0.retain(|name, _| !cleared.contains(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_plain_names_that_mean_nothing_else() {
        let fields: ProfileFields = " softwareBackground, level_2,".parse().unwrap();
        assert_eq!(
            fields.names().collect::<Vec<_>>(),
            ["softwareBackground", "level_2"]
        );
        assert!(fields.has("level_2") && !fields.has("level"));
        for wrong in ["email", "a,a", "a b", "1a", "ä"] {
            assert_eq!(
                wrong.parse::<ProfileFields>(),
                Err(InvalidFields),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_field_is_set_and_unset() {
        let mut profile = Profile::default();
        profile.set("level", Some("Anfänger 李")).unwrap();
        assert_eq!(profile.get("level"), Some("Anfänger 李"));
        assert!(profile.set("level", Some(&"x".repeat(2001))).is_err());
        assert!(profile.set("level", Some("a\0b")).is_err());
        profile.set("level", None).unwrap();
        assert_eq!(profile, Profile::default());
    }
}
