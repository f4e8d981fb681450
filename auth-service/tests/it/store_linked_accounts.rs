//! The store of linked accounts, on both engines.

use std::sync::Arc;

use auth_service::{
    app::{
        ports::{Credentials, StoreError, Taken, Users},
        social::ports::{LinkedAccounts, ProviderTokens, Unlinked},
        vault::Vault,
    },
    domain::{
        audit::Act,
        provider::{LinkedAccount, Provider},
    },
    outbound::sql::{SqlLinkedAccounts, SqlUsers},
};
use secrecy::SecretString;
use service_kit::{clock::SystemRandomness, database::Database};

use crate::{
    store::{account, entry},
    support::{TestApp, TestDatabase, on_both_engines},
};

on_both_engines!(
    a_linked_account_comes_back_with_its_tokens,
    tokens_are_encrypted_for_their_row_and_secret,
    missing_tokens_stay_as_they_were,
    an_account_of_a_provider_is_linked_once,
    the_last_way_to_sign_in_stays,
    of_two_who_unlink_the_last_two_one_wins,
);

fn store(database: &Database, secret: &str) -> SqlLinkedAccounts {
    let vault = Arc::new(Vault::new(SecretString::from(secret)));
    SqlLinkedAccounts::new(database.clone(), vault, Arc::new(SystemRandomness))
}

fn linked(number: u32, user_id: &str, provider: Provider) -> LinkedAccount {
    LinkedAccount {
        id: format!("018bcfe5-6800-7000-b000-{number:012}"),
        user_id: user_id.to_owned(),
        provider,
        provider_account_id: format!("person-{number}"),
        scopes: vec!["openid".to_owned(), "email".to_owned()],
        created_at: 1000 + i64::from(number),
        updated_at: 2000,
    }
}

fn tokens(name: &str) -> ProviderTokens {
    ProviderTokens {
        access: Some(format!("access {name}")),
        refresh: Some(format!("refresh {name}")),
        id: Some(format!("id {name}")),
        access_expires_at: Some(5000),
        refresh_expires_at: Some(9000),
        scopes: Vec::new(),
    }
}

/// Makes an account with a link.
async fn sign_up(
    store: &SqlLinkedAccounts,
    owner: &Credentials,
    link: &LinkedAccount,
) -> Result<(), StoreError> {
    let entry = entry(Act::SignedUp);
    store.add_with_user(owner, link, &tokens("a"), &entry).await
}

/// What the database itself holds of a column.
async fn stored(database: &Database, column: &str) -> String {
    let sql = sqlx::AssertSqlSafe(format!("SELECT {column} FROM linked_accounts"));
    let (text,): (String,) = sqlx::query_as(sql).fetch_one(&database.pool).await.unwrap();
    text
}

