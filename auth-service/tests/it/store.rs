//! The stores: one suite, run on both engines.

use auth_service::{
    app::ports::{Credentials, SigningKeys, StoreError, Users},
    domain::{
        email::Email,
        signing_key::SigningKey,
        user::{DisplayName, User},
    },
    outbound::sql::{SqlSigningKeys, SqlUsers},
};
use proto::claims::Role;
use service_kit::database::Database;

use crate::support::{TestApp, TestDatabase};

/// Runs each function of the suite on a database of its own, on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                super::$name(TestApp::sqlite().await.database).await;
            })*
        }
        mod postgres {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let home = TestDatabase::postgres().await;
                super::$name(TestApp::on(home, &[]).await.database).await;
            })*
        }
    };
}

on_both_engines!(
    an_account_comes_back_as_it_went_in,
    an_address_is_taken_once,
    ids_find_accounts_in_any_number,
    a_hash_is_replaced_unless_it_changed,
    administrators_are_counted_while_enabled,
    the_first_key_stays,
    a_bad_row_is_an_error_and_names_its_column,
);

fn account(number: u32) -> Credentials {
    Credentials {
        user: User {
            id: format!("018bcfe5-6800-7000-8000-{number:012}"),
            email: Email::parse(&format!("user{number}@example.com")).unwrap(),
            name: DisplayName::parse("Zoë 李 O'Neil; --").unwrap(),
            role: Role::User,
            created_at: 1_793_534_400_123 + i64::from(number),
            disabled_at: None,
        },
        password_hash: format!("$argon2id$v=19$m=19456,t=2,p=1$salt{number}$hash"),
    }
}

async fn an_account_comes_back_as_it_went_in(database: Database) {
    let users = SqlUsers::new(database);
    let mut ada = account(1);
    ada.user.role = Role::Admin;
    ada.user.disabled_at = Some(7);
    users.add(&ada).await.unwrap();
    let found = users.by_email(&ada.user.email).await.unwrap().unwrap();
    assert_eq!(found.user, ada.user);
    assert_eq!(found.password_hash, ada.password_hash);
    assert_eq!(users.by_id(&ada.user.id).await.unwrap(), Some(ada.user));
    assert_eq!(users.by_id(&account(2).user.id).await.unwrap(), None);
    let nobody = users.by_email(&account(2).user.email).await.unwrap();
    assert!(nobody.is_none());
}

async fn an_address_is_taken_once(database: Database) {
    let users = SqlUsers::new(database);
    users.add(&account(1)).await.unwrap();
    let mut second = account(2);
    second.user.email = account(1).user.email;
    let refused = users.add(&second).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    assert_eq!(users.by_id(&second.user.id).await.unwrap(), None);
}

async fn ids_find_accounts_in_any_number(database: Database) {
    let users = SqlUsers::new(database);
    for number in 1..=5 {
        users.add(&account(number)).await.unwrap();
    }
    assert!(users.by_ids(&[]).await.unwrap().is_empty());
    let asked: Vec<String> = (3..=502).map(|number| account(number).user.id).collect();
    let mut found = users.by_ids(&asked).await.unwrap();
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let expected: Vec<User> = (3..=5).map(|number| account(number).user).collect();
    assert_eq!(found, expected);
}

async fn a_hash_is_replaced_unless_it_changed(database: Database) {
    let users = SqlUsers::new(database);
    let ada = account(1);
    users.add(&ada).await.unwrap();
    let replace = |old: String, new: &'static str| {
        let (users, id) = (users.clone(), ada.user.id.clone());
        async move { users.replace_hash(&id, &old, new, 9).await.unwrap() }
    };
    replace(ada.password_hash.clone(), "new").await;
    replace(ada.password_hash.clone(), "late").await;
    let found = users.by_email(&ada.user.email).await.unwrap().unwrap();
    assert_eq!(found.password_hash, "new");
}

async fn administrators_are_counted_while_enabled(database: Database) {
    let users = SqlUsers::new(database.clone());
    let ada = account(1);
    users.add(&ada).await.unwrap();
    assert!(!users.has_admin().await.unwrap());
    users.grant_admin(&ada.user.id, 9).await.unwrap();
    users.grant_admin(&ada.user.id, 10).await.unwrap();
    assert!(users.has_admin().await.unwrap());
    let found = users.by_id(&ada.user.id).await.unwrap().unwrap();
    assert_eq!(found.role, Role::Admin);
    sqlx::query("UPDATE users SET disabled_at = 1")
        .execute(&database.pool)
        .await
        .unwrap();
    assert!(!users.has_admin().await.unwrap());
}

async fn the_first_key_stays(database: Database) {
    let keys = SqlSigningKeys::new(database);
    // The service that opened the database made one.
    let first = keys.active().await.unwrap().unwrap();
    let second = SigningKey {
        kid: "second".to_owned(),
        seed: [2; 32],
        created_at: 2,
    };
    assert_eq!(keys.activate_first(&second).await.unwrap(), first);
    assert_eq!(keys.active().await.unwrap(), Some(first));
}

async fn a_bad_row_is_an_error_and_names_its_column(database: Database) {
    let users = SqlUsers::new(database.clone());
    users.add(&account(1)).await.unwrap();
    sqlx::query("UPDATE users SET email = 'no address'")
        .execute(&database.pool)
        .await
        .unwrap();
    let error = users.by_id(&account(1).user.id).await.unwrap_err();
    let StoreError::Broken(cause) = error else {
        panic!("{error:?}");
    };
    assert!(cause.to_string().ends_with("holds a bad email"), "{cause}");
}
