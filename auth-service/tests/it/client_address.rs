//! Whose address is noted beside what is done.

use axum::http::StatusCode;

use crate::support::{TestApp, TestDatabase, from, sign_up_request};

#[tokio::test]
async fn only_a_trusted_proxy_says_for_whom_it_asks() {
    let home = TestDatabase::sqlite();
    let app = TestApp::on(home, &[("TRUSTED_PROXIES", "10.0.0.0/8")]).await;
    let forwarded = "203.0.113.9, 198.51.100.7, 10.0.0.2";
    for (name, peer) in [("ada", "10.0.0.1"), ("bob", "2001:db8::7")] {
        let mut request = from(sign_up_request(name), peer);
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        assert_eq!(app.ask(request).await.0, StatusCode::CREATED);
    }
    let noted: Vec<(String,)> = sqlx::query_as("SELECT ip FROM sessions ORDER BY id")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    let expected = ["198.51.100.7", "2001:db8::7"].map(|ip| (ip.to_owned(),));
    assert_eq!(noted, expected);
}
