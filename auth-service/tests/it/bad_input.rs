//! What goes wrong on every surface alike: bytes that nobody would send, too
//! much of them, the same header twice, and places that are not ours.

use auth_service::http::table;
use axum::{
    body::Body,
    http::{HeaderValue, Method, Request, StatusCode},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{
    collection::vec, prelude::*, sample::Index, strategy::ValueTree, test_runner::TestRunner,
};
use proto::api_key::is_api_key;
use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, browser::Browser, get_me, json_request, problem};

/// The bytes of a header that no browser sends.
const HUGE: usize = 300_000;

/// So many values of a strategy.
fn values<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    let mut value = || strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| value()).collect()
}

fn invalid_token() -> (StatusCode, Value) {
    let status = StatusCode::UNAUTHORIZED;
    let detail = "The access token does not hold; sign in again.";
    (status, problem(status, "invalid_token", detail))
}

/// A token with one byte changed, cut, or put together anew.
fn spoiled(token: &str) -> impl Strategy<Value = String> + use<> {
    let good = token.to_owned();
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let json =
        "\\{\"(alg|typ|kid|exp|sub|sid)\":(\"[A-Za-z0-9 .=-]{0,20}\"|-?[0-9]{1,30}|null|\\[\\])\\}";
    let (one, two, three) = (good.clone(), good.clone(), parts.clone());
    prop_oneof![
        (any::<Index>(), "[A-Za-z0-9_.=+/-]").prop_map(move |(place, letter)| {
            let place = place.index(one.len());
            format!("{}{letter}{}", &one[..place], &one[place + 1..])
        }),
        any::<Index>().prop_map(move |place| two[..place.index(two.len())].to_owned()),
        (json, 0..2_usize).prop_map(move |(part, place)| {
            let mut parts = three.clone();
            parts[place] = URL_SAFE_NO_PAD.encode(part);
            parts.join(".")
        }),
        vec(proptest::sample::select(parts), 0..6).prop_map(|parts| parts.join(".")),
        "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){1,4}",
    ]
    .prop_filter("it is whole, or like a key", move |token| {
        *token != good && !is_api_key(token)
    })
}

#[tokio::test]
async fn a_token_holds_as_it_was_signed_or_not_at_all() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    let good = session["access_token"].as_str().unwrap();
    assert_eq!(app.ask(get_me(good)).await.0, StatusCode::OK);
    for token in values(&spoiled(good), 400) {
        let (status, body) = app.ask(get_me(&token)).await;
        if token.is_empty() {
            assert_eq!(
                (status, &body["code"]),
                (StatusCode::UNAUTHORIZED, &json!("missing_token"))
            );
            continue;
        }
        assert_eq!((status, body), invalid_token(), "{token}");
        let request = Request::get("/api/auth/get-session");
        let request = request.header("authorization", format!("Bearer {token}"));
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer, (StatusCode::OK, Value::Null), "{token}");
    }
}

/// JSON and forms that are broken in the middle, of another shape, or garbage.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{0,12}", inner, 0..4)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    });
    let names = proptest::sample::select(vec![
        "email",
        "password",
        "name",
        "token",
        "newPassword",
        "currentPassword",
        "username",
        "refresh_token",
        "provider",
        "keyId",
        "accountId",
        "newEmail",
        "new_password",
        "code",
    ]);
    let object = vec((names.clone(), value.clone()), 0..5).prop_map(|pairs| {
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value));
        Value::Object(pairs.collect()).to_string().into_bytes()
    });
    let form = vec((names, "[ -~]{0,20}"), 0..5).prop_map(|pairs| {
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&").into_bytes()
    });
    let cut = (object.clone(), any::<Index>())
        .prop_map(|(bytes, place)| bytes[..place.index(bytes.len())].to_vec());
    let deep = (1..5000_usize).prop_map(|depth| vec![b'['; depth]);
    prop_oneof![
        4 => object,
        2 => cut,
        2 => form,
        1 => value.prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..60),
        1 => deep,
    ]
}

