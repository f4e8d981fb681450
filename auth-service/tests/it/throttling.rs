//! Limits by address, and waits after wrong passwords.

use std::sync::Arc;

use auth_service::{app::client::Client, domain::email::Email};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use serde_json::{Value, json};
use service_kit::clock::FixedClock;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::{
    NOON, TestApp, TestDatabase, from, json_request, on_both_engines, read, sign_in_request, start,
};

const LIMITED: &[(&str, &str)] = &[("RATE_LIMIT_ENABLED", "true")];

/// Limits by address that are in nobody's way.
const BY_ACCOUNT: &[(&str, &str)] = &[
    ("RATE_LIMIT_ENABLED", "true"),
    ("RATE_LIMIT_REQUESTS_PER_MINUTE", "1000"),
];

/// A request that is counted and costs nothing: its body is no JSON.
fn empty(path: &str, ip: &str) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    from(request.body(Body::empty()).unwrap(), ip)
}

async fn answer(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let response = router.clone().oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    let (status, body) = read(response).await;
    (status, headers, body)
}

async fn status(router: &Router, request: Request<Body>) -> u16 {
    answer(router, request).await.0.as_u16()
}

fn too_many(seconds: u64) -> Value {
    json!({
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "code": "too_many_requests",
        "detail": format!("Too many attempts; try again in {seconds} s."),
    })
}

fn fields(headers: &HeaderMap) -> Vec<&str> {
    [
        "ratelimit-policy",
        "ratelimit",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "x-retry-after",
    ]
    .map(|name| {
        headers
            .get(name)
            .map_or("-", |value| value.to_str().unwrap())
    })
    .to_vec()
}

async fn ten_requests_a_minute_may_come_from_one_address(home: TestDatabase) {
    let app = TestApp::on(home, LIMITED).await;
    let sign_in = || empty("/v1/sessions", "198.51.100.7");
    let (_, headers, _) = answer(&app.router, sign_in()).await;
    let policy = "\"sign-in\";q=10;w=60";
    let first = [policy, "\"sign-in\";r=9;t=6", "10", "9", "6", "-", "-"];
    assert_eq!(fields(&headers), first);
    for _ in 2..=10 {
        assert_eq!(status(&app.router, sign_in()).await, 400);
    }
    for _ in 0..3 {
        let (refused, headers, body) = answer(&app.router, sign_in()).await;
        assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(body, too_many(6));
        let full = [policy, "\"sign-in\";r=0;t=60", "10", "0", "60", "6", "6"];
        assert_eq!(fields(&headers), full);
    }
    // Another address and another class have limits of their own.
    assert_eq!(
        status(&app.router, empty("/v1/sessions", "198.51.100.8")).await,
        400
    );
    assert_eq!(
        status(&app.router, empty("/v1/accounts", "198.51.100.7")).await,
        400
    );
    // What was refused has made nothing longer.
    app.clock.advance(6_000);
    assert_eq!(status(&app.router, sign_in()).await, 400);
    assert_eq!(status(&app.router, sign_in()).await, 429);
    app.clock.advance(60_000);
    for _ in 0..10 {
        assert_eq!(status(&app.router, sign_in()).await, 400);
    }
    assert_eq!(status(&app.router, sign_in()).await, 429);
}

async fn many_at_once_are_no_way_around(home: TestDatabase) {
    let app = TestApp::on(home, LIMITED).await;
    let mut all = JoinSet::new();
    for _ in 0..30 {
        let request = empty("/v1/sessions", "198.51.100.7");
        all.spawn(app.router.clone().oneshot(request));
    }
    let mut passed = 0;
    while let Some(response) = all.join_next().await {
        let status = response.unwrap().unwrap().status();
        assert!(matches!(status.as_u16(), 400 | 429), "{status}");
        passed += usize::from(status == StatusCode::BAD_REQUEST);
    }
    assert_eq!(passed, 10);
}

async fn replicas_share_what_they_count(home: TestDatabase) {
    let first = TestApp::on(home, LIMITED).await;
    let config = first.home.config(LIMITED);
    let second = start(&config, &Arc::new(FixedClock::at(NOON))).await;
    for _ in 0..5 {
        for router in [&first.router, &second.router] {
            assert_eq!(status(router, empty("/v1/sessions", "::1")).await, 400);
        }
    }
    for router in [&first.router, &second.router] {
        assert_eq!(status(router, empty("/v1/sessions", "::1")).await, 429);
    }
}

#[tokio::test]
async fn a_customers_ipv6_addresses_are_one() {
    let app = TestApp::on(TestDatabase::sqlite(), LIMITED).await;
    for last in 1..=10 {
        let ip = format!("2001:db8:1:2::{last}");
        assert_eq!(status(&app.router, empty("/v1/sessions", &ip)).await, 400);
    }
    let router = &app.router;
    assert_eq!(
        status(router, empty("/v1/sessions", "2001:db8:1:2:ffff::")).await,
        429
    );
    assert_eq!(
        status(router, empty("/v1/sessions", "2001:db8:1:3::1")).await,
        400
    );
}

