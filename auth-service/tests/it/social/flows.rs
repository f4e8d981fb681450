//! The way to a provider and back.

use serde_json::{Value, json};
use url::Url;

use super::{World, gina, me, methods, octo};
use crate::support::{TestDatabase, on_both_engines};

on_both_engines!(
    google_signs_someone_up_and_in_again,
    github_tells_name_and_address_elsewhere,
    the_client_is_told_where_to_go,
    a_form_post_is_bounced,
    a_flow_is_finished_once_however_many_try,
    someone_who_comes_twice_at_once_gets_one_account,
    who_may_sign_up_is_the_operators_choice,
    someone_who_must_verify_gets_no_session,
);

async fn google_signs_someone_up_and_in_again(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    let answer = world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(answer.location(), "/welcome");
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap())
        .collect();
    assert_eq!(
        cookies[0],
        "better-auth.state=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"
    );
    assert!(cookies[1].starts_with("better-auth.session_token="));
    assert!(cookies[1].ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800"));
    assert!(answer.headers.contains_key("set-auth-token"));
    let session = me(&mut browser).await;
    let id = session["user"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        session["user"],
        json!({
            "id": id,
            "name": "Gina Google",
            "email": "gina@example.com",
            "emailVerified": true,
            "image": "https://example.com/g.png",
            "createdAt": "2026-11-01T12:00:00.123Z",
            "updatedAt": "2026-11-01T12:00:00.123Z",
            "role": "user",
            "softwareBackground": null,
            "hardwareBackground": null,
            "interestArea": null,
        })
    );
    let listed = methods(&mut browser).await;
    assert_eq!(
        listed,
        [json!({
            "id": listed[0]["id"],
            "providerId": "google",
            "accountId": "g-1",
            "userId": id,
            "createdAt": "2026-11-01T12:00:00.123Z",
            "updatedAt": "2026-11-01T12:00:00.123Z",
            "scopes": ["openid", "email", "profile"],
        })]
    );
    let mut elsewhere = world.browser();
    let answer = world.sign_in(&mut elsewhere, "google", gina()).await;
    assert_eq!(answer.location(), "/dashboard");
    assert_eq!(me(&mut elsewhere).await["user"]["id"], id.as_str());
    let google = |act: &str| (act.to_owned(), Some("google".to_owned()));
    assert_eq!(
        world.acts(&id).await,
        [
            google("account.signed_up"),
            google("session.signed_in"),
            google("session.signed_in"),
        ]
    );
}

async fn github_tells_name_and_address_elsewhere(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    world.sign_in(&mut browser, "github", octo()).await;
    let user = me(&mut browser).await["user"].clone();
    assert_eq!(
        [&user["name"], &user["email"], &user["image"]],
        ["octo", "octo@example.com", "https://example.com/o.png"]
    );
    assert_eq!(user["emailVerified"], true);
    let listed = methods(&mut browser).await;
    assert_eq!(listed[0]["accountId"], "4290978");
    assert_eq!(listed[0]["scopes"], json!(["read:user", "user:email"]));
    // Whoever hides the address later is still the same person.
    let mut hidden = octo();
    hidden["emails"] = json!([]);
    let mut elsewhere = world.browser();
    let answer = world.sign_in(&mut elsewhere, "github", hidden).await;
    assert_eq!(answer.location(), "/dashboard");
    // One without a name, whose address nobody has verified.
    let mut nameless = octo();
    nameless["user"]["id"] = 1.into();
    nameless["user"]["login"] = "".into();
    nameless["user"]["email"] = "shown@example.com".into();
    let mut another = world.browser();
    world.sign_in(&mut another, "github", nameless).await;
    let user = me(&mut another).await["user"].clone();
    assert_eq!(
        [&user["name"], &user["email"]],
        ["shown", "shown@example.com"]
    );
    assert_eq!(user["emailVerified"], false);
}

async fn the_client_is_told_where_to_go(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    let body = json!({
        "provider": "google",
        "scopes": ["https://www.googleapis.com/auth/calendar"],
        "loginHint": "a@example.com",
        "additionalParams": { "hd": "example.com", "include_granted_scopes": "false" },
    });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    let url = answer.location().to_owned();
    assert_eq!(answer.body, json!({ "url": url, "redirect": true }));
    let asked = Url::parse(&url).unwrap();
    let pairs: Vec<(String, String)> = asked.query_pairs().into_owned().collect();
    let value = |name: &str| {
        let found = pairs.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone()).unwrap()
    };
    let (state, challenge) = (value("state"), value("code_challenge"));
    assert_eq!((state.len(), challenge.len()), (32, 43));
    // In the order of golden 12.
    assert_eq!(
        url.split_once('?').unwrap().1,
        format!(
            "response_type=code&client_id=client-of-ours&state={state}\
             &scope=email+profile+openid+https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcalendar\
             &redirect_uri=http%3A%2F%2Flocalhost%3A3001%2Fapi%2Fauth%2Fcallback%2Fgoogle\
             &login_hint=a%40example.com&code_challenge_method=S256&code_challenge={challenge}\
             &hd=example.com&include_granted_scopes=false"
        )
    );
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.starts_with(&format!("better-auth.state={state}.")));
    assert!(set.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=300"));
    let body = json!({ "provider": "github", "disableRedirect": true });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    assert!(!answer.headers.contains_key("location"));
    assert_eq!(answer.body["redirect"], false);
    // Without a place of its own the flow ends at our own front page.
    let path = world.way_back("github", answer.body["url"].as_str().unwrap());
    world.providers.sign_in_as(octo());
    let path_again = world.way_back("github", answer.body["url"].as_str().unwrap());
    assert_ne!(path, path_again);
    let answer = browser.open(&path_again).await;
    assert_eq!(answer.location(), "http://localhost:3001");
}

