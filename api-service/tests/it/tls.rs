//! gRPC between the two services over TLS, with certificates that are made by
//! `openssl` for a test.

use std::{fs, path::Path, process::Command};

use api_service::{
    app::ports::AccountFeed,
    outbound::accounts::{ClientTls, GrpcAccounts},
};
use auth_service::{config, grpc};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::support::{
    TestHome,
    accounts::{Accounts, Running},
};

/// An authority, and certificates that it signed.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        openssl(
            folder.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        );
        Self(folder)
    }

    fn pem(&self, file: &str) -> SecretString {
        SecretString::from(fs::read_to_string(self.0.path().join(file)).unwrap())
    }

    /// A certificate for `localhost` and its private key.
    fn signed(&self, name: &str) -> (SecretString, SecretString) {
        openssl(
            self.0.path(),
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -subj /CN={name} -addext subjectAltName=DNS:localhost \
            -keyout {name}.key -out {name}.csr"
            ),
        );
        openssl(
            self.0.path(),
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key \
            -CAcreateserial -copy_extensions copy -days 2 -out {name}.pem"
            ),
        );
        (
            self.pem(&format!("{name}.pem")),
            self.pem(&format!("{name}.key")),
        )
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(arguments.split_whitespace())
        .output()
        .expect("install openssl to run the tests");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
}

/// auth-service with a certificate, and perhaps one who signs its clients'.
async fn start(accounts: &Accounts, ours: &Authority, clients: Option<&Authority>) -> Running {
    let (certificate, key) = ours.signed("server");
    let configured = config::GrpcTls {
        certificate,
        key,
        client_ca: clients.map(|authority| authority.pem("ca.pem")),
    };
    let clock = TestHome::sqlite().clock;
    accounts
        .start_with(&clock, Some(grpc::tls(&configured)))
        .await
}

/// Whether auth-service lets a client listen.
async fn heard(client: GrpcAccounts) -> bool {
    client.listen(0).await.is_ok()
}

fn trusting(authority: &Authority, identity: Option<&Authority>) -> ClientTls {
    ClientTls {
        authorities: Some(authority.pem("ca.pem")),
        identity: identity.map(|authority| authority.signed("client")),
    }
}

#[tokio::test]
async fn only_who_trusts_the_certificate_is_served() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let accounts = Accounts::new().await;
    let auth = start(&accounts, &ours, None).await;
    assert!(heard(accounts.reached_by_tls(trusting(&ours, None))).await);
    assert!(!heard(accounts.reached_by_tls(trusting(&theirs, None))).await);
    // The machine knows nothing of our authority.
    assert!(!heard(accounts.reached_by_tls(ClientTls::default())).await);
    // Nothing is served in clear beside it.
    assert!(!heard(accounts.reached()).await);
    auth.stop().await;
}

#[tokio::test]
async fn a_client_must_show_a_certificate_where_one_is_wanted() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let accounts = Accounts::new().await;
    let auth = start(&accounts, &ours, Some(&ours)).await;
    assert!(heard(accounts.reached_by_tls(trusting(&ours, Some(&ours)))).await);
    assert!(!heard(accounts.reached_by_tls(trusting(&ours, None))).await);
    assert!(!heard(accounts.reached_by_tls(trusting(&ours, Some(&theirs)))).await);
    assert!(!heard(accounts.reached()).await);
    auth.stop().await;
}

#[tokio::test]
async fn what_is_half_configured_is_refused_by_name() {
    let ours = Authority::new();
    ours.signed("one");
    let path = |file: &str| ours.0.path().join(file).to_str().unwrap().to_owned();
    let auth = |values: &[(&str, &str)]| {
        let owned = values
            .iter()
            .map(|(name, file)| ((*name).to_owned(), path(file)));
        config::Config::from_values(owned).map(drop)
    };
    let named = |result: Result<(), service_kit::environment::InvalidVariable>| {
        result.unwrap_err().variable
    };
    let (cert, key) = ("AUTH_GRPC_TLS_CERT", "AUTH_GRPC_TLS_KEY");
    let client_ca = "AUTH_GRPC_TLS_CLIENT_CA";
    assert!(auth(&[(cert, "one.pem"), (key, "one.key")]).is_ok());
    assert_eq!(named(auth(&[(cert, "one.pem")])), key);
    assert_eq!(named(auth(&[(key, "one.key")])), cert);
    assert_eq!(named(auth(&[(client_ca, "ca.pem")])), cert);
    assert_eq!(named(auth(&[(cert, "none.pem"), (key, "one.key")])), cert);
    assert_eq!(named(auth(&[(cert, "ca.srl"), (key, "one.key")])), cert);

    let api = |url: &str, values: &[(&str, &str)]| {
        let owned = values
            .iter()
            .map(|(name, file)| ((*name).to_owned(), path(file)));
        let all = owned.chain([("AUTH_GRPC_URL".to_owned(), url.to_owned())]);
        let table = &api_service::config::VARIABLES;
        let environment =
            service_kit::environment::Environment::new(all.collect::<Vec<_>>(), table);
        api_service::config::Config::from_environment(&environment).map(drop)
    };
    let (cert, key) = ("AUTH_GRPC_CLIENT_CERT", "AUTH_GRPC_CLIENT_KEY");
    let https = "https://localhost:3002";
    let whole = [
        (cert, "one.pem"),
        (key, "one.key"),
        ("AUTH_GRPC_CA", "ca.pem"),
    ];
    assert!(api(https, &whole).is_ok());
    assert_eq!(named(api("http://localhost:3002", &whole)), "AUTH_GRPC_URL");
    assert_eq!(named(api("localhost:3002", &[])), "AUTH_GRPC_URL");
    assert_eq!(named(api(https, &[(cert, "one.pem")])), key);
    assert_eq!(named(api(https, &[(key, "one.key")])), cert);
    assert_eq!(
        named(api(https, &[("AUTH_GRPC_CA", "none.pem")])),
        "AUTH_GRPC_CA"
    );
}
