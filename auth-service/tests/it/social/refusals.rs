//! What goes wrong on the way, and what must not go right.

use std::{sync::Arc, time::Duration};

use auth_service::{
    app::{
        client::Client,
        social::{begin::Begin, callback::Callback, ports},
    },
    outbound::oauth::{GitHub, Google},
};
use serde_json::{Value, json};

use super::{World, gina, me, octo};
use crate::support::{TestDatabase, browser::Browser, on_both_engines, providers::Fault};

on_both_engines!(
    each_failure_is_told_where_the_page_asked_for_it,
    a_flow_belongs_to_one_browser,
    a_flow_is_over_after_ten_minutes,
    a_provider_that_fails_signs_nobody_in,
    a_browser_is_sent_to_trusted_places_alone,
);

/// Comes back with `query` in place of the code.
async fn come_back(world: &World, browser: &mut Browser, query: &str) -> String {
    let path = world.begin(browser, "google").await;
    let state = path.rsplit_once("state=").unwrap().1;
    let path = format!("/api/auth/callback/{}", query.replace("STATE", state));
    browser.open(&path).await.location().to_owned()
}

async fn each_failure_is_told_where_the_page_asked_for_it(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut browser = world.browser();
    for (query, end) in [
        (
            "google?error=access_denied&error_description=nope&state=STATE",
            "/login-error?error=access_denied&error_description=nope",
        ),
        (
            "google?error=%3Cscript%3E%26x%3D1%0D%0Aa&state=STATE",
            "/login-error?error=%3Cscript%3E%26x%3D1%0D%0Aa",
        ),
        ("google?state=STATE", "/login-error?error=no_code"),
        ("google?code=&state=STATE", "/login-error?error=no_code"),
        (
            "google?code=bad&state=STATE",
            "/login-error?error=invalid_code",
        ),
        (
            "google?code=%00&state=STATE",
            "/login-error?error=invalid_code",
        ),
        (
            "nope?code=x&state=STATE",
            "/login-error?error=oauth_provider_not_found",
        ),
        (
            "%ff?code=x&state=STATE",
            "/login-error?error=oauth_provider_not_found",
        ),
        // The code of one provider must not go to another.
        (
            "github?code=x&state=STATE",
            "/login-error?error=state_mismatch",
        ),
        (
            "google?code=x&state=STATE&iss=https%3A%2F%2Fevil.test",
            "/login-error?error=issuer_mismatch",
        ),
    ] {
        assert_eq!(come_back(&world, &mut browser, query).await, end, "{query}");
        assert!(
            !browser.cookies.contains_key("better-auth.state"),
            "{query}"
        );
    }
    for (query, code) in [
        ("google", "state_not_found"),
        ("google?code=x&state=", "state_not_found"),
        ("google?code=x&state=unknown", "state_mismatch"),
        (
            "google?code=x&state=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "state_mismatch",
        ),
    ] {
        let end = come_back(&world, &mut browser, query).await;
        assert_eq!(
            end,
            format!("http://localhost:3001/api/auth/error?error={code}")
        );
    }
    let mut silent = octo();
    silent["emails"] = json!([]);
    let answer = world.sign_in(&mut browser, "github", silent).await;
    assert_eq!(answer.location(), "/login-error?error=email_not_found");
    assert_eq!(world.providers.asked("/github/token"), 1);
    assert_eq!(world.count("users").await, 0);
    assert_eq!(me(&mut browser).await, Value::Null);
}