async fn a_form_post_is_bounced(home: TestDatabase) {
    let world = World::on(home).await;
    for (path, form, location) in [
        ("google", "code=abc&state=def", "google?code=abc&state=def"),
        ("google?state=1", "state=2&code=3", "google?code=3&state=1"),
        ("..%2F..%2Fevil", "code=1", "..%2F..%2Fevil?code=1"),
        ("%ff", "code=1", "?code=1"),
    ] {
        let request = axum::http::Request::builder()
            .method("POST")
            .uri(format!("/api/auth/callback/{path}"))
            .header("origin", "https://accounts.google.com")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(axum::body::Body::from(form))
            .unwrap();
        let router = world.app.router.clone();
        let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
        assert_eq!(answer.status(), 302);
        let expected = format!("http://localhost:3001/api/auth/callback/{location}");
        assert_eq!(answer.headers()["location"], expected);
    }
}

async fn a_flow_is_finished_once_however_many_try(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut browser = world.browser();
    let path = world.begin(&mut browser, "google").await;
    let tries = (0..6).map(|_| {
        let (mut twin, path) = (browser.clone(), path.clone());
        async move { twin.open(&path).await.location().to_owned() }
    });
    let landed = futures::future::join_all(tries).await;
    let (welcome, refused): (Vec<_>, Vec<_>) =
        landed.into_iter().partition(|url| url == "/welcome");
    assert_eq!(welcome.len(), 1);
    assert!(
        refused
            .iter()
            .all(|url| url.ends_with("error=state_mismatch"))
    );
    assert_eq!(world.count("sessions").await, 1);
    assert_eq!(world.count("oauth_flows").await, 0);
}

async fn someone_who_comes_twice_at_once_gets_one_account(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut arrivals = Vec::new();
    for _ in 0..6 {
        let mut browser = world.browser();
        let path = world.begin(&mut browser, "google").await;
        arrivals.push(async move {
            let location = browser.open(&path).await.location().to_owned();
            let id = me(&mut browser).await["user"]["id"].clone();
            (location, id)
        });
    }
    let arrived = futures::future::join_all(arrivals).await;
    let new = arrived
        .iter()
        .filter(|(location, _)| location == "/welcome");
    assert_eq!(new.count(), 1, "{arrived:?}");
    assert!(
        arrived
            .iter()
            .all(|(_, id)| *id == arrived[0].1 && *id != Value::Null)
    );
    assert_eq!(world.count("users").await, 1);
    assert_eq!(world.count("linked_accounts").await, 1);
}

async fn who_may_sign_up_is_the_operators_choice(home: TestDatabase) {
    let world = World::with(home, &[("SOCIAL_SIGN_UP", "on-request")]).await;
    let mut browser = world.browser();
    let answer = world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(answer.location(), "/login-error?error=signup_disabled");
    let id_token = json!({ "token": world.providers.id_token(None) });
    let body = json!({ "provider": "google", "idToken": id_token });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    assert_eq!(answer.status, 401);
    let refused = json!({ "message": "signup disabled", "code": "OAUTH_LINK_ERROR" });
    assert_eq!(answer.body, refused);
    let body = json!({ "provider": "google", "requestSignUp": true, "callbackURL": "/in" });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    let path = world.way_back("google", answer.body["url"].as_str().unwrap());
    assert_eq!(browser.open(&path).await.location(), "/in");
    // Whoever has an account may always sign in.
    let answer = world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(answer.location(), "/dashboard");
}

async fn someone_who_must_verify_gets_no_session(home: TestDatabase) {
    let file = home.folder.path().join("mail.jsonl");
    let settings = [
        ("REQUIRE_EMAIL_VERIFICATION", "true"),
        ("MAIL_TRANSPORT", "file"),
        ("MAIL_FILE", file.to_str().unwrap()),
    ];
    let world = World::with(home, &settings).await;
    let mut unverified = gina();
    unverified["email_verified"] = false.into();
    let mut browser = world.browser();
    let answer = world.sign_in(&mut browser, "google", unverified).await;
    assert_eq!(answer.location(), "/login-error?error=email_not_verified");
    assert_eq!(me(&mut browser).await, Value::Null);
    assert_eq!(world.count("sessions").await, 0);
    // Once Google has seen that the address is theirs, so have we.
    let answer = world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(answer.location(), "/dashboard");
    assert_eq!(me(&mut browser).await["user"]["emailVerified"], true);
}
