//! Who asks, with auth-service there, gone, changed or hostile.

use std::{fs, sync::Arc};

use api_service::{
    app::{
        follow_accounts::RefusedTokens,
        ports::{TokenVerifier, UnverifiedToken},
    },
    domain::principal::{Principal, Shown, UserId},
    outbound::{access_tokens::SharedSecretVerifier, jwks::JwksVerifier},
};
use proto::claims::{DEFAULT_AUDIENCE, DEFAULT_ISSUER, Role};
use secrecy::SecretString;
use serde_json::json;
use service_kit::clock::FixedClock;
use wiremock::ResponseTemplate;

use crate::support::{
    NOON,
    accounts::Accounts,
    auth::{AuthService, KID, SEED, claims_of, key_set, signed, token_of, verifier},
    caller,
    forge::forge,
};

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1/v1/jwks";

const SECOND_SEED: [u8; 32] = [8; 32];

async fn holds(verifier: &JwksVerifier, token: &str) -> bool {
    match verifier.verify(token).await {
        Ok(principal) => {
            assert_eq!(principal, caller("ada"));
            true
        }
        Err(UnverifiedToken::Invalid) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_question_serves_many_tokens_and_auth_service_may_go() {
    let (auth, clock) = (AuthService::start().await, Arc::new(FixedClock::at(NOON)));
    let verifier = auth.verifier(clock.clone(), None);
    for _ in 0..5 {
        assert!(holds(&verifier, &token_of("ada")).await);
    }
    assert_eq!(auth.asked().await, 1);
    auth.answer(ResponseTemplate::new(500)).await;
    clock.advance(600_000);
    assert!(holds(&verifier, &token_of("ada")).await);
    assert_eq!(auth.asked().await, 0);
    // An unknown key asks, and what is known stays though nobody answers.
    let unknown = signed(&claims_of("ada"), "unknown", SEED);
    assert!(!holds(&verifier, &unknown).await);
    assert_eq!(auth.asked().await, 1);
    assert!(holds(&verifier, &token_of("ada")).await);
}

#[tokio::test]
async fn keys_are_kept_on_disk_for_a_start_without_auth_service() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("jwks.json");
    let clock = Arc::new(FixedClock::at(NOON));
    let auth = AuthService::start().await;
    auth.verifier(clock.clone(), Some(cache.clone()))
        .refresh()
        .await;
    drop(auth);
    let restarted = verifier(NOWHERE.to_owned(), clock.clone(), Some(cache.clone()));
    restarted.refresh().await;
    assert!(holds(&restarted, &token_of("ada")).await);
    // What lies there may be anything.
    for content in ["", "{", "{\"keys\": 1}", "\u{0}\u{0}"] {
        fs::write(&cache, content).unwrap();
        let restarted = verifier(NOWHERE.to_owned(), clock.clone(), Some(cache.clone()));
        let refused = restarted.verify(&token_of("ada")).await;
        assert_eq!(refused, Err(UnverifiedToken::NoKeys));
    }
}

#[tokio::test]
async fn unknown_keys_are_asked_for_once_in_thirty_seconds() {
    let (auth, clock) = (AuthService::start().await, Arc::new(FixedClock::at(NOON)));
    let verifier = auth.verifier(clock.clone(), None);
    assert!(holds(&verifier, &token_of("ada")).await);
    let unknown = |number: u32| signed(&claims_of("ada"), &format!("made-up-{number}"), SEED);
    let ask_all = async |numbers: std::ops::Range<u32>| {
        let tokens: Vec<String> = numbers.map(unknown).collect();
        let asked = tokens.iter().map(|token| holds(&verifier, token));
        let held = futures::future::join_all(asked).await;
        assert!(held.iter().all(|held| !held));
    };
    ask_all(0..20).await;
    assert_eq!(auth.asked().await, 1, "asked again within the pause");
    clock.advance(29_999);
    ask_all(20..40).await;
    assert_eq!(auth.asked().await, 1);
    clock.advance(1);
    ask_all(40..60).await;
    assert_eq!(auth.asked().await, 2);
}

#[tokio::test]
async fn a_new_key_holds_after_one_question_and_an_old_one_no_more() {
    let (auth, clock) = (AuthService::start().await, Arc::new(FixedClock::at(NOON)));
    let verifier = auth.verifier(clock.clone(), None);
    assert!(holds(&verifier, &token_of("ada")).await);
    let renewed = signed(&claims_of("ada"), "key-2", SECOND_SEED);
    let both = key_set(&[(KID, SEED), ("key-2", SECOND_SEED)]);
    auth.publish(both.to_string()).await;
    clock.advance(30_000);
    assert!(holds(&verifier, &renewed).await);
    assert!(holds(&verifier, &token_of("ada")).await);
    assert_eq!(auth.asked().await, 1);
    auth.publish(key_set(&[("key-2", SECOND_SEED)]).to_string())
        .await;
    verifier.refresh().await;
    assert!(holds(&verifier, &renewed).await);
    assert!(!holds(&verifier, &token_of("ada")).await);
}

/// Both services start at once: the keys come when auth-service is up, and not
/// half a minute later.
#[tokio::test]
async fn a_start_before_auth_service_does_not_wait_long() {
    let (auth, clock) = (AuthService::start().await, Arc::new(FixedClock::at(NOON)));
    auth.answer(ResponseTemplate::new(503)).await;
    let verifier = auth.verifier(clock.clone(), None);
    verifier.refresh().await;
    let refused = verifier.verify(&token_of("ada")).await;
    assert_eq!(refused, Err(UnverifiedToken::NoKeys));
    assert_eq!(auth.asked().await, 1, "asked at every token");
    auth.publish(key_set(&[(KID, SEED)]).to_string()).await;
    clock.advance(1_000);
    assert!(holds(&verifier, &token_of("ada")).await);
}

#[tokio::test]
async fn a_key_set_may_be_hostile() {
    let good = key_set(&[(KID, SEED)]).to_string();
    let short = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "empty", "x": ""},
        {"kty": "OKP", "crv": "Ed25519", "kid": "none", "x": "not base64!"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "long", "x": "A".repeat(4000)},
        {"kty": "oct", "kid": "secret", "k": "AAAA"},
        {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"},
    ]});
    for hostile in [
        short.to_string(),
        String::new(),
        "[]".to_owned(),
        "{\"keys\": []}".to_owned(),
        format!("{}{good}", " ".repeat(70_000)),
        "[".repeat(60_000),
    ] {
        let auth = AuthService::publishing(hostile.clone()).await;
        let clock = Arc::new(FixedClock::at(NOON));
        let verifier = auth.verifier(clock.clone(), None);
        for kid in ["short", "empty", "none", "long", "secret", "rsa", KID] {
            let refused = verifier.verify(&signed(&claims_of("ada"), kid, SEED)).await;
            assert!(refused.is_err(), "{kid}: {refused:?}");
        }
        // And it does not harm what is known already.
        auth.publish(good.clone()).await;
        verifier.refresh().await;
        auth.publish(hostile).await;
        verifier.refresh().await;
        assert!(holds(&verifier, &token_of("ada")).await);
    }
}

