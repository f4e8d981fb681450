//! The store of one-time tokens, and what ends them, on both engines.

use std::sync::Arc;

use auth_service::{
    app::ports::{OneTimeTokens, StoreError, Taken, Users},
    domain::{
        audit::Act,
        email::Email,
        one_time_token::{OneTimeToken, Purpose},
    },
    outbound::sql::{SqlOneTimeTokens, SqlUsers},
};
use service_kit::database::Database;
use tokio::task::JoinSet;

use crate::store::{account, entry, on_both_stores};

on_both_stores!(
    a_token_comes_back_once,
    a_newer_token_ends_the_older_of_its_kind,
    of_many_who_take_a_token_one_gets_it,
    another_password_ends_every_link,
    an_address_is_verified_only_while_it_is_the_one,
);

fn token(purpose: Purpose, user_id: Option<&str>) -> OneTimeToken {
    OneTimeToken {
        purpose,
        user_id: user_id.map(str::to_owned),
        payload: "new@example.com".to_owned(),
        created_at: 1,
        expires_at: 2,
    }
}

/// The stores of a database in which the first account is.
async fn stores(database: &Database) -> (SqlUsers, SqlOneTimeTokens, String) {
    let users = SqlUsers::new(database.clone());
    users.add(&account(1), &entry(Act::SignedUp)).await.unwrap();
    let tokens = SqlOneTimeTokens::new(database.clone());
    (users, tokens, account(1).user.id)
}

async fn a_token_comes_back_once(database: Database) {
    let (_, tokens, _) = stores(&database).await;
    for purpose in Purpose::ALL {
        let made = token(purpose, None);
        tokens.put("hash", &made, None).await.unwrap();
        assert_eq!(tokens.find("hash").await.unwrap(), Some(made.clone()));
        assert_eq!(tokens.take("other").await.unwrap(), None);
        assert_eq!(tokens.take("hash").await.unwrap(), Some(made));
        assert_eq!(tokens.take("hash").await.unwrap(), None);
        assert_eq!(tokens.find("hash").await.unwrap(), None);
    }
}

async fn a_newer_token_ends_the_older_of_its_kind(database: Database) {
    let (_, tokens, ada) = stores(&database).await;
    let reset = token(Purpose::PasswordReset, Some(&ada));
    let verification = token(Purpose::EmailVerification, Some(&ada));
    let asked = entry(Act::PasswordResetAsked);
    tokens.put("1", &reset, Some(&asked)).await.unwrap();
    tokens.put("2", &verification, None).await.unwrap();
    tokens.put("3", &reset, None).await.unwrap();
    assert_eq!(tokens.find("1").await.unwrap(), None);
    assert_eq!(tokens.find("2").await.unwrap(), Some(verification));
    assert_eq!(tokens.find("3").await.unwrap(), Some(reset));
}

async fn of_many_who_take_a_token_one_gets_it(database: Database) {
    let (_, tokens, ada) = stores(&database).await;
    let made = token(Purpose::AccountDeletion, Some(&ada));
    tokens.put("hash", &made, None).await.unwrap();
    let tokens = Arc::new(tokens);
    let mut all = JoinSet::new();
    for _ in 0..16 {
        let tokens = Arc::clone(&tokens);
        all.spawn(async move { tokens.take("hash").await.unwrap() });
    }
    let taken = all.join_all().await;
    assert_eq!(taken.into_iter().flatten().count(), 1);
}

async fn another_password_ends_every_link(database: Database) {
    let (users, tokens, ada) = stores(&database).await;
    for purpose in Purpose::ALL {
        let made = token(purpose, Some(&ada));
        tokens.put(purpose.as_str(), &made, None).await.unwrap();
    }
    let changed = entry(Act::PasswordChanged);
    let set = users.set_password(&ada, "hash", None, &changed).await;
    assert!(set.unwrap());
    for purpose in Purpose::ALL {
        assert_eq!(tokens.find(purpose.as_str()).await.unwrap(), None);
    }
}

async fn an_address_is_verified_only_while_it_is_the_one(database: Database) {
    let (users, tokens, ada) = stores(&database).await;
    users.add(&account(2), &entry(Act::SignedUp)).await.unwrap();
    let made = token(Purpose::EmailChange, Some(&ada));
    tokens.put("hash", &made, None).await.unwrap();
    let old = account(1).user.email;
    let new = Email::parse("new@example.com").unwrap();
    let (changed, other) = (entry(Act::EmailChanged), account(2).user.email);
    let set = users.set_verified_email(&ada, &other, &new, &changed).await;
    assert!(!set.unwrap(), "its address is another one");
    let set = users.set_verified_email(&ada, &old, &other, &changed).await;
    assert!(matches!(set, Err(StoreError::Taken(Taken::Email))));
    assert!(tokens.find("hash").await.unwrap().is_some());

    let set = users.set_verified_email(&ada, &old, &new, &changed).await;
    assert!(set.unwrap());
    let user = users.by_id(&ada).await.unwrap().unwrap();
    assert_eq!((user.email, user.email_verified), (new, true));
    assert_eq!(tokens.find("hash").await.unwrap(), None);
}
