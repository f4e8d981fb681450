//! What accounts are, and who administers them.

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::{email::Email, profile::ProfileFields};

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "ADMIN_EMAIL",
        "admin@example.com",
        "The address of the administrator that `auth-service admin create` makes.",
    ),
    Variable::secret(
        "ADMIN_PASSWORD",
        "That administrator's password; a random one, printed once, where it is not set.",
    ),
    Variable::plain(
        "ADMIN_EMAILS",
        "",
        "Addresses, separated by commas, whose accounts become administrators at the next sign-in \
         once the address is verified.",
    ),
    Variable::plain(
        "USER_FIELDS",
        "softwareBackground,hardwareBackground,interestArea",
        "The fields that a profile has beyond name and picture, separated by commas: texts of at \
         most 2,000 characters.",
    ),
];

/// What accounts are, and who administers them.
#[derive(Debug)]
pub struct AccountConfig {
    /// The administrator's address.
    pub admin_email: String,
    /// The administrator's password.
    pub admin_password: Option<SecretString>,
    /// Whose accounts become administrators.
    pub admin_emails: Vec<Email>,
    /// What a profile has beyond name and picture.
    pub profile_fields: ProfileFields,
}

impl AccountConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        Ok(Self {
            admin_email: environment.text("ADMIN_EMAIL")?,
            admin_password: environment.secret("ADMIN_PASSWORD")?,
            admin_emails: admin_emails(environment)?,
            profile_fields: environment.parsed("USER_FIELDS")?,
        })
    }
}

fn admin_emails(environment: &Environment) -> Result<Vec<Email>, InvalidVariable> {
    let listed = environment.optional("ADMIN_EMAILS")?.unwrap_or_default();
    let addresses = listed.split(',').filter(|text| !text.trim().is_empty());
    addresses
        .map(|text| {
            Email::parse(text).map_err(|_| {
                let problem = format!("`{}` is no e-mail address", text.trim());
                InvalidVariable::new("ADMIN_EMAILS", problem)
            })
        })
        .collect()
}
