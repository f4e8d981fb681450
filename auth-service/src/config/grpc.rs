//! How gRPC is guarded on its way.

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "AUTH_GRPC_TLS_CERT",
        "",
        "The file with the certificate of the gRPC server and its chain, in PEM; without it gRPC \
         is served in clear.",
    ),
    Variable::plain(
        "AUTH_GRPC_TLS_KEY",
        "",
        "The file with that certificate's private key, in PEM.",
    ),
    Variable::plain(
        "AUTH_GRPC_TLS_CLIENT_CA",
        "",
        "The file with the authorities, in PEM, of which one must have signed the certificate \
         that a gRPC client has to show then.",
    ),
];

/// The TLS of the gRPC server.
#[derive(Debug)]
pub struct GrpcTls {
    /// The certificate with its chain, in PEM.
    pub certificate: SecretString,
    /// Its private key, in PEM.
    pub key: SecretString,
    /// The authorities of clients' certificates, in PEM; where there are none,
    /// clients show no certificate.
    pub client_ca: Option<SecretString>,
}

impl GrpcTls {
    pub(super) fn read(environment: &Environment) -> Result<Option<Self>, InvalidVariable> {
        let certificate = environment.pem("AUTH_GRPC_TLS_CERT")?;
        let key = environment.pem("AUTH_GRPC_TLS_KEY")?;
        let client_ca = environment.pem("AUTH_GRPC_TLS_CLIENT_CA")?;
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some(Self {
                certificate,
                key,
                client_ca,
            })),
            (None, None) if client_ca.is_none() => Ok(None),
            (None, _) => Err(InvalidVariable::new("AUTH_GRPC_TLS_CERT", "is needed too")),
            (_, None) => Err(InvalidVariable::new("AUTH_GRPC_TLS_KEY", "is needed too")),
        }
    }
}