#[tokio::test]
async fn a_shared_secret_is_taken_and_nothing_else() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let clock = Arc::new(FixedClock::at(NOON));
    let verifier_with = |secret: &str, issuer: &str| {
        let secret = SecretString::from(secret);
        let refused = Arc::new(RefusedTokens::default());
        SharedSecretVerifier::new(&secret, issuer, DEFAULT_AUDIENCE, clock.clone(), refused)
    };
    let sharing = verifier_with(SECRET, DEFAULT_ISSUER);
    let both = Accounts::new().await;
    let auth = both.start_sharing(&clock, SECRET).await;
    let ada = auth.sign_up("ada").await;
    let token = auth.token(&ada);
    let principal = sharing.verify(&token).await.unwrap();
    let shown = Shown {
        session: ada.session.id.clone(),
        issued_at: NOON / 1000,
    };
    let expected = Principal::user(UserId(ada.user.id.clone()), Role::User, shown);
    assert_eq!(principal, expected);

    let other_secret = verifier_with("0123456789abcdef0123456789abcdeF", DEFAULT_ISSUER);
    let other_issuer = verifier_with(SECRET, "elsewhere");
    let keys = AuthService::start().await;
    let keyed = keys.verifier(clock.clone(), None);
    let others: [&dyn TokenVerifier; 3] = [&other_secret, &other_issuer, &keyed];
    for verifier in others {
        let refused = verifier.verify(&token).await;
        assert!(matches!(refused, Err(UnverifiedToken::Invalid)));
    }
    for name in ["good", "none", "hs256_public_key", "tampered", "plain_jwt"] {
        let refused = sharing.verify(&forge(name)).await;
        assert!(matches!(refused, Err(UnverifiedToken::Invalid)), "{name}");
    }
    clock.advance(8 * 24 * 60 * 60 * 1000);
    let late = sharing.verify(&token).await;
    assert!(matches!(late, Err(UnverifiedToken::Expired)));
    auth.stop().await;
}