#[tokio::test]
async fn limits_can_be_set_and_turned_off() {
    let settings = [LIMITED[0], ("RATE_LIMIT_REQUESTS_PER_MINUTE", "1")];
    let app = TestApp::on(TestDatabase::sqlite(), &settings).await;
    assert_eq!(status(&app.router, empty("/v1/sessions", "::1")).await, 400);
    let (refused, headers, body) = answer(&app.router, empty("/v1/sessions", "::1")).await;
    assert_eq!((refused.as_u16(), body), (429, too_many(60)));
    assert_eq!(headers["x-retry-after"], "60");

    let app = TestApp::on(TestDatabase::sqlite(), &[("RATE_LIMIT_ENABLED", "false")]).await;
    for _ in 0..12 {
        let (status, headers, _) = answer(&app.router, empty("/v1/sessions", "::1")).await;
        assert_eq!((status.as_u16(), fields(&headers)), (400, vec!["-"; 7]));
    }
}

fn guess(login: &str, password: &str, ip: &str) -> Request<Body> {
    let body = json!({"email": format!("{login}@example.com"), "password": password});
    from(json_request("POST", "/v1/sessions", &body), ip)
}

/// An address that nobody had before.
fn elsewhere(number: usize) -> String {
    format!("203.0.113.{number}")
}

async fn wrong(app: &TestApp, login: &str, number: usize) -> u16 {
    status(&app.router, guess(login, "a wrong one", &elsewhere(number))).await
}

async fn waits_grow_after_five_failures_known_or_not(home: TestDatabase) {
    let app = TestApp::on(home, BY_ACCOUNT).await;
    app.sign_up("ada").await;
    for login in ["ada", "nobody", "ADA", " Nobody"] {
        let (first, waits): (u64, &[u64]) = match login {
            "ada" | "nobody" => (0, &[30, 60, 120]),
            // Another spelling is no other account.
            _ => (3, &[240]),
        };
        for number in 0..(if first == 0 { 4 } else { 0 }) {
            assert_eq!(wrong(&app, login, number).await, 401, "{login}");
        }
        for seconds in waits {
            assert_eq!(wrong(&app, login, 9).await, 401, "{login}");
            app.clock.advance(1_000);
            let right = guess(login, "a long enough one", &elsewhere(10));
            let (refused, headers, body) = answer(&app.router, right).await;
            assert_eq!((refused.as_u16(), body), (429, too_many(seconds - 1)));
            assert_eq!(headers["retry-after"], (seconds - 1).to_string());
            assert_eq!(headers["x-retry-after"], headers["retry-after"]);
            let wait = i64::try_from(*seconds).unwrap() * 1000;
            app.clock.advance(wait - 1_000);
        }
    }
    let right = guess("ada", "a long enough one", &elsewhere(11));
    assert_eq!(status(&app.router, right).await, 200);
    for number in 0..5 {
        assert_eq!(
            wrong(&app, "ada", number).await,
            401,
            "counted from the start"
        );
    }
    assert_eq!(wrong(&app, "ada", 6).await, 429);
}

async fn guesses_at_once_are_counted_before_they_are_checked(home: TestDatabase) {
    let app = TestApp::on(home, BY_ACCOUNT).await;
    app.sign_up("ada").await;
    let mut all = JoinSet::new();
    for number in 0..24 {
        let request = guess("ada", "a wrong one", &elsewhere(number));
        all.spawn(app.router.clone().oneshot(request));
    }
    let mut checked = 0;
    while let Some(response) = all.join_next().await {
        let status = response.unwrap().unwrap().status();
        assert!(matches!(status.as_u16(), 401 | 429), "{status}");
        checked += usize::from(status == StatusCode::UNAUTHORIZED);
    }
    assert_eq!(checked, 5);
}

async fn others_do_not_shut_the_owner_out(home: TestDatabase) {
    let app = TestApp::on(home, BY_ACCOUNT).await;
    app.sign_up("ada").await;
    let at_home = "198.51.100.7";
    let right = |ip: &str| from(sign_in_request("ada"), ip);
    assert_eq!(status(&app.router, right(at_home)).await, 200);
    for number in 0..5 {
        assert_eq!(wrong(&app, "ada", number).await, 401);
    }
    assert_eq!(status(&app.router, right("198.51.100.8")).await, 429);
    assert_eq!(status(&app.router, right(at_home)).await, 200);
    // What is known is no way around the waits.
    for _ in 0..5 {
        let wrong = guess("ada", "a wrong one", at_home);
        assert_eq!(status(&app.router, wrong).await, 401);
    }
    assert_eq!(status(&app.router, right(at_home)).await, 429);
    // Who shows in another way who they are starts anew.
    let ada = Email::parse("ada@example.com").unwrap();
    let ada = app.app.users.by_email(&ada).await.unwrap().unwrap().user;
    let client = Client::new(Some(at_home.to_owned()), None);
    app.app.forget_failures(&ada, &client).await.unwrap();
    assert_eq!(status(&app.router, right("198.51.100.8")).await, 200);
}

on_both_engines!(
    ten_requests_a_minute_may_come_from_one_address,
    many_at_once_are_no_way_around,
    replicas_share_what_they_count,
    waits_grow_after_five_failures_known_or_not,
    guesses_at_once_are_counted_before_they_are_checked,
    others_do_not_shut_the_owner_out,
);
