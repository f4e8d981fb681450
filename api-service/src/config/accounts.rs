//! Where auth-service's gRPC side is, and how it is spoken to.

use secrecy::{ExposeSecret, SecretString};
use service_kit::environment::{Environment, InvalidVariable, Variable};

use super::http_url;

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "AUTH_GRPC_URL",
        "http://127.0.0.1:3002",
        "Where auth-service's gRPC side is; https:// where it is guarded by TLS.",
    ),
    Variable::plain(
        "AUTH_GRPC_CA",
        "",
        "The file with the authorities, in PEM, that may have signed its certificate; default: \
         the machine's.",
    ),
    Variable::plain(
        "AUTH_GRPC_CLIENT_CERT",
        "",
        "The file with the certificate, in PEM, that auth-service is shown.",
    ),
    Variable::plain(
        "AUTH_GRPC_CLIENT_KEY",
        "",
        "The file with that certificate's private key, in PEM.",
    ),
    Variable::secret(
        "SERVICE_TOKEN",
        "What auth-service is shown on gRPC; default: what it keeps in DATA_DIR/service-token.",
    ),
];

/// auth-service's gRPC side.
#[derive(Debug)]
pub struct AccountsConfig {
    /// Its address.
    pub url: String,
    /// Who may have signed its certificate, in PEM.
    pub authorities: Option<SecretString>,
    /// The certificate that it is shown, and its private key, in PEM.
    pub identity: Option<(SecretString, SecretString)>,
    /// The token that it is shown; its file in the data folder where there is none.
    pub service_token: Option<SecretString>,
}

pub(super) fn read(environment: &Environment) -> Result<AccountsConfig, InvalidVariable> {
    let url = http_url(environment, "AUTH_GRPC_URL")?;
    let authorities = environment.pem("AUTH_GRPC_CA")?;
    let certificate = environment.pem("AUTH_GRPC_CLIENT_CERT")?;
    let identity = match (certificate, environment.pem("AUTH_GRPC_CLIENT_KEY")?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(InvalidVariable::new(
                "AUTH_GRPC_CLIENT_KEY",
                "is needed too",
            ));
        }
        (None, Some(_)) => {
            return Err(InvalidVariable::new(
                "AUTH_GRPC_CLIENT_CERT",
                "is needed too",
            ));
        }
    };
    if !url.starts_with("https://") && (authorities.is_some() || identity.is_some()) {
        let problem = "must begin with https:// where certificates are set";
        return Err(InvalidVariable::new("AUTH_GRPC_URL", problem));
    }
    let service_token = environment.secret("SERVICE_TOKEN")?;
    let is_text =
        |token: &SecretString| token.expose_secret().bytes().all(|c| c.is_ascii_graphic());
    if !service_token.as_ref().is_none_or(is_text) {
        let problem = "may hold visible ASCII characters only";
        return Err(InvalidVariable::new("SERVICE_TOKEN", problem));
    }
    Ok(AccountsConfig {
        url,
        authorities,
        identity,
        service_token,
    })
}
