//! API keys: their store on both engines, callers who come at once, and keys
//! that are none.

use auth_service::{
    app::{
        api_keys::{KeyChange, KeyTerms, MadeApiKey, NewApiKey},
        client::Client,
        error::Error,
        ports::{AccountEvents, ApiKeys},
    },
    domain::{
        account_event::Happening,
        api_key::{MAX_KEYS, parse_rate},
        user::User,
    },
    outbound::sql::{SqlAccountEvents, SqlApiKeys},
};
use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use proptest::prelude::*;
use proto::{
    api_key::{KeyScope, KeyScopes},
    claims::Role,
};

use crate::support::{TestApp, TestDatabase};

async fn both_engines() -> [TestApp; 2] {
    [
        TestApp::sqlite().await,
        TestApp::on(TestDatabase::postgres().await, &[]).await,
    ]
}

async fn sign_up(app: &TestApp, name: &str) -> User {
    let session = app.sign_up(name).await;
    let id = session["user"]["id"].as_str().unwrap();
    app.app.user(id).await.unwrap()
}

async fn made(app: &TestApp, owner: &User) -> MadeApiKey {
    let client = Client::default();
    let made = app.app.make_api_key(owner, NewApiKey::default(), &client);
    made.await.unwrap()
}

fn enabling(enabled: bool) -> KeyChange {
    KeyChange {
        enabled: Some(enabled),
        ..KeyChange::default()
    }
}

/// The sessions that other services were told are over.
async fn revoked(app: &TestApp) -> Vec<String> {
    let events = SqlAccountEvents::new(app.database.clone());
    let events = events.after(0, 1000).await.unwrap();
    let revoked = events
        .into_iter()
        .filter_map(|event| match event.happening {
            Happening::SessionRevoked { session_id, .. } => Some(session_id),
            _ => None,
        });
    revoked.collect()
}

async fn acts(app: &TestApp) -> Vec<String> {
    let query = "SELECT act FROM audit_log WHERE act LIKE 'api_key.%' ORDER BY at, id";
    let acts: Vec<(String,)> = sqlx::query_as(query)
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    acts.into_iter().map(|(act,)| act).collect()
}

#[tokio::test]
async fn a_key_comes_back_as_it_went_in() {
    for app in both_engines().await {
        let (ada, bob) = (sign_up(&app, "ada").await, sign_up(&app, "bob").await);
        let new = NewApiKey {
            name: Some("Zoë 李 O'Neil; --".to_owned()),
            prefix: Some("x_".to_owned()),
            terms: KeyTerms {
                expires_in: Some(Some(100_000)),
                metadata: Some(Some("{\"a\":\"\\u0000\"}".to_owned())),
                ..KeyTerms::default()
            },
        };
        let made = app.app.make_api_key(&ada, new, &Client::default()).await;
        let made = made.unwrap();
        assert!(made.secret.starts_with(&made.key.start));
        let keys = SqlApiKeys::new(app.database.clone());
        let found = keys.by_id(&ada.id, &made.key.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made.key));
        assert_eq!(keys.by_id(&bob.id, &made.key.id).await.unwrap(), None);
        assert_eq!(keys.of_user(&bob.id).await.unwrap(), []);
        let held = app.app.verify_api_key(&made.secret, 2).await.unwrap();
        assert_eq!((&held.owner, held.key.request_count), (&ada, 3));
        assert_eq!(keys.of_user(&ada.id).await.unwrap(), [held.key]);
        let rows = "SELECT COUNT(*) FROM api_keys WHERE key_hash = $1 OR start = $1";
        let stored: (i64,) = sqlx::query_as(rows)
            .bind(&made.secret)
            .fetch_one(&app.database.pool)
            .await
            .unwrap();
        assert_eq!(stored, (0,), "the key itself is stored");
    }
}

