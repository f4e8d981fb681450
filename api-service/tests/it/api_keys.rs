//! API keys in the place of access tokens, with a real auth-service.

use api_service::http::routes;
use auth_service::{
    app::{
        api_keys::{KeyChange, KeyTerms, MadeApiKey, NewApiKey},
        client::Client,
        sessions::Opened,
    },
    domain::user::User,
};
use axum::{
    body::Body,
    http::{Request, Response, StatusCode, request},
};
use proto::api_key::KeyScope;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{
    TestApp, TestHome,
    accounts::{Accounts, Both, Ears, Running, within_a_second},
    read,
};

/// A key of `name`, whose account is made, and what else there is to it.
struct Keyed {
    owner: User,
    token: String,
    made: MadeApiKey,
}

impl Keyed {
    async fn new(auth: &Running, name: &str, terms: KeyTerms) -> Self {
        let opened = auth.sign_up(name).await;
        Self::of(auth, &opened, &opened.user, terms).await
    }

    async fn admin(auth: &Running, name: &str, scopes: &[KeyScope]) -> Self {
        let opened = auth.sign_up(name).await;
        let admin = auth.make_admin(&opened.user.id).await;
        Self::of(auth, &opened, &admin, scoped(scopes)).await
    }

    async fn of(auth: &Running, opened: &Opened, owner: &User, terms: KeyTerms) -> Self {
        let new = NewApiKey {
            terms,
            ..NewApiKey::default()
        };
        let made = auth.app.make_api_key(owner, new, &Client::default()).await;
        Self {
            token: auth.token(opened),
            made: made.unwrap(),
            owner: owner.clone(),
        }
    }

    async fn change(&self, auth: &Running, change: KeyChange) {
        let client = Client::default();
        let changed = auth
            .app
            .change_api_key(&self.owner, &self.made.key.id, change, &client);
        changed.await.unwrap();
    }

    async fn delete(&self, auth: &Running) {
        let client = Client::default();
        let deleted = auth
            .app
            .delete_api_key(&self.owner.id, &self.made.key.id, &client);
        deleted.await.unwrap();
    }

    /// What is asked with the key now.
    async fn get(&self, app: &TestApp) -> (u16, Value) {
        get(app, &self.made.secret).await
    }

    async fn times_used(&self, auth: &Running) -> i64 {
        let key = auth.app.api_key(&self.owner.id, &self.made.key.id).await;
        key.unwrap().request_count
    }
}

fn scoped(scopes: &[KeyScope]) -> KeyTerms {
    let words = scopes.iter().map(|scope| scope.as_str().to_owned());
    KeyTerms {
        scopes: Some(words.collect()),
        ..KeyTerms::default()
    }
}

fn rated(max: i64, window: i64) -> KeyTerms {
    KeyTerms {
        rate: Some(Some((max, window))),
        ..KeyTerms::default()
    }
}

fn enabling(enabled: bool) -> KeyChange {
    KeyChange {
        enabled: Some(enabled),
        ..KeyChange::default()
    }
}

fn asking(key: &str, line: &str) -> request::Builder {
    let (method, path) = line.split_once(' ').unwrap();
    let request = request::Builder::new().method(method).uri(path);
    request.header("authorization", format!("Bearer {key}"))
}

async fn answer(app: &TestApp, request: request::Builder) -> Response<Body> {
    let request = request.body(Body::empty()).unwrap();
    app.router.clone().oneshot(request).await.unwrap()
}

async fn get(app: &TestApp, key: &str) -> (u16, Value) {
    let (status, body) = read(answer(app, asking(key, "GET /v1/documents")).await).await;
    (status.as_u16(), body)
}

