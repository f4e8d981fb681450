//! Sign-in with Google and GitHub.

use std::net::IpAddr;

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};
use url::{Host, Url};

use crate::domain::provider::ProviderSignUp;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "GOOGLE_CLIENT_ID",
        "",
        "The id of your OAuth client at Google; sign-in with Google is off where it is not set.",
    ),
    Variable::secret("GOOGLE_CLIENT_SECRET", "That client's secret."),
    Variable::plain(
        "GITHUB_CLIENT_ID",
        "",
        "The id of your OAuth app at GitHub; sign-in with GitHub is off where it is not set.",
    ),
    Variable::secret("GITHUB_CLIENT_SECRET", "That app's secret."),
    Variable::plain(
        "SOCIAL_SIGN_UP",
        "open",
        "Who may make an account by signing in with a provider: open (anyone), on-request \
         (whoever sends `requestSignUp`) or closed (nobody).",
    ),
    Variable::plain(
        "OAUTH_GOOGLE_ISSUER",
        "https://accounts.google.com",
        "Who signs Google's id tokens: their `iss`.",
    ),
    Variable::plain(
        "OAUTH_GOOGLE_AUTHORIZE_URL",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "Where Google asks people for their consent.",
    ),
    Variable::plain(
        "OAUTH_GOOGLE_TOKEN_URL",
        "https://oauth2.googleapis.com/token",
        "Where Google gives tokens.",
    ),
    Variable::plain(
        "OAUTH_GOOGLE_JWKS_URL",
        "https://www.googleapis.com/oauth2/v3/certs",
        "Where Google publishes the keys that sign its id tokens.",
    ),
    Variable::plain(
        "OAUTH_GOOGLE_USERINFO_URL",
        "https://openidconnect.googleapis.com/v1/userinfo",
        "Where Google tells what its id token leaves out.",
    ),
    Variable::plain(
        "OAUTH_GITHUB_AUTHORIZE_URL",
        "https://github.com/login/oauth/authorize",
        "Where GitHub, or your GitHub Enterprise server, asks people for their consent.",
    ),
    Variable::plain(
        "OAUTH_GITHUB_TOKEN_URL",
        "https://github.com/login/oauth/access_token",
        "Where GitHub gives tokens.",
    ),
    Variable::plain(
        "OAUTH_GITHUB_USERINFO_URL",
        "https://api.github.com/user",
        "Where GitHub tells who someone is; their addresses are at the same URL with `/emails`.",
    ),
];

/// Sign-in with Google and GitHub.
#[derive(Debug)]
pub struct SocialConfig {
    /// Google's, if it is on.
    pub google: Option<GoogleConfig>,
    /// GitHub's, if it is on.
    pub github: Option<ClientConfig>,
    /// Who may make an account that way.
    pub sign_up: ProviderSignUp,
}

/// What Google has beyond OAuth.
#[derive(Debug)]
pub struct GoogleConfig {
    /// The OAuth client.
    pub client: ClientConfig,
    /// The `iss` of its id tokens.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_url: Url,
}

/// One OAuth client, and where its provider is.
#[derive(Debug)]
pub struct ClientConfig {
    /// The client's id.
    pub id: String,
    /// The client's secret.
    pub secret: SecretString,
    /// Where people are asked for their consent.
    pub authorize_url: Url,
    /// Where a code becomes tokens.
    pub token_url: Url,
    /// Where the provider tells who someone is.
    pub userinfo_url: Url,
}

impl SocialConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let google = client(environment, "GOOGLE")?.map(|client| {
            Ok(GoogleConfig {
                client,
                issuer: environment.text("OAUTH_GOOGLE_ISSUER")?,
                jwks_url: endpoint(environment, "OAUTH_GOOGLE_JWKS_URL")?,
            })
        });
        Ok(Self {
            google: google.transpose()?,
            github: client(environment, "GITHUB")?,
            sign_up: environment.parsed("SOCIAL_SIGN_UP")?,
        })
    }
}

/// The client of a provider, if its id is set.
fn client(
    environment: &Environment,
    provider: &str,
) -> Result<Option<ClientConfig>, InvalidVariable> {
    let (id_name, secret_name) = (
        format!("{provider}_CLIENT_ID"),
        format!("{provider}_CLIENT_SECRET"),
    );
    let at = |name: &str| endpoint(environment, &format!("OAUTH_{provider}_{name}_URL"));
    match (
        environment.optional(&id_name)?,
        environment.secret(&secret_name)?,
    ) {
        (Some(id), Some(secret)) => Ok(Some(ClientConfig {
            id,
            secret,
            authorize_url: at("AUTHORIZE")?,
            token_url: at("TOKEN")?,
            userinfo_url: at("USERINFO")?,
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(InvalidVariable::new(
            &secret_name,
            format!("is needed beside {id_name}"),
        )),
        (None, Some(_)) => Err(InvalidVariable::new(
            &id_name,
            format!("is needed beside {secret_name}"),
        )),
    }
}

/// A URL that secrets may be sent to: https, or this very machine.
fn endpoint(environment: &Environment, name: &str) -> Result<Url, InvalidVariable> {
    let url = Url::parse(&environment.text(name)?).ok();
    let safe = |url: &Url| match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    };
    url.filter(safe).ok_or_else(|| {
        InvalidVariable::new(
            name,
            "must be an https URL; http is for a server on this machine alone",
        )
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}