/// Only what takes a right away ends what was got with the key.
#[tokio::test]
async fn a_key_that_loses_a_right_ends_its_session() {
    for app in both_engines().await {
        let ada = sign_up(&app, "ada").await;
        let (made, client) = (made(&app, &ada).await, Client::default());
        let id = made.key.id.as_str();
        let name = KeyChange {
            name: Some(Some("renamed".to_owned())),
            ..KeyChange::default()
        };
        let renamed = app.app.change_api_key(&ada, id, name, &client).await;
        let renamed = renamed.unwrap();
        assert_eq!(renamed.session_id, made.key.session_id);
        let off = app.app.change_api_key(&ada, id, enabling(false), &client);
        let off = off.await.unwrap();
        assert_ne!(off.session_id, made.key.session_id);
        assert_eq!(off, app.app.api_key(&ada.id, id).await.unwrap());
        app.app.delete_api_key(&ada.id, id, &client).await.unwrap();
        assert_eq!(
            revoked(&app).await,
            [made.key.session_id, off.session_id.clone()]
        );
        let expected = [
            "api_key.made",
            "api_key.changed",
            "api_key.changed",
            "api_key.deleted",
        ];
        assert_eq!(acts(&app).await, expected);
    }
}

#[tokio::test]
async fn keys_go_with_their_owner() {
    for app in both_engines().await {
        let ada = sign_up(&app, "ada").await;
        let made = made(&app, &ada).await;
        sqlx::query("DELETE FROM users")
            .execute(&app.database.pool)
            .await
            .unwrap();
        let gone = app.app.verify_api_key(&made.secret, 0).await;
        assert!(matches!(gone, Err(Error::InvalidApiKey)));
    }
}

#[tokio::test]
async fn of_deletes_that_come_at_once_one_finds_the_key() {
    for app in both_engines().await {
        let ada = sign_up(&app, "ada").await;
        let made = made(&app, &ada).await;
        let client = Client::default();
        let delete = || app.app.delete_api_key(&ada.id, &made.key.id, &client);
        let (a, b, c) = tokio::join!(delete(), delete(), delete());
        let deleted = [a, b, c].into_iter().flatten().count();
        assert_eq!((deleted, revoked(&app).await.len()), (1, 1));
    }
}

#[tokio::test]
async fn changes_that_come_at_once_all_last() {
    for app in both_engines().await {
        let ada = sign_up(&app, "ada").await;
        let made = made(&app, &ada).await;
        let client = Client::default();
        let change = |change| app.app.change_api_key(&ada, &made.key.id, change, &client);
        let scopes = KeyChange {
            terms: KeyTerms {
                scopes: Some(vec!["chat".to_owned()]),
                rate: Some(Some((5, 60_000))),
                ..KeyTerms::default()
            },
            ..KeyChange::default()
        };
        let name = KeyChange {
            name: Some(Some("both".to_owned())),
            ..KeyChange::default()
        };
        let (a, b, c) = tokio::join!(change(scopes), change(name), change(enabling(false)));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        let key = app.app.api_key(&ada.id, &made.key.id).await.unwrap();
        assert_eq!(key.scopes.to_string(), "chat");
        assert_eq!(key.rate, parse_rate(5, 60_000).ok());
        assert_eq!(key.name.as_deref(), Some("both"));
        assert_eq!((key.enabled, key.revision), (false, 3));
    }
}

#[tokio::test]
async fn an_account_has_so_many_keys_and_no_more() {
    let app = TestApp::sqlite().await;
    let ada = sign_up(&app, "ada").await;
    for _ in 0..MAX_KEYS {
        made(&app, &ada).await;
    }
    let client = Client::default();
    let over = app.app.make_api_key(&ada, NewApiKey::default(), &client);
    assert!(matches!(over.await, Err(Error::TooManyApiKeys)));
}