async fn a_linked_account_comes_back_with_its_tokens(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let store = store(database, "one");
    let owner = account(1);
    let ours = linked(1, &owner.user.id, Provider::Google);
    sign_up(&store, &owner, &ours).await.unwrap();
    let (found, user) = store
        .by_key(Provider::Google, "person-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&found, &user), (&ours, &owner.user));
    assert!(
        store
            .by_key(Provider::GitHub, "person-1")
            .await
            .unwrap()
            .is_none()
    );
    let of_user = store.of_user(&owner.user.id).await.unwrap();
    assert_eq!(of_user, std::slice::from_ref(&ours));
    let kept = store.tokens(&ours.id).await.unwrap();
    assert_eq!(kept.access.as_deref(), Some("access a"));
    assert_eq!(kept.refresh.as_deref(), Some("refresh a"));
    assert_eq!(kept.id.as_deref(), Some("id a"));
    assert_eq!(kept.access_expires_at, Some(5000));
    assert_eq!(kept.refresh_expires_at, Some(9000));
}

async fn tokens_are_encrypted_for_their_row_and_secret(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let ours = store(database, "one");
    let owner = account(1);
    let link = linked(1, &owner.user.id, Provider::Google);
    sign_up(&ours, &owner, &link).await.unwrap();
    for column in ["access_token", "refresh_token", "id_token"] {
        let text = stored(database, column).await;
        assert!(!text.contains("access") && text.len() > 50, "{text}");
    }
    let other = store(database, "another secret");
    assert_eq!(other.tokens(&link.id).await.unwrap().access, None);
    // Whoever can write to the database gains nothing by moving them about.
    sqlx::query("UPDATE linked_accounts SET access_token = refresh_token")
        .execute(&database.pool)
        .await
        .unwrap();
    assert_eq!(ours.tokens(&link.id).await.unwrap().access, None);
}

async fn missing_tokens_stay_as_they_were(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let store = store(database, "one");
    let owner = account(1);
    let mut link = linked(1, &owner.user.id, Provider::Google);
    sign_up(&store, &owner, &link).await.unwrap();
    let newer = ProviderTokens {
        access: Some("access b".to_owned()),
        ..ProviderTokens::default()
    };
    link.scopes.push("calendar".to_owned());
    link.updated_at = 3000;
    store.renew(&link, &newer).await.unwrap();
    let kept = store.tokens(&link.id).await.unwrap();
    assert_eq!(kept.access.as_deref(), Some("access b"));
    assert_eq!(kept.refresh.as_deref(), Some("refresh a"));
    assert_eq!(kept.id.as_deref(), Some("id a"));
    // The end belongs to the token: the new one has none.
    assert_eq!(kept.access_expires_at, None);
    assert_eq!(kept.refresh_expires_at, Some(9000));
    assert_eq!(store.of_user(&owner.user.id).await.unwrap(), [link]);
}

async fn an_account_of_a_provider_is_linked_once(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let store = store(database, "one");
    let (one, other) = (account(1), account(2));
    let link = linked(1, &one.user.id, Provider::GitHub);
    sign_up(&store, &one, &link).await.unwrap();
    let mut same = linked(2, &other.user.id, Provider::GitHub);
    same.provider_account_id
        .clone_from(&link.provider_account_id);
    let refused = sign_up(&store, &other, &same).await.unwrap_err();
    let is_link = matches!(refused, StoreError::Taken(Taken::LinkedAccount));
    assert!(is_link, "{refused:?}");
    // The account was to be made with its link, or not at all.
    let users = SqlUsers::new(database.clone());
    assert!(users.by_id(&other.user.id).await.unwrap().is_none());
    let mut twin = account(3);
    twin.user.email = one.user.email.clone();
    let link = linked(3, &twin.user.id, Provider::GitHub);
    let refused = sign_up(&store, &twin, &link).await.unwrap_err();
    assert!(matches!(refused, StoreError::Taken(Taken::Email)));
}

async fn the_last_way_to_sign_in_stays(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let store = store(database, "one");
    let owner = account(1);
    let id = owner.user.id.as_str();
    let (google, github) = (
        linked(1, id, Provider::Google),
        linked(2, id, Provider::GitHub),
    );
    sign_up(&store, &owner, &google).await.unwrap();
    let add = entry(Act::ProviderLinked);
    let added = tokens("b");
    store.add(&github, &added, &add).await.unwrap();
    let remove = async |id: &str, account: &str| {
        let entry = entry(Act::ProviderUnlinked);
        store.remove(id, account, &entry).await.unwrap()
    };
    assert_eq!(remove(id, "nothing").await, Unlinked::Unknown);
    assert_eq!(remove("someone else", &google.id).await, Unlinked::Unknown);
    assert_eq!(remove(id, id).await, Unlinked::Done);
    let users = SqlUsers::new(database.clone());
    let found = users.credentials(id).await.unwrap().unwrap();
    assert_eq!(found.password_hash, None);
    assert_eq!(remove(id, id).await, Unlinked::Unknown);
    assert_eq!(remove(id, &google.id).await, Unlinked::Done);
    assert_eq!(remove(id, &github.id).await, Unlinked::Last);
    assert_eq!(store.of_user(id).await.unwrap(), [github]);
}

async fn of_two_who_unlink_the_last_two_one_wins(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let database = &app.database;
    let store = store(database, "one");
    let owner = account(1);
    let id = owner.user.id.as_str();
    let link = linked(1, id, Provider::Google);
    sign_up(&store, &owner, &link).await.unwrap();
    let (one, other) = (entry(Act::ProviderUnlinked), entry(Act::ProviderUnlinked));
    let (password, google) = tokio::join!(
        store.remove(id, id, &one),
        store.remove(id, &link.id, &other),
    );
    let mut outcomes = [password.unwrap(), google.unwrap()];
    outcomes.sort_by_key(|outcome| *outcome != Unlinked::Done);
    assert_eq!(outcomes, [Unlinked::Done, Unlinked::Last]);
}
