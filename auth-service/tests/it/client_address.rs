//! Whose address is noted beside what is done.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};

use crate::support::{TestApp, TestDatabase, sign_up_request};

/// The same request, from `peer`, which says that it asks for `forwarded`.
fn from(mut request: Request<Body>, peer: &str, forwarded: &str) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", forwarded.parse().unwrap());
    request
}

#[tokio::test]
async fn only_a_trusted_proxy_says_for_whom_it_asks() {
    let home = TestDatabase::sqlite();
    let app = TestApp::on(home, &[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let forwarded = "203.0.113.9, 198.51.100.7, 10.0.0.2";
    for (name, peer) in [("ada", "10.0.0.1:4711"), ("bob", "[2001:db8::7]:4711")] {
        let request = from(sign_up_request(name), peer, forwarded);
        assert_eq!(app.ask(request).await.0, StatusCode::CREATED);
    }
    let noted: Vec<(String,)> = sqlx::query_as("SELECT ip FROM sessions ORDER BY id")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    let expected = ["198.51.100.7", "2001:db8::7"].map(|ip| (ip.to_owned(),));
    assert_eq!(noted, expected);
}
