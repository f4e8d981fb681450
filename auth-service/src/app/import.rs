//! Takes accounts over from another system, with the hashes of their passwords.

use service_kit::clock::{is_id, new_id};
use thiserror::Error;

use super::{
    App,
    client::Client,
    error::Error,
    manage_accounts::OPERATOR,
    ports::{Credentials, Taken},
};
use crate::domain::{
    Millis,
    audit::{Act, AuditEntry},
    email::Email,
    profile::Profile,
    user::{DisplayName, User, Username},
};
use proto::claims::Role;

/// The most bytes of a picture's URL.
const MAX_IMAGE_BYTES: usize = 2048;

/// An account as another system tells of it.
#[derive(Debug, Default)]
pub struct Imported {
    /// Its id there: kept if it is a UUID, as ours are.
    pub id: Option<String>,
    /// Where mail reaches the person.
    pub email: String,
    /// How they are called; what stands before the `@` where nobody says.
    pub name: Option<String>,
    /// What they sign in with beside the address.
    pub username: Option<String>,
    /// The hash of their password; without one they ask for a new password.
    pub password_hash: Option<String>,
    /// Whether the address was shown to be theirs.
    pub email_verified: bool,
    /// The URL of a picture of them.
    pub image: Option<String>,
    /// `user` or `admin`.
    pub role: Option<String>,
    /// When it was made there.
    pub created_at: Option<Millis>,
    /// What else they told, by the field's name.
    pub profile: Vec<(String, String)>,
}

/// Why an account is not taken over.
#[derive(Debug, Error)]
pub enum Refused {
    /// It can't be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// A value breaks a rule that holds for all accounts.
    #[error(transparent)]
    Invalid(#[from] Error),
    /// Nobody could sign in with it.
    #[error(
        "The password_hash is of no kind that can be verified, or costs too much to verify: the \
         README tells which can be taken over."
    )]
    UnknownHash,
    /// There is no such role.
    #[error("The role must be user or admin.")]
    UnknownRole,
    /// Profiles here have no such field.
    #[error("The profile has the field {0}, which USER_FIELDS lacks.")]
    UnknownField(String),
    /// The picture's URL is too long or holds control characters.
    #[error("The image must be a URL of at most {MAX_IMAGE_BYTES} bytes.")]
    InvalidImage,
    /// It was made before time began, or is yet to be made.
    #[error("The created_at must lie between 1970 and now.")]
    InvalidTime,
    /// Another account has the id.
    #[error("There is an account with this id already, under another address.")]
    IdTaken,
}

/// What became of an account that was to be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// It is here now.
    Added,
    /// An account with its address was here, and stays as it was.
    AlreadyThere,
}

impl App {
    /// Takes accounts over, those that can be, and says of each in order what
    /// became of it. An account that is there is never changed: the same
    /// accounts may come again.
    pub async fn import(&self, told: Vec<Imported>) -> Result<Vec<Result<Import, Refused>>, Error> {
        let read: Vec<_> = told.into_iter().map(|one| self.read(one)).collect();
        let good: Vec<(Credentials, AuditEntry)> = read
            .iter()
            .filter_map(|one| one.as_ref().ok())
            .cloned()
            .collect();
        let mut stored = self.users.import(&good).await?.into_iter();
        let outcome = |one: Result<_, Refused>| {
            one?;
            match stored.next() {
                Some(Ok(true)) => Ok(Import::Added),
                Some(Err(Taken::Username)) => Err(Error::UsernameTaken.into()),
                Some(Err(_)) => Err(Refused::IdTaken),
                Some(Ok(false)) | None => Ok(Import::AlreadyThere),
            }
        };
        Ok(read.into_iter().map(outcome).collect())
    }

    fn read(&self, told: Imported) -> Result<(Credentials, AuditEntry), Refused> {
        let email = Email::parse(&told.email).map_err(Error::from)?;
        let local = email.as_str().split('@').next().unwrap_or_default();
        let name = DisplayName::parse(told.name.as_deref().unwrap_or(local));
        let username = told.username.as_deref().map(Username::parse).transpose();
        if let Some(hash) = &told.password_hash
            && !self.hasher.reads(hash)
        {
            return Err(Refused::UnknownHash);
        }
        let image = told.image.as_deref().unwrap_or_default();
        if image.len() > MAX_IMAGE_BYTES || image.chars().any(char::is_control) {
            return Err(Refused::InvalidImage);
        }
        let now = self.clock.now();
        let created_at = told.created_at.unwrap_or(now);
        if !(0..=now).contains(&created_at) {
            return Err(Refused::InvalidTime);
        }
        let id = told.id.filter(|id| id.len() == 36 && is_id(id));
        let user = User {
            id: id.map_or_else(
                || new_id(self.clock.as_ref(), self.randomness.as_ref()),
                |id| id.to_lowercase(),
            ),
            name: name.map_err(Error::from)?,
            username: username.map_err(Error::from)?,
            role: Role::from_word(told.role.as_deref().unwrap_or("user"))
                .ok_or(Refused::UnknownRole)?,
            email_verified: told.email_verified,
            profile: self.read_profile(&told.profile)?,
            image: told.image,
            created_at,
            updated_at: now,
            disabled_at: None,
            email,
        };
        let client = Client::default();
        let entry = self.entry(
            Act::AccountImported,
            Some(OPERATOR),
            Some(&user.id),
            &client,
        );
        let account = Credentials {
            user,
            password_hash: told.password_hash,
        };
        Ok((account, entry))
    }

    fn read_profile(&self, told: &[(String, String)]) -> Result<Profile, Refused> {
        let mut profile = Profile::default();
        for (name, text) in told {
            if !self.policy.profile_fields.has(name) {
                return Err(Refused::UnknownField(name.clone()));
            }
            profile.set(name, Some(text)).map_err(Error::from)?;
        }
        Ok(profile)
    }
}