/// Every route of every surface, with and without somebody signed in.
#[tokio::test]
async fn no_body_brings_a_route_down() {
    let app = TestApp::sqlite().await;
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
    ];
    let routes = table();
    let routes = routes
        .into_iter()
        .filter(|(method, _)| *method != Method::GET);
    let mut bodies = values(&bodies(), 3000).into_iter();
    for (method, path) in routes {
        // Whatever ends the session or the account gets a new one.
        let session = app.sign_up(&format!("u{}", bodies.len())).await;
        let token = format!("Bearer {}", session["access_token"].as_str().unwrap());
        for (number, bytes) in bodies.by_ref().take(24).enumerate() {
            let request = Request::builder().method(method.clone()).uri(path);
            let request = request.header("content-type", kinds[number / 2 % 3]);
            let request = match number % 2 {
                0 => request,
                _ => request.header("authorization", &token),
            };
            let request = request.body(Body::from(bytes.clone())).unwrap();
            let (status, body) = app.ask(request).await;
            let shown = String::from_utf8_lossy(&bytes);
            assert!(
                !status.is_server_error(),
                "{method} {path}: {status} {body} {shown}"
            );
        }
    }
}

#[tokio::test]
async fn headers_that_come_twice_or_are_huge_prove_nothing() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    let good = format!("Bearer {}", session["access_token"].as_str().unwrap());
    let huge = "a".repeat(HUGE);
    for (first, second) in [
        (good.as_str(), "Bearer x.y.z"),
        ("Bearer x.y.z", good.as_str()),
        (good.as_str(), good.as_str()),
    ] {
        let request = Request::get("/v1/me").header("authorization", first);
        let request = request.header("authorization", second).body(Body::empty());
        assert_eq!(
            app.ask(request.unwrap()).await,
            invalid_token(),
            "{first} {second}"
        );
    }
    let request = Request::get("/v1/me").header("authorization", format!("Bearer {huge}.a.b"));
    assert_eq!(
        app.ask(request.body(Body::empty()).unwrap()).await,
        invalid_token()
    );
}

#[tokio::test]
async fn cookies_and_origins_that_come_twice_or_are_huge_prove_nothing() {
    let app = TestApp::sqlite().await;
    let huge = "a".repeat(HUGE);
    let mut browser = Browser::new(&app.router);
    let sign_up =
        json!({ "email": "eve@example.com", "password": "a long enough one", "name": "Eve" });
    let answer = browser.post("/api/auth/sign-up/email", &sign_up).await;
    let bearer = format!(
        "Bearer {}",
        answer.headers["set-auth-token"].to_str().unwrap()
    );
    let cookie = format!(
        "better-auth.session_token={}",
        browser.cookies["better-auth.session_token"]
    );
    let long = format!("better-auth.session_token={huge}");
    let nobody = (StatusCode::OK, Value::Null);
    for headers in [
        vec![
            ("authorization", bearer.clone()),
            ("authorization", bearer.clone()),
        ],
        vec![("authorization", format!("Bearer {huge}"))],
        vec![("cookie", long.clone())],
        vec![("cookie", format!("{}; {long}", "a=b; ".repeat(50_000)))],
    ] {
        let mut request = Request::get("/api/auth/get-session");
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer, nobody, "{:.80}", format!("{headers:?}"));
    }
    // Of several cookies of the name the one that we signed counts.
    for cookies in [format!("{long}; {cookie}"), format!("{cookie}; {long}")] {
        let request = Request::get("/api/auth/get-session").header("cookie", cookies);
        let (_, body) = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(body["user"]["email"], "eve@example.com");
    }
    // One of them is not the page that asks.
    for origins in [
        ["http://localhost:3001", "https://evil.test"],
        ["https://evil.test", "http://localhost:3001"],
    ] {
        let request = Request::post("/api/auth/sign-out").header("cookie", &cookie);
        let request = origins
            .iter()
            .fold(request, |request, origin| request.header("origin", *origin));
        let refused =
            json!({ "message": "Missing or null Origin", "code": "MISSING_OR_NULL_ORIGIN" });
        let answer = app.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer, (StatusCode::FORBIDDEN, refused));
    }
    let request = Request::post("/api/auth/sign-out").header("cookie", &cookie);
    let request = request.header(
        "origin",
        HeaderValue::from_str(&format!("https://{huge}")).unwrap(),
    );
    let refused = json!({ "message": "Invalid origin", "code": "INVALID_ORIGIN" });
    let answer = app.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer, (StatusCode::FORBIDDEN, refused));
}

