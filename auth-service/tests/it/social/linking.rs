//! Which accounts become one, and which do not.

use serde_json::{Value, json};

use super::{World, gina, gina_at_github, me, methods, octo};
use crate::support::{TestDatabase, browser::Browser, on_both_engines};

on_both_engines!(
    two_providers_that_have_verified_an_address_open_one_account,
    a_password_account_is_opened_only_if_both_sides_know_the_address,
    an_address_that_the_provider_has_not_verified_opens_nothing,
    someone_links_another_account_of_theirs,
    linking_refuses_what_is_not_theirs,
    a_link_needs_the_session_that_asked_for_it,
    a_disabled_account_stays_shut,
    an_id_token_links_too,
);

async fn two_providers_that_have_verified_an_address_open_one_account(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    let id = me(&mut browser).await["user"]["id"].clone();
    let mut elsewhere = world.browser();
    let answer = world
        .sign_in(&mut elsewhere, "github", gina_at_github())
        .await;
    assert_eq!(answer.location(), "/dashboard");
    assert_eq!(me(&mut elsewhere).await["user"]["id"], id);
    assert_eq!(providers(&mut elsewhere).await, ["google", "github"]);
    let acts = world.acts(id.as_str().unwrap()).await;
    assert!(acts.contains(&("provider.linked".to_owned(), Some("github".to_owned()))));
}

async fn a_password_account_is_opened_only_if_both_sides_know_the_address(home: TestDatabase) {
    let world = World::on(home).await;
    // Someone took the address first, and never showed that it is theirs.
    world.with_password("gina", false).await;
    let mut browser = world.browser();
    let answer = world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(answer.location(), "/login-error?error=account_not_linked");
    assert_eq!(me(&mut browser).await, Value::Null);
    assert_eq!(world.count("linked_accounts").await, 0);
    let owner = world.with_password("octo", true).await;
    world.sign_in(&mut browser, "github", octo()).await;
    assert_eq!(me(&mut browser).await["user"]["id"], owner.as_str());
    assert_eq!(providers(&mut browser).await, ["credential", "github"]);
    let listed = methods(&mut browser).await;
    assert_eq!(listed[0]["id"], owner.as_str());
    assert_eq!(listed[0]["accountId"], owner.as_str());
    assert_eq!(listed[0]["scopes"], json!([]));
}

async fn an_address_that_the_provider_has_not_verified_opens_nothing(home: TestDatabase) {
    let world = World::on(home).await;
    world.with_password("gina", true).await;
    let mut claimed = gina();
    for unverified in [json!(false), json!("false"), Value::Null, json!(1)] {
        claimed["email_verified"] = unverified;
        let mut browser = world.browser();
        let answer = world.sign_in(&mut browser, "google", claimed.clone()).await;
        assert_eq!(answer.location(), "/login-error?error=account_not_linked");
    }
    let mut claimed = gina_at_github();
    claimed["emails"][0]["verified"] = false.into();
    let mut browser = world.browser();
    let answer = world.sign_in(&mut browser, "github", claimed).await;
    assert_eq!(answer.location(), "/login-error?error=account_not_linked");
    // A public address that is not in the list of those that were verified.
    let mut claimed = octo();
    claimed["user"]["email"] = "gina@example.com".into();
    let answer = world.sign_in(&mut browser, "github", claimed).await;
    assert_eq!(answer.location(), "/login-error?error=account_not_linked");
    assert_eq!(world.count("linked_accounts").await, 0);
}

async fn someone_links_another_account_of_theirs(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    let end = world.link(&mut browser, "github", gina_at_github()).await;
    assert_eq!(end, "/settings");
    assert_eq!(providers(&mut browser).await, ["google", "github"]);
    // Once more, with more that is allowed: it is linked once.
    let body = json!({ "provider": "github", "callbackURL": "/settings", "scopes": ["repo"] });
    let answer = browser.post("/api/auth/link-social", &body).await;
    let url = answer.body["url"].as_str().unwrap();
    assert!(url.contains("scope=read%3Auser+user%3Aemail+repo&"));
    let path = world.way_back("github", url);
    assert_eq!(browser.open(&path).await.location(), "/settings");
    assert_eq!(world.count("linked_accounts").await, 2);
    // Nobody is signed in by linking.
    assert_eq!(world.count("sessions").await, 1);
}

