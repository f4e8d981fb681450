//! A language model as hosted providers have it: HTTP/2 over TLS, where many
//! answers share a connection. It says one word, and nothing more.

use std::{net::SocketAddr, path::Path, process::Command, sync::Arc};

use axum::{Router, body::Body, routing::post, serve::Listener};
use futures::stream;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What makes this program the model; the folder of its certificate follows.
pub(super) const ARGUMENT: &str = "hosted-language-model";

/// The certificate's file.
pub(super) const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Makes a certificate for this machine alone.
pub(super) fn certify(folder: &Path) {
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj"])
        .args(["/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(folder.join(KEY))
        .arg("-out")
        .arg(folder.join(CERTIFICATE));
    let made = command.output().expect("`openssl` makes a certificate");
    assert!(made.status.success(), "openssl made no certificate");
}

/// Is the model until it is killed.
pub(super) async fn serve(folder: &Path) {
    // Another part of the program may have chosen already.
    _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_file(folder.join(CERTIFICATE)).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join(KEY)).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let tls = Tls {
        listener,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    };
    let router = Router::new().route("/v1/chat/completions", post(begin));
    axum::serve(tls, router).await.unwrap();
}

async fn begin() -> ([(&'static str, &'static str); 1], Body) {
    use futures::StreamExt;
    let chunk = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Word\"}}]}\n\n";
    let word = stream::iter([Ok::<_, std::io::Error>(chunk)]);
    let silence = word.chain(stream::pending());
    (
        [("content-type", "text/event-stream")],
        Body::from_stream(silence),
    )
}

struct Tls {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, from) = Listener::accept(&mut self.listener).await;
            connection.set_nodelay(true).unwrap();
            if let Ok(connection) = self.acceptor.accept(connection).await {
                return (connection, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
