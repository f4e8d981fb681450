//! Providers whose accounts sign in to ours, and what they tell of a person.

use super::{Millis, email::Email};

/// The most bytes of a provider's name for an account, and of a picture's URL.
const MAX_TEXT: usize = 2048;

/// The most code points of a person's name that are taken over.
const MAX_NAME_LENGTH: usize = super::user::MAX_NAME_LENGTH;

/// Who else may say who someone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Google, over OpenID Connect.
    Google,
    /// GitHub, github.com or a server of one's own.
    GitHub,
}

impl Provider {
    /// The word that stands for it in URLs and wherever it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::GitHub => "github",
        }
    }

    /// The provider that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "google" => Some(Self::Google),
            "github" => Some(Self::GitHub),
            _ => None,
        }
    }
}

/// Who may make an account by signing in with a provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProviderSignUp {
    /// Anyone.
    #[default]
    Open,
    /// Whoever asks for an account, and does not merely sign in.
    OnRequest,
    /// Nobody.
    Closed,
}

impl std::str::FromStr for ProviderSignUp {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "open" => Ok(Self::Open),
            "on-request" => Ok(Self::OnRequest),
            "closed" => Ok(Self::Closed),
            _ => Err(()),
        }
    }
}

impl ProviderSignUp {
    /// Whether someone gets an account who asked for one, or did not.
    pub const fn allows(self, requested: bool) -> bool {
        match self {
            Self::Open => true,
            Self::OnRequest => requested,
            Self::Closed => false,
        }
    }
}

/// An account of a provider that signs in to one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedAccount {
    /// UUIDv7.
    pub id: String,
    /// Our account.
    pub user_id: String,
    /// Whose account it is.
    pub provider: Provider,
    /// What the provider calls it; never given to another.
    pub provider_account_id: String,
    /// What the person allowed us to see and do there.
    pub scopes: Vec<String>,
    /// When it was linked.
    pub created_at: Millis,
    /// When its tokens or scopes changed.
    pub updated_at: Millis,
}

/// What a provider tells of a person, as far as it can be used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What the provider calls the account.
    pub account_id: String,
    /// Where mail reaches the person.
    pub email: Option<Email>,
    /// Whether the provider has seen that it does.
    pub email_verified: bool,
    /// What the person is called; may be empty.
    pub name: String,
    /// The URL of a picture of the person.
    pub image: Option<String>,
}

impl Identity {
    /// Takes what can be used of what a provider tells; nothing where the
    /// account has no name that could be stored.
    pub fn told(account_id: &str) -> Option<Self> {
        let plain = account_id.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=MAX_TEXT).contains(&account_id.len());
        (plain && fits).then(|| Self {
            account_id: account_id.to_owned(),
            email: None,
            email_verified: false,
            name: String::new(),
            image: None,
        })
    }

    /// The same person with this address. One that is none is left out.
    #[must_use]
    pub fn with_email(mut self, address: Option<&str>, verified: bool) -> Self {
        self.email = address.and_then(|address| Email::parse(address).ok());
        self.email_verified = verified && self.email.is_some();
        self
    }

    /// The same person with this name, without control characters, cut to the
    /// length that names may have here.
    #[must_use]
    pub fn with_name(mut self, name: Option<&str>) -> Self {
        let name = name.unwrap_or_default().trim().chars();
        let name = name.filter(|c| !c.is_control()).take(MAX_NAME_LENGTH);
        name.collect::<String>().trim().clone_into(&mut self.name);
        self
    }

    /// The same person with this picture, if a page may show it: over HTTPS.
    #[must_use]
    pub fn with_image(mut self, url: Option<&str>) -> Self {
        let shown = |url: &&str| {
            let secure = url.starts_with("https://");
            secure && url.len() <= MAX_TEXT && url.bytes().all(|byte| byte.is_ascii_graphic())
        };
        self.image = url.filter(shown).map(str::to_owned);
        self
    }
}

/// The scopes of a list, without repetition and without what no scope may hold
/// (RFC 6749, section 3.3).
pub fn merged_scopes<'a>(
    known: impl IntoIterator<Item = &'a String>,
    more: impl IntoIterator<Item = &'a String>,
) -> Vec<String> {
    let mut merged: Vec<String> = Vec::new();
    for scope in known.into_iter().chain(more) {
        let plain = !scope.is_empty()
            && scope
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',');
        if plain && !merged.contains(scope) {
            merged.push(scope.clone());
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_tells_is_cut_to_what_can_be_stored() {
        let told = Identity::told("1")
            .unwrap()
            .with_email(Some(" Ada@Example.com"), true)
            .with_name(Some(&format!(" A\u{0}da\n{}", "é".repeat(300))))
            .with_image(Some("javascript:alert(1)"));
        assert_eq!(told.email.unwrap().as_str(), "ada@example.com");
        assert_eq!(told.name, format!("Ada{}", "é".repeat(197)));
        assert_eq!(told.image, None);
        for wrong in ["", "a b", "a\u{0}", "é", &"1".repeat(MAX_TEXT + 1)] {
            assert_eq!(Identity::told(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_address_that_is_none_was_not_verified() {
        let told = Identity::told("1").unwrap();
        let told = told.with_email(Some("nobody"), true).with_name(None);
        assert_eq!((told.email, told.email_verified), (None, false));
    }

    #[test]
    fn scopes_come_once() {
        let list = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let merged = merged_scopes(&list("a b a"), &list("b c,d c"));
        assert_eq!(merged, ["a", "b", "c"]);
    }

    #[test]
    fn accounts_are_made_for_whom_the_operator_lets() {
        assert!(ProviderSignUp::Open.allows(false));
        assert!(ProviderSignUp::OnRequest.allows(true));
        assert!(!ProviderSignUp::OnRequest.allows(false));
        assert!(!ProviderSignUp::Closed.allows(true));
        assert_eq!("closed".parse(), Ok(ProviderSignUp::Closed));
        assert_eq!("yes".parse::<ProviderSignUp>(), Err(()));
    }
}