/// The status, and the code of a problem.
async fn told(app: &TestApp, key: &str) -> (u16, String) {
    let (status, body) = get(app, key).await;
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

async fn becomes(app: &TestApp, key: &str, status: u16, code: &str) {
    within_a_second(code, || async {
        told(app, key).await == (status, code.to_owned())
    })
    .await;
}

#[tokio::test]
async fn a_key_acts_for_its_owner_and_nobody_else() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let ada = Keyed::new(&both.auth, "ada", KeyTerms::default()).await;
        let ben = Keyed::new(&both.auth, "ben", KeyTerms::default()).await;
        let body = json!({"text": "The kettle is red."}).to_string();
        let request = Request::post("/v1/documents")
            .header("x-api-key", &ada.made.secret)
            .header("content-type", "application/json");
        let (status, document) = both.app.ask(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(status, 202, "{document}");
        let by_token = get(&both.app, &ada.token).await;
        assert_eq!(by_token.1["documents"][0]["id"], document["id"]);
        assert_eq!(ada.get(&both.app).await, by_token);
        let nothing = json!({"documents": [], "next": null});
        assert_eq!(ben.get(&both.app).await, (200, nothing));
        both.ears.cover().await;
    }
}

/// Each route of the table, with a key for each scope there is.
#[tokio::test]
async fn a_route_takes_keys_with_its_scope_alone() {
    let both = Both::on(TestHome::sqlite()).await;
    for (number, scope) in KeyScope::ALL.into_iter().enumerate() {
        let name = format!("user{number}");
        let keyed = Keyed::admin(&both.auth, &name, &[scope]).await;
        for route in routes().iter().filter(|route| route.scope.is_some()) {
            let (wanted, line) = (
                route.scope.unwrap().as_str(),
                format!("{} {}", route.method, route.path),
            );
            let response = answer(&both.app, asking(&keyed.made.secret, &line)).await;
            if wanted == scope.as_str() {
                let status = response.status().as_u16();
                assert!(![401, 403].contains(&status), "{line}: {status}");
                continue;
            }
            let kind = response.headers().get("content-type");
            if kind.is_none_or(|kind| kind != "application/problem+json") {
                // Another surface, in words of its own.
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{line}");
                continue;
            }
            assert_eq!(
                response.headers()["www-authenticate"],
                format!("Bearer error=\"insufficient_scope\", scope=\"{wanted}\"")
            );
            let expected = json!({
                "type": "about:blank",
                "title": "Forbidden",
                "status": 403,
                "code": "missing_scope",
                "detail": format!(
                    "The API key lacks the scope {wanted}; give it the scope, or use another key."
                ),
            });
            assert_eq!(read(response).await.1, expected, "{line}");
        }
    }
    both.ears.cover().await;
}

