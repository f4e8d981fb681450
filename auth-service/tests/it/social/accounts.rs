//! Linked accounts, and what their providers let us do.

use serde_json::{Value, json};

use super::{World, gina, gina_at_github, methods, octo};
use crate::support::{TestDatabase, browser::Browser, on_both_engines, providers::Fault};

const HOUR: i64 = 60 * 60 * 1000;

on_both_engines!(
    the_last_way_to_sign_in_can_not_be_unlinked,
    unlinking_asks_for_a_fresh_sign_in,
    tokens_of_a_provider_are_given_to_their_owner,
    tokens_are_renewed_before_they_end,
    tokens_that_can_not_be_renewed_are_refused,
    what_belongs_to_others_is_not_there,
    a_provider_tells_who_its_account_is,
);

async fn account_id(browser: &mut Browser, provider: &str) -> String {
    let listed = methods(browser).await;
    let found = listed.iter().find(|one| one["providerId"] == provider);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

async fn ask(browser: &mut Browser, path: &str, id: &str) -> (u16, Value) {
    let body = json!({ "accountId": id });
    let answer = browser.post(&format!("/api/auth/{path}"), &body).await;
    (answer.status.as_u16(), answer.body)
}

fn refused(message: &str, code: &str) -> (u16, Value) {
    (400, json!({ "message": message, "code": code }))
}

async fn the_last_way_to_sign_in_can_not_be_unlinked(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.link(&mut browser, "github", gina_at_github()).await;
    let github = account_id(&mut browser, "github").await;
    let google = account_id(&mut browser, "google").await;
    let unknown = refused("Account not found", "ACCOUNT_NOT_FOUND");
    for id in [
        "",
        "nothing",
        "018bcfe5-6800-7000-8000-00000000dead",
        "\u{0}",
    ] {
        assert_eq!(ask(&mut browser, "unlink-account", id).await, unknown);
    }
    let done = (200, json!({ "status": true }));
    assert_eq!(ask(&mut browser, "unlink-account", &github).await, done);
    let message = "You can't unlink your last account";
    let last = refused(message, "FAILED_TO_UNLINK_LAST_ACCOUNT");
    assert_eq!(ask(&mut browser, "unlink-account", &google).await, last);
    assert_eq!(ask(&mut browser, "unlink-account", &github).await, last);
    let (status, body) = {
        let answer = browser.post("/api/auth/unlink-account", &json!({})).await;
        (answer.status.as_u16(), answer.body)
    };
    let message = "[body.accountId] Invalid input: expected string, received undefined";
    assert_eq!((status, body), refused(message, "VALIDATION_ERROR"));
    let id = methods(&mut browser).await[0]["userId"].clone();
    let acts = world.acts(id.as_str().unwrap()).await;
    let unlinked = ("provider.unlinked".to_owned(), Some("github".to_owned()));
    assert_eq!(acts.iter().filter(|act| **act == unlinked).count(), 1);
    // What was unlinked can be linked again.
    let end = world.link(&mut browser, "github", gina_at_github()).await;
    assert_eq!(end, "/settings");
}

async fn unlinking_asks_for_a_fresh_sign_in(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.link(&mut browser, "github", gina_at_github()).await;
    let github = account_id(&mut browser, "github").await;
    world.app.clock.advance(24 * HOUR);
    let stale = json!({ "message": "Session is not fresh", "code": "SESSION_NOT_FRESH" });
    assert_eq!(
        ask(&mut browser, "unlink-account", &github).await,
        (403, stale)
    );
    assert_eq!(methods(&mut browser).await.len(), 2);
}

async fn tokens_of_a_provider_are_given_to_their_owner(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.link(&mut browser, "github", gina_at_github()).await;
    let google = account_id(&mut browser, "google").await;
    let github = account_id(&mut browser, "github").await;
    let (status, first) = ask(&mut browser, "get-access-token", &google).await;
    assert_eq!(status, 200);
    assert_eq!(
        first,
        json!({
            "accessToken": first["accessToken"],
            "accessTokenExpiresAt": "2026-11-01T13:00:00.123Z",
            "scopes": ["openid", "email", "profile"],
            "idToken": first["idToken"],
        })
    );
    let (_, body) = ask(&mut browser, "get-access-token", &github).await;
    let scopes = json!(["read:user", "user:email"]);
    let expected = json!({ "accessToken": body["accessToken"], "scopes": scopes });
    assert_eq!(body, expected);
    let (_, renewed) = ask(&mut browser, "refresh-token", &google).await;
    assert_eq!(
        renewed,
        json!({
            "accessToken": renewed["accessToken"],
            "refreshToken": renewed["refreshToken"],
            "accessTokenExpiresAt": "2026-11-01T13:00:00.123Z",
            "refreshTokenExpiresAt": null,
            "scope": "openid,email,profile",
            "idToken": renewed["idToken"],
            "providerId": "google",
            "accountId": google,
        })
    );
    assert_ne!(renewed["accessToken"], first["accessToken"]);
    let (_, again) = ask(&mut browser, "get-access-token", &google).await;
    assert_eq!(again["accessToken"], renewed["accessToken"]);
    let none = refused("Refresh token not found", "REFRESH_TOKEN_NOT_FOUND");
    assert_eq!(ask(&mut browser, "refresh-token", &github).await, none);
}

async fn tokens_are_renewed_before_they_end(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    let google = account_id(&mut browser, "google").await;
    let (_, first) = ask(&mut browser, "get-access-token", &google).await;
    world.app.clock.advance(HOUR - 5000);
    let (_, same) = ask(&mut browser, "get-access-token", &google).await;
    assert_eq!(same, first);
    world.app.clock.advance(1);
    let (_, newer) = ask(&mut browser, "get-access-token", &google).await;
    assert_ne!(newer["accessToken"], first["accessToken"]);
    assert_eq!(newer["accessTokenExpiresAt"], "2026-11-01T13:59:55.124Z");
}

async fn tokens_that_can_not_be_renewed_are_refused(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    let google = account_id(&mut browser, "google").await;
    world.app.clock.advance(HOUR);
    world
        .providers
        .break_down("/google/token", Fault::Status(500));
    let message = "Failed to get a valid access token";
    let none = refused(message, "FAILED_TO_GET_ACCESS_TOKEN");
    assert_eq!(ask(&mut browser, "get-access-token", &google).await, none);
    let message = "Failed to refresh access token";
    let none = refused(message, "FAILED_TO_REFRESH_ACCESS_TOKEN");
    assert_eq!(ask(&mut browser, "refresh-token", &google).await, none);
    // The old refresh token is as good as before.
    world.providers.mend();
    assert_eq!(ask(&mut browser, "get-access-token", &google).await.0, 200);
}

async fn what_belongs_to_others_is_not_there(home: TestDatabase) {
    let world = World::on(home).await;
    let (mut gina_here, mut octo_here) = (world.browser(), world.browser());
    world.sign_in(&mut gina_here, "google", gina()).await;
    world.sign_in(&mut octo_here, "github", octo()).await;
    let hers = account_id(&mut gina_here, "google").await;
    let unknown = refused("Account not found", "ACCOUNT_NOT_FOUND");
    for path in ["get-access-token", "refresh-token"] {
        assert_eq!(ask(&mut octo_here, path, &hers).await, unknown);
        let mut nobody = world.browser();
        let unauthorized = json!({ "message": "Unauthorized", "code": "UNAUTHORIZED" });
        assert_eq!(ask(&mut nobody, path, &hers).await, (401, unauthorized));
        // The shape of earlier versions.
        let body = json!({ "providerId": "google" });
        let answer = gina_here.post(&format!("/api/auth/{path}"), &body).await;
        let invalid = refused("[body] Invalid input", "VALIDATION_ERROR");
        assert_eq!((answer.status.as_u16(), answer.body), invalid);
    }
    let path = format!("/api/auth/account-info?accountId={hers}");
    assert_eq!(octo_here.open(&path).await.body, unknown.1);
    let answer = octo_here.open("/api/auth/account-info").await;
    let invalid = refused("[query] Invalid input", "VALIDATION_ERROR");
    assert_eq!((answer.status.as_u16(), answer.body), invalid);
    world.with_password("ada", true).await;
    let mut ada = world.browser();
    let body = json!({ "email": "ada@example.com", "password": "a long enough one" });
    ada.post("/api/auth/sign-in/email", &body).await;
    let password = account_id(&mut ada, "credential").await;
    let none = refused("Provider is not supported.", "PROVIDER_NOT_SUPPORTED");
    assert_eq!(ask(&mut ada, "get-access-token", &password).await, none);
}

async fn a_provider_tells_who_its_account_is(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.link(&mut browser, "github", gina_at_github()).await;
    let google = account_id(&mut browser, "google").await;
    // The id token is long over, but it said so once.
    world.app.clock.advance(3 * HOUR);
    let path = format!("/api/auth/account-info?accountId={google}");
    let info = browser.open(&path).await.body;
    assert_eq!(
        info["user"],
        json!({
            "name": "Gina Google",
            "email": "gina@example.com",
            "image": "https://example.com/g.png",
            "emailVerified": true,
        })
    );
    let account = json!({ "id": google, "providerId": "google", "accountId": "g-1" });
    assert_eq!(info["account"], account);
    assert_eq!(info["data"]["sub"], "g-1");
    assert_eq!(info["data"]["email"], "Gina@Example.com");
    let github = account_id(&mut browser, "github").await;
    let path = format!("/api/auth/account-info?accountId={github}");
    let info = browser.open(&path).await.body;
    assert_eq!(info["user"]["name"], "octo");
    assert_eq!(info["data"]["login"], "octo");
    world
        .providers
        .break_down("/github/user", Fault::Status(401));
    let answer = browser.open(&path).await;
    let none = json!({ "message": "Failed to get user info", "code": "FAILED_TO_GET_USER_INFO" });
    assert_eq!((answer.status.as_u16(), answer.body), (401, none));
}