async fn a_flow_belongs_to_one_browser(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let (mut mine, mut theirs) = (world.browser(), world.browser());
    let path = world.begin(&mut mine, "google").await;
    // Somebody else's state signs nobody in: not without a cookie, …
    let mismatch = "/login-error?error=state_mismatch";
    assert_eq!(world.browser().open(&path).await.location(), mismatch);
    // … not beside a flow of their own, …
    let their_path = world.begin(&mut theirs, "google").await;
    assert_eq!(theirs.open(&path).await.location(), mismatch);
    // … and not with a cookie that they made up.
    let state = path.rsplit_once("state=").unwrap().1;
    for forged in [
        state.to_owned(),
        format!("{state}."),
        format!("{state}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D"),
    ] {
        let mut forger = world.browser();
        forger
            .cookies
            .insert("better-auth.state".to_owned(), forged);
        assert_eq!(forger.open(&path).await.location(), mismatch);
    }
    // Both flows are as good as before, once.
    assert_eq!(mine.open(&path).await.location(), "/welcome");
    assert_eq!(theirs.open(&their_path).await.location(), "/dashboard");
    assert_eq!(
        mine.open(&path).await.location(),
        "http://localhost:3001/api/auth/error?error=state_mismatch"
    );
}

async fn a_flow_is_over_after_ten_minutes(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut browser = world.browser();
    let path = world.begin(&mut browser, "google").await;
    world.app.clock.advance(10 * 60 * 1000);
    assert_eq!(
        browser.open(&path).await.location(),
        "http://localhost:3001/api/auth/error?error=state_mismatch"
    );
    let path = world.begin(&mut browser, "google").await;
    world.app.clock.advance(10 * 60 * 1000 - 1);
    assert_eq!(browser.open(&path).await.location(), "/welcome");
}

async fn a_provider_that_fails_signs_nobody_in(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    let faults = [
        Fault::Garbage,
        Fault::Huge,
        Fault::Status(500),
        Fault::Redirect,
    ];
    for fault in faults {
        for (provider, person, path, code) in [
            ("google", gina(), "/google/token", "invalid_code"),
            ("google", gina(), "/google/jwks", "unable_to_get_user_info"),
            ("github", octo(), "/github/token", "invalid_code"),
            ("github", octo(), "/github/user", "unable_to_get_user_info"),
            (
                "github",
                octo(),
                "/github/user/emails",
                "unable_to_get_user_info",
            ),
        ] {
            world.providers.break_down(path, fault);
            let answer = world.sign_in(&mut browser, provider, person).await;
            let end = format!("/login-error?error={code}");
            assert_eq!(answer.location(), end, "{path}");
            world.providers.mend();
            // Keys that could not be had are not asked for at once again.
            world.app.clock.advance(1000);
        }
    }
    assert_eq!(world.providers.asked("/elsewhere"), 0);
    assert_eq!(world.count("users").await, 0);
    // Whoever did not allow us to see the addresses has none to show.
    world
        .providers
        .break_down("/github/user/emails", Fault::Status(404));
    let answer = world.sign_in(&mut browser, "github", octo()).await;
    assert_eq!(answer.location(), "/login-error?error=email_not_found");
}

async fn a_browser_is_sent_to_trusted_places_alone(home: TestDatabase) {
    let world = World::with(home, &[("ALLOWED_ORIGINS", "https://app.example.com")]).await;
    let mut browser = world.browser();
    let evil = [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/%2fevil.test",
        "\\\\evil.test",
        "https://app.example.com.evil.test",
        "https://app.example.com@evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.test",
        "/\t/evil.test",
        "http://localhost:3001@evil.test/",
    ];
    for (field, code, message) in [
        ("callbackURL", "INVALID_CALLBACK_URL", "Invalid callbackURL"),
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
    ] {
        for target in evil {
            let body = json!({ "provider": "google", field: target });
            let answer = browser.post("/api/auth/sign-in/social", &body).await;
            let refused = json!({ "message": message, "code": code });
            assert_eq!(
                (answer.status.as_u16(), answer.body),
                (403, refused),
                "{target}"
            );
        }
    }
    assert_eq!(world.count("oauth_flows").await, 0);
    let body = json!({
        "provider": "google",
        "callbackURL": "https://app.example.com/in",
        "errorCallbackURL": "https://app.example.com/login?from=us#top",
    });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    let path = world.way_back("google", answer.body["url"].as_str().unwrap());
    let denied = path.replace("code=", "error=access_denied&old=");
    assert_eq!(
        browser.open(&denied).await.location(),
        "https://app.example.com/login?from=us&error=access_denied#top"
    );
}