async fn linking_refuses_what_is_not_theirs(home: TestDatabase) {
    let world = World::on(home).await;
    let (mut gina_here, mut octo_here) = (world.browser(), world.browser());
    world.sign_in(&mut gina_here, "google", gina()).await;
    world.sign_in(&mut octo_here, "github", octo()).await;
    let end = world.link(&mut octo_here, "google", gina()).await;
    assert_eq!(end, "/link-error?error=email_does_not_match");
    let mut unverified = gina_at_github();
    unverified["emails"][0]["verified"] = false.into();
    let end = world.link(&mut gina_here, "github", unverified).await;
    assert_eq!(end, "/link-error?error=unable_to_link_account");
    // The account there has Gina's address now, but opens Octo's here.
    let end = world.link(&mut gina_here, "github", gina_at_github()).await;
    let refused = "/link-error?error=account_already_linked_to_different_user";
    assert_eq!(end, refused);
    assert_eq!(world.count("linked_accounts").await, 2);
    let body = json!({ "provider": "google" });
    let answer = world.browser().post("/api/auth/link-social", &body).await;
    assert_eq!(answer.status, 401);
    let unauthorized = json!({ "message": "Unauthorized", "code": "UNAUTHORIZED" });
    assert_eq!(answer.body, unauthorized);
}

async fn a_link_needs_the_session_that_asked_for_it(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.providers.sign_in_as(gina_at_github());
    let body = json!({ "provider": "github", "errorCallbackURL": "/link-error" });
    let answer = browser.post("/api/auth/link-social", &body).await;
    let path = world.way_back("github", answer.body["url"].as_str().unwrap());
    let state = browser.cookies["better-auth.state"].clone();
    browser.post("/api/auth/sign-out", &json!({})).await;
    browser
        .cookies
        .insert("better-auth.state".to_owned(), state);
    let end = browser.open(&path).await.location().to_owned();
    assert_eq!(end, "/link-error?error=unable_to_link_account");
    assert_eq!(world.count("linked_accounts").await, 1);
}

async fn a_disabled_account_stays_shut(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "google", gina()).await;
    world.run("UPDATE users SET disabled_at = 1").await;
    for (provider, person) in [("google", gina()), ("github", gina_at_github())] {
        let mut browser = world.browser();
        let answer = world.sign_in(&mut browser, provider, person).await;
        assert_eq!(answer.location(), "/login-error?error=banned");
    }
    world.providers.sign_in_as(gina());
    let id_token = json!({ "token": world.providers.id_token(None) });
    let body = json!({ "provider": "google", "idToken": id_token });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["code"]),
        (403, &json!("BANNED_USER"))
    );
    assert_eq!(world.count("linked_accounts").await, 1);
}

async fn an_id_token_links_too(home: TestDatabase) {
    let world = World::on(home).await;
    let (mut octo_here, mut gina_here) = (world.browser(), world.browser());
    world.sign_in(&mut octo_here, "github", octo()).await;
    world
        .sign_in(&mut gina_here, "github", {
            let mut person = gina_at_github();
            person["user"]["id"] = 5.into();
            person
        })
        .await;
    world.providers.sign_in_as(gina());
    let id_token = json!({ "token": world.providers.id_token(None), "accessToken": "theirs" });
    let body = json!({ "provider": "google", "idToken": id_token });
    let refused = octo_here.post("/api/auth/link-social", &body).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.body["code"], "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED");
    let linked = gina_here.post("/api/auth/link-social", &body).await;
    let done = json!({ "url": "", "status": true, "redirect": false });
    assert_eq!((linked.status.as_u16(), linked.body), (200, done));
    assert_eq!(providers(&mut gina_here).await, ["github", "google"]);
    world
        .run("UPDATE users SET email = 'gina2@example.com' WHERE email = 'gina@example.com'")
        .await;
    world
        .run("UPDATE users SET email = 'gina@example.com' WHERE email = 'octo@example.com'")
        .await;
    let refused = octo_here.post("/api/auth/link-social", &body).await;
    assert_eq!(refused.status, 409);
    let taken = json!({
        "message": "Social account already linked",
        "code": "SOCIAL_ACCOUNT_ALREADY_LINKED",
    });
    assert_eq!(refused.body, taken);
}

async fn providers(browser: &mut Browser) -> Vec<Value> {
    let listed = methods(browser).await;
    listed.iter().map(|one| one["providerId"].clone()).collect()
}