/// An administrator's key keeps no more than the owner's role allows now.
#[tokio::test]
async fn a_key_does_what_its_owner_may_do_now() {
    let app = TestApp::sqlite().await;
    let mut ada = sign_up(&app, "ada").await;
    ada.role = Role::Admin;
    let new = NewApiKey {
        terms: KeyTerms {
            scopes: Some(vec!["knowledge:admin".to_owned(), "chat".to_owned()]),
            rate: Some(None),
            ..KeyTerms::default()
        },
        ..NewApiKey::default()
    };
    let made = app.app.make_api_key(&ada, new, &Client::default()).await;
    let made = made.unwrap();
    assert_eq!(made.key.rate, None);
    let held = app.app.verify_api_key(&made.secret, 0).await.unwrap();
    assert_eq!(held.scopes, KeyScopes::from_iter([KeyScope::Chat]));
    sqlx::query("UPDATE users SET role = 'admin'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let held = app.app.verify_api_key(&made.secret, 0).await.unwrap();
    assert!(held.scopes.has(KeyScope::KnowledgeAdmin));
}

/// An access token has no scopes: a key gets none that would allow more.
#[tokio::test]
async fn a_key_gets_no_token_that_may_do_more() {
    let app = TestApp::sqlite().await;
    let mut ada = sign_up(&app, "ada").await;
    app.promote(&ada.id).await;
    ada.role = Role::Admin;
    let all = KeyScopes::all();
    let everything = all.iter().map(KeyScope::as_str).collect();
    for (scopes, role) in [
        (vec!["chat", "search", "documents:read"], None),
        (vec!["knowledge:admin"], None),
        (
            KeyScopes::of_everybody()
                .iter()
                .map(KeyScope::as_str)
                .collect(),
            Some("user"),
        ),
        (everything, Some("admin")),
    ] {
        let new = NewApiKey {
            terms: KeyTerms {
                scopes: Some(scopes.iter().copied().map(str::to_owned).collect()),
                ..KeyTerms::default()
            },
            ..NewApiKey::default()
        };
        let made = app.app.make_api_key(&ada, new, &Client::default()).await;
        let asked = Request::builder().uri("/api/auth/token");
        let asked = asked.header("x-api-key", made.unwrap().secret);
        let (status, body) = app.ask(asked.body(Body::empty()).unwrap()).await;
        let Some(role) = role else {
            let refused = serde_json::json!({
                "message": "The API key has fewer scopes than an access token allows; use the key itself, or one \
                            with all scopes.",
                "code": "NARROW_API_KEY",
            });
            assert_eq!((status.as_u16(), body), (403, refused), "{scopes:?}");
            continue;
        };
        let claims = app
            .app
            .signer
            .read(body["token"].as_str().unwrap())
            .unwrap();
        assert_eq!(
            claims
                .roles
                .iter()
                .map(|role| role.as_str())
                .collect::<Vec<_>>(),
            [role]
        );
    }
}

/// Whatever a header holds, the answer is 401 and a problem.
#[test]
fn headers_that_hold_no_key_are_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::sqlite());
    let text = prop::collection::vec(any::<u8>(), 0..200);
    let like_a_key = "[A-Za-z0-9_-]{60,100}".prop_map(String::into_bytes);
    let bytes = prop_oneof![text, like_a_key];
    let keys = prop::collection::vec(bytes, 1..3);
    proptest!(ProptestConfig::with_cases(64), |(keys in keys, bearer: bool)| {
        let mut request = Request::builder().uri("/v1/me");
        for key in keys {
            let Ok(value) = HeaderValue::from_bytes(&key) else {
                continue;
            };
            let bearing = [b"Bearer ".as_slice(), value.as_bytes()].concat();
            request = if bearer {
                request.header("authorization", HeaderValue::from_bytes(&bearing).unwrap())
            } else {
                request.header("x-api-key", value)
            };
        }
        let request = request.body(Body::empty()).unwrap();
        let (status, body) = runtime.block_on(app.ask(request));
        prop_assert_eq!(status, 401, "{}", body);
        prop_assert_eq!(&body["title"], "Unauthorized");
    });
}
