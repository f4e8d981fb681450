//! What happens to accounts, between a real auth-service and api-service.

use api_service::{app::ports::AccountStore, domain::account::Standing};

use crate::support::{
    TestApp, TestHome,
    accounts::{Both, Ears, refused, within_a_second},
};

async fn becomes_refused(app: &TestApp, token: &str) {
    within_a_second("the token is refused", || refused(app, token)).await;
}

#[tokio::test]
async fn a_session_that_ends_takes_its_tokens_along_and_no_others() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let (ada, ben) = (
            both.auth.sign_up("ada").await,
            both.auth.sign_up("ben").await,
        );
        let (adas, bens) = (both.auth.token(&ada), both.auth.token(&ben));
        assert!(!refused(&both.app, &adas).await && !refused(&both.app, &bens).await);
        both.auth.sign_out(&ada).await;
        becomes_refused(&both.app, &adas).await;
        assert!(!refused(&both.app, &bens).await);
        both.auth.end_all_sessions(&ben.user.id).await;
        becomes_refused(&both.app, &bens).await;
        both.ears.cover().await;
    }
}

#[tokio::test]
async fn a_disabled_account_is_refused_until_it_is_enabled_and_signs_in_anew() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let ada = both.auth.sign_up("ada").await;
        let id = ada.user.id.clone();
        let before = both.auth.token(&ada);
        assert!(!refused(&both.app, &before).await);
        both.auth.set_enabled(&id, false).await;
        becomes_refused(&both.app, &before).await;
        // One that was being issued while the account was disabled.
        both.auth.advance(10_000);
        let late = both.auth.token(&ada);
        assert!(refused(&both.app, &late).await);
        both.auth.set_enabled(&id, true).await;
        within_a_second("the account is enabled", || async {
            let (_, known) = both.app.store.refusals().await.unwrap();
            let refusal = known.accounts.get(&id);
            refusal.is_some_and(|refusal| refusal.standing == Standing::Active)
        })
        .await;
        assert!(refused(&both.app, &before).await);
        both.auth.advance(1_000);
        let mut anew = ada;
        anew.session.id = "018bcfe5-6800-7000-8000-0000000000aa".to_owned();
        assert!(!refused(&both.app, &both.auth.token(&anew)).await);
        both.ears.cover().await;
    }
}

/// What happens while api-service is down is known before its first request
/// or within a second; what it knew, it knows from its first request on.
#[tokio::test]
async fn what_happened_while_api_service_was_down_is_made_up_for() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let (ada, ben) = (
            both.auth.sign_up("ada").await,
            both.auth.sign_up("ben").await,
        );
        let (adas, bens) = (both.auth.token(&ada), both.auth.token(&ben));
        assert!(!refused(&both.app, &bens).await);
        both.auth.sign_out(&ada).await;
        becomes_refused(&both.app, &adas).await;
        within_a_second("it is kept", || async {
            both.app.count("SELECT number FROM account_cursor").await == 1
        })
        .await;

        let Both {
            accounts,
            auth,
            app,
            ears,
        } = both;
        ears.cover().await;
        let home = app.end().await;
        auth.sign_out(&ben).await;
        let app = accounts.api(home).await;
        let ears = Ears::of(&app, accounts.reached()).await;
        assert!(refused(&app, &adas).await);
        becomes_refused(&app, &bens).await;
        ears.cover().await;
    }
}

#[tokio::test]
async fn while_auth_service_is_down_the_last_known_holds_and_then_the_rest() {
    let both = Both::on(TestHome::sqlite()).await;
    let (ada, ben) = (
        both.auth.sign_up("ada").await,
        both.auth.sign_up("ben").await,
    );
    let (adas, bens) = (both.auth.token(&ada), both.auth.token(&ben));
    assert!(!refused(&both.app, &bens).await);
    both.auth.sign_out(&ada).await;
    becomes_refused(&both.app, &adas).await;

    let Both {
        accounts,
        auth,
        app,
        ears,
    } = both;
    let clock = app.home.clock.clone();
    // Written by a replica that nobody listens to, after the last word.
    let writer = auth.app.clone();
    auth.stop().await;
    let client = auth_service::app::client::Client::default();
    writer.sign_out(&ben.token, &client).await.unwrap();
    assert!(refused(&app, &adas).await);
    assert!(!refused(&app, &bens).await);
    let auth = accounts.start(&clock).await;
    becomes_refused(&app, &bens).await;
    let cleo = auth.sign_up("cleo").await;
    let cleos = auth.token(&cleo);
    assert!(!refused(&app, &cleos).await);
    auth.sign_out(&cleo).await;
    becomes_refused(&app, &cleos).await;
    ears.cover().await;
}