/// The fields that name a place, and how Better Auth refuses them.
const FIELDS: &[(&str, &str, &str)] = &[
    ("callbackURL", "INVALID_CALLBACK_URL", "Invalid callbackURL"),
    ("redirectTo", "INVALID_REDIRECT_URL", "Invalid redirectURL"),
    (
        "errorCallbackURL",
        "INVALID_ERROR_CALLBACK_URL",
        "Invalid errorCallbackURL",
    ),
    (
        "newUserCallbackURL",
        "INVALID_NEW_USER_CALLBACK_URL",
        "Invalid newUserCallbackURL",
    ),
];

/// Places that are not ours, whoever reads them.
const EVIL: &[&str] = &[
    "https://evil.test",
    "//evil.test",
    "/\\evil.test",
    "\\/evil.test",
    "/%2fevil.test",
    "/%5Cevil.test",
    "/%09/evil.test",
    "/\t/evil.test",
    "https:evil.test",
    "http://localhost:3001@evil.test",
    "http://localhost:3001.evil.test",
    "http://localhost:3001\\@evil.test",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "evil.test",
    " https://evil.test",
    "http://evil.test#http://localhost:3001",
    "http://localhost:3002",
    "https://localhost:3001",
    "http://\u{ff4c}ocalhost:3001.evil.test",
    "/x\r\nset-cookie: a=b",
];

/// What reads a place from its body.
const POSTS: &[&str] = &[
    "sign-up/email",
    "sign-in/email",
    "sign-in",
    "request-password-reset",
    "forget-password",
    "send-verification-email",
    "change-email",
    "delete-user",
    "sign-in/social",
    "link-social",
    "reset-password",
];

/// What reads a place from its query.
const GETS: &[&str] = &[
    "reset-password/x",
    "verify-email",
    "delete-user/callback",
    "callback/google",
];

/// Every field that names a place, wherever it is read.
#[tokio::test]
async fn no_field_leads_astray() {
    let app = TestApp::on(TestDatabase::sqlite(), &[("MAIL_TRANSPORT", "file")]).await;
    let mut browser = Browser::new(&app.router);
    let sign_up =
        json!({ "email": "ada@example.com", "password": "a long enough one", "name": "Ada" });
    browser.post("/api/auth/sign-up/email", &sign_up).await;
    for (field, code, message) in FIELDS {
        let refused = json!({ "message": message, "code": code });
        for target in EVIL {
            let encoded: String = url::form_urlencoded::byte_serialize(target.as_bytes()).collect();
            for path in POSTS {
                let mut body = sign_up.clone();
                body[*field] = (*target).into();
                let answer = browser.post(&format!("/api/auth/{path}"), &body).await;
                let found = (answer.status.as_u16(), &answer.body);
                assert_eq!(found, (403, &refused), "{path} {field} {target:?}");
                assert!(!answer.headers.contains_key("location"));
            }
            for path in GETS {
                let path = format!("/api/auth/{path}?token=x&{field}={encoded}");
                let answer = browser.open(&path).await;
                let found = (answer.status.as_u16(), &answer.body);
                assert_eq!(found, (403, &refused), "{path}");
                assert!(!answer.headers.contains_key("location"));
            }
        }
    }
    assert_eq!(app.mails().await.len(), 0);
}

#[tokio::test]
async fn no_field_of_the_canonical_surface_leads_astray() {
    let app = TestApp::on(TestDatabase::sqlite(), &[("MAIL_TRANSPORT", "file")]).await;
    app.sign_up("ada").await;
    let detail = "The URL must be a path, or have an origin that ALLOWED_ORIGINS lists.";
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    for path in ["/v1/password-resets", "/v1/email-verifications"] {
        for target in EVIL {
            let body = json!({ "email": "ada@example.com", "redirect_url": target });
            let answer = app.ask(json_request("POST", path, &body)).await;
            assert_eq!(
                answer,
                (status, problem(status, "untrusted_target", detail)),
                "{path} {target:?}"
            );
        }
    }
    assert_eq!(app.mails().await.len(), 0);
}