#[tokio::test]
async fn a_provider_that_is_slow_or_gone_is_not_waited_for() {
    let world = World::on(TestDatabase::sqlite()).await;
    world.providers.sign_in_as(octo());
    let variables = world.providers.settings();
    let settings: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let config = world.app.home.config(&settings).social;
    let http = reqwest::Client::builder()
        .timeout(Duration::from_millis(100))
        .build()
        .unwrap();
    let clock = world.app.clock.clone();
    let google = Google::new(&config.google.unwrap(), http.clone(), clock.clone());
    let github = GitHub::new(&config.github.unwrap(), http, clock);
    let mut app = (*world.app.app).clone();
    app.providers = ports::Providers(vec![Arc::new(google), Arc::new(github)]);
    let flow = async |provider: &str| {
        let begin = Begin {
            provider: provider.to_owned(),
            redirect_uri: "http://localhost:3001/back".to_owned(),
            callback_url: "/in".to_owned(),
            ..Begin::default()
        };
        let redirect = app.begin_social(begin, None).await.unwrap();
        let (code, state) = world.providers.consent(&redirect.url);
        let callback = Callback {
            provider: provider.to_owned(),
            pinned: Some(state.clone()),
            state: Some(state),
            code: Some(code),
            ..Callback::default()
        };
        let landing = app.finish_social(callback, &Client::default()).await;
        landing.unwrap().failure.map(|failure| failure.code)
    };
    for (path, code) in [
        ("/github/token", "invalid_code"),
        ("/github/user", "unable_to_get_user_info"),
        ("/github/user/emails", "unable_to_get_user_info"),
    ] {
        world.providers.break_down(path, Fault::Silence);
        assert_eq!(flow("github").await.as_deref(), Some(code), "{path}");
        world.providers.mend();
    }
    assert_eq!(flow("github").await, None);
    let World { app: _, providers } = world;
    drop(providers);
}

#[tokio::test]
async fn providers_that_are_not_set_up_are_not_there() {
    let app = crate::support::TestApp::sqlite().await;
    let mut browser = Browser::new(&app.router);
    for provider in [
        "google",
        "github",
        "discord",
        "no such provider",
        "",
        "\u{0}",
    ] {
        let body = json!({ "provider": provider });
        let answer = browser.post("/api/auth/sign-in/social", &body).await;
        let refused = json!({ "message": "Provider not found", "code": "PROVIDER_NOT_FOUND" });
        assert_eq!((answer.status.as_u16(), answer.body), (404, refused));
    }
    for (body, message) in [
        (json!({}), "[body.provider] Invalid input"),
        (json!({ "provider": 1 }), "[body.provider] Invalid input"),
        (
            json!({ "provider": "google", "scopes": "email" }),
            "[body.scopes] Invalid input: expected array, received string",
        ),
        (
            json!({ "provider": "google", "scopes": ["email", 1] }),
            "[body.scopes.1] Invalid input: expected string, received number",
        ),
        (
            json!({ "provider": "google", "idToken": {} }),
            "[body.idToken.token] Invalid input: expected string, received undefined",
        ),
        (
            json!({ "provider": "google", "idToken": "x" }),
            "[body.idToken] Invalid input: expected object, received string",
        ),
        (
            json!({ "provider": "google", "additionalParams": { "state": "x" } }),
            "[body.additionalParams] additionalParams cannot include reserved OAuth parameters: \
             state, client_id, redirect_uri, response_type, code_challenge, \
             code_challenge_method, nonce, scope",
        ),
    ] {
        let answer = browser.post("/api/auth/sign-in/social", &body).await;
        let refused = json!({ "message": message, "code": "VALIDATION_ERROR" });
        assert_eq!((answer.status.as_u16(), answer.body), (400, refused));
    }
}