/// An administrator's key changes public knowledge only with the scope for it.
#[tokio::test]
async fn public_knowledge_is_changed_by_keys_for_that_alone() {
    let both = Both::on(TestHome::sqlite()).await;
    let operator = crate::support::caller("admin");
    let book = both.app.app.public_base(&operator, "book").await.unwrap();
    let upload = json!({"text": "The kettle is blue.", "knowledge_base": book.id.0}).to_string();
    for (name, scopes, expected) in [
        ("ada", vec![KeyScope::DocumentsWrite], 403),
        (
            "ben",
            vec![KeyScope::DocumentsWrite, KeyScope::KnowledgeAdmin],
            202,
        ),
    ] {
        let keyed = Keyed::admin(&both.auth, name, &scopes).await;
        let request = asking(&keyed.made.secret, "POST /v1/documents");
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(upload.clone())).unwrap();
        let (status, body) = both.app.ask(request).await;
        assert_eq!(status, expected, "{name}: {body}");
    }
    both.ears.cover().await;
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let both = Both::on(TestHome::sqlite()).await;
    let ada = Keyed::new(&both.auth, "ada", KeyTerms::default()).await;
    let secret = &ada.made.secret;
    let mut other = secret.clone();
    other.replace_range(
        secret.len() - 1..,
        if secret.ends_with('a') { "b" } else { "a" },
    );
    let invalid = json!({
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "code": "invalid_api_key",
        "detail": "The API key does not hold; make another one.",
    });
    for wrong in [
        other.as_str(),
        &secret.to_lowercase(),
        &"_".repeat(64),
        &"Z".repeat(96),
    ] {
        let response = answer(&both.app, asking(wrong, "GET /v1/documents")).await;
        let challenge = &response.headers()["www-authenticate"];
        assert_eq!(challenge, "Bearer error=\"invalid_token\"");
        assert_eq!(read(response).await.1, invalid, "{wrong}");
    }
    for wrong in [
        "",
        "\u{80}",
        "a.b.c",
        &"Z".repeat(20_000),
        "' OR 1=1",
        &other,
    ] {
        let request = Request::get("/v1/documents").header("x-api-key", wrong);
        let (status, body) = read(answer(&both.app, request).await).await;
        assert_eq!((status.as_u16(), body), (401, invalid.clone()), "{wrong}");
    }
    // Two keys are none, and a token goes before a key.
    let request = Request::get("/v1/documents").header("x-api-key", secret);
    let twice = request.header("x-api-key", secret);
    assert_eq!(read(answer(&both.app, twice).await).await.1, invalid);
    let request = asking(&ada.token, "GET /v1/documents").header("x-api-key", &other);
    assert_eq!(answer(&both.app, request).await.status(), 200);
    assert_eq!(ada.times_used(&both.auth).await, 0);
    both.ears.cover().await;
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over_though_it_is_known() {
    let both = Both::on(TestHome::sqlite()).await;
    let terms = KeyTerms {
        expires_in: Some(Some(86_400)),
        ..KeyTerms::default()
    };
    let ada = Keyed::new(&both.auth, "ada", terms).await;
    both.auth.advance(86_400_000 - 1);
    assert_eq!(ada.get(&both.app).await.0, 200);
    both.auth.advance(1);
    let expired = (401, "expired_api_key".to_owned());
    assert_eq!(told(&both.app, &ada.made.secret).await, expired);
    both.ears.cover().await;
}

/// Time stands still: only what is told ends what is known of the keys.
#[tokio::test]
async fn what_happens_to_keys_and_owners_is_known_within_a_second() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let Both {
            accounts: _accounts,
            auth,
            app,
            ears,
        } = Both::on(home).await;
        let mut keyed = vec![];
        for name in ["ada", "ben", "cleo", "dora", "emil"] {
            keyed.push(Keyed::new(&auth, name, KeyTerms::default()).await);
        }
        let [ada, ben, cleo, dora, emil] = &keyed[..] else {
            unreachable!()
        };
        for keyed in &keyed {
            assert_eq!(keyed.get(&app).await.0, 200);
        }
        ada.delete(&auth).await;
        becomes(&app, &ada.made.secret, 401, "invalid_api_key").await;
        ben.change(&auth, enabling(false)).await;
        becomes(&app, &ben.made.secret, 401, "disabled_api_key").await;
        let change = KeyChange {
            terms: scoped(&[KeyScope::Chat]),
            ..KeyChange::default()
        };
        cleo.change(&auth, change).await;
        becomes(&app, &cleo.made.secret, 403, "missing_scope").await;
        auth.set_enabled(&dora.owner.id, false).await;
        becomes(&app, &dora.made.secret, 401, "invalid_api_key").await;
        auth.delete(&emil.owner.id).await;
        becomes(&app, &emil.made.secret, 401, "invalid_api_key").await;

        // A refusal is kept for five seconds.
        ben.change(&auth, enabling(true)).await;
        auth.set_enabled(&dora.owner.id, true).await;
        auth.advance(5_000);
        assert_eq!(ben.get(&app).await.0, 200);
        assert_eq!(dora.get(&app).await.0, 200);
        ears.cover().await;
    }
}