/// The health shows a long silence, and goes on to serve.
#[tokio::test]
async fn a_long_silence_shows_and_refuses_nobody() {
    let both = Both::on(TestHome::sqlite()).await;
    let ada = both.auth.sign_up("ada").await;
    let token = both.auth.token(&ada);
    assert!(!refused(&both.app, &token).await);
    let health = async || {
        let request = axum::http::Request::get("/health");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let (_, body) = both.app.ask(request).await;
        body["dependencies"]["accounts"]["status"].clone()
    };
    assert_eq!(health().await, "up");
    let clock = both.app.home.clock.clone();
    both.auth.stop().await;
    clock.advance(20_000);
    assert_eq!(health().await, "up");
    within_a_second("the silence shows", || async {
        clock.advance(10_000);
        health().await == "degraded"
    })
    .await;
    assert!(!refused(&both.app, &token).await);
    let _auth = both.accounts.start(&clock).await;
    within_a_second("it is heard again", || async { health().await == "up" }).await;
    both.ears.cover().await;
}

/// Every process hears for itself; what follows is kept once.
#[tokio::test]
async fn several_processes_refuse_alike() {
    let home = TestHome::postgres().await;
    let (url, clock) = (home.server_url(), home.clock.clone());
    let both = Both::on(home).await;
    let other = TestHome::sharing(url, clock);
    let other = both.accounts.api(other).await;
    let ears = Ears::of(&other, both.accounts.reached()).await;
    let ada = both.auth.sign_up("ada").await;
    let token = both.auth.token(&ada);
    for number in 0..20 {
        let user = both.auth.sign_up(&format!("user{number}")).await.user.id;
        both.auth.set_enabled(&user, false).await;
    }
    assert!(!refused(&both.app, &token).await && !refused(&other, &token).await);
    both.auth.sign_out(&ada).await;
    becomes_refused(&both.app, &token).await;
    becomes_refused(&other, &token).await;
    within_a_second("all is kept", || async {
        both.app.count("SELECT number FROM account_cursor").await == 41
    })
    .await;
    let disabled = "SELECT COUNT(*) FROM account_standings WHERE standing = 'disabled'";
    assert_eq!(both.app.count(disabled).await, 20);
    ears.cover().await;
    both.ears.cover().await;
}

/// auth-service with another database: its numbers begin anew, and are heard
/// anew.
#[tokio::test]
async fn a_replaced_auth_service_is_heard_from_its_beginning() {
    let both = Both::on(TestHome::sqlite()).await;
    for name in ["ada", "ben", "cleo"] {
        let user = both.auth.sign_up(name).await.user.id;
        both.auth.set_enabled(&user, false).await;
    }
    within_a_second("all is kept", || async {
        both.app.count("SELECT number FROM account_cursor").await == 6
    })
    .await;
    let clock = both.app.home.clock.clone();
    both.auth.stop().await;
    let accounts = both.accounts.replaced();
    let auth = accounts.start(&clock).await;
    // Counting begins anew too, so that this is one who was disabled before.
    let dora = auth.sign_up("dora").await;
    auth.sign_out(&dora).await;
    within_a_second("it is heard from its beginning", || async {
        both.app.count("SELECT number FROM account_cursor").await == 1
    })
    .await;
    let disabled = "SELECT COUNT(*) FROM account_standings WHERE standing = 'disabled'";
    assert_eq!(both.app.count(disabled).await, 0);
    both.ears.cover().await;
}

#[tokio::test]
async fn what_can_matter_no_more_is_forgotten() {
    let both = Both::on(TestHome::sqlite()).await;
    let (ada, ben) = (
        both.auth.sign_up("ada").await,
        both.auth.sign_up("ben").await,
    );
    both.auth.sign_out(&ada).await;
    both.auth.set_enabled(&ben.user.id, false).await;
    both.auth.set_enabled(&ben.user.id, true).await;
    within_a_second("all is kept", || async {
        both.app.count("SELECT number FROM account_cursor").await == 4
    })
    .await;
    let year = 365 * 24 * 60 * 60 * 1000;
    for (passed, left) in [(year / 4, [2, 1]), (year, [0, 0])] {
        // A session lives for ninety days at most.
        both.app.home.clock.advance(passed - year / 365 * 2);
        both.app.app.forget_expired().await;
        let (_, known) = both.app.store.refusals().await.unwrap();
        assert_eq!([known.sessions.len(), known.accounts.len()], left);
    }
    both.ears.cover().await;
}