#[tokio::test]
async fn while_auth_service_is_down_known_keys_go_on_for_a_while() {
    let Both {
        accounts,
        auth,
        app,
        ears,
    } = Both::on(TestHome::sqlite()).await;
    let ada = Keyed::new(&auth, "ada", KeyTerms::default()).await;
    let ben = Keyed::new(&auth, "ben", KeyTerms::default()).await;
    assert_eq!(ada.get(&app).await.0, 200);
    assert_eq!(get(&app, &ada.token).await.0, 200);
    let clock = app.home.clock.clone();
    auth.stop().await;

    let response = answer(&app, asking(&ben.made.secret, "GET /v1/documents")).await;
    assert_eq!(response.headers()["retry-after"], "5");
    let expected = json!({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "api_keys_unavailable",
        "detail": "API keys can't be checked just now, since auth-service does not answer; try again.",
    });
    assert_eq!(read(response).await.1, expected);
    clock.advance(29_999);
    for _ in 0..7 {
        assert_eq!(ada.get(&app).await.0, 200);
    }
    clock.advance(1);
    let unavailable = (503, "api_keys_unavailable".to_owned());
    assert_eq!(told(&app, &ada.made.secret).await, unavailable);
    // Tokens need nobody once the keys that signed them are known.
    assert_eq!(get(&app, &ada.token).await.0, 200);

    let auth = accounts.start(&clock).await;
    within_a_second("keys are checked again", || async {
        clock.advance(1_000);
        ada.get(&app).await.0 == 200 && ben.get(&app).await.0 == 200
    })
    .await;
    let used = ada.times_used(&auth).await;
    assert!(used >= 9, "{used} uses are counted");
    ears.cover().await;
}

/// What is let through without asking counts too.
#[tokio::test]
async fn a_key_is_good_for_as_much_as_its_rate_says() {
    let both = Both::on(TestHome::sqlite()).await;
    let ada = Keyed::new(&both.auth, "ada", rated(5, 3_600_000)).await;
    let secret = ada.made.secret.as_str();
    let once = || async { get(&both.app, secret).await.0 };
    let asked = futures::future::join_all((0..20).map(|_| once())).await;
    assert_eq!(asked.iter().filter(|status| **status == 200).count(), 5);
    assert_eq!(asked.iter().filter(|status| **status == 429).count(), 15);
    let response = answer(&both.app, asking(secret, "GET /v1/documents")).await;
    assert_eq!(response.headers()["retry-after"], "720");
    let expected = json!({
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "code": "api_key_overused",
        "detail": "The API key was used too often; try again in 720 s.",
    });
    assert_eq!(read(response).await.1, expected);
    assert_eq!(ada.times_used(&both.auth).await, 5);
    both.auth.advance(720_000);
    assert_eq!([once().await, once().await], [200, 429]);
    both.ears.cover().await;
}

/// Each process lets through what it was told is left; none of that is
/// forgotten when it asks again.
#[tokio::test]
async fn several_processes_settle_what_they_let_through() {
    let both = Both::on(TestHome::sqlite()).await;
    let other = both.accounts.api(TestHome::beside(&both.app.home)).await;
    let ears = Ears::of(&other, both.accounts.reached()).await;
    let ada = Keyed::new(&both.auth, "ada", rated(10, 3_600_000)).await;
    let mut taken = 0;
    for _ in 0..30 {
        for app in [&both.app, &other] {
            taken += usize::from(ada.get(app).await.0 == 200);
        }
    }
    assert!((10..=20).contains(&taken), "{taken} uses of ten");
    // An hour gives ten more, to all processes together or a little more.
    both.auth.advance(3_600_000);
    assert_eq!(ada.get(&both.app).await.0, 200);
    ears.cover().await;
    both.ears.cover().await;
}

/// A key of somebody who is wrong about auth-service's address or token is not
/// called wrong.
#[tokio::test]
async fn a_key_that_cannot_be_asked_for_is_not_called_wrong() {
    let app = TestApp::sqlite().await;
    let key = "Z".repeat(64);
    let unavailable = (503, "api_keys_unavailable".to_owned());
    assert_eq!(told(&app, &key).await, unavailable);
    let accounts = Accounts::new().await;
    let unserved = accounts.api(TestHome::sqlite()).await;
    assert_eq!(told(&unserved, &key).await, unavailable);
}
