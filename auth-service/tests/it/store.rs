//! The stores: one suite, run on both engines.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_service::{
    app::ports::{AccountEvents, Credentials, Sessions, StoreError, Taken, Users, Which},
    domain::{
        account_change::AccountChange,
        account_event::Happening,
        audit::{Act, AuditEntry},
        email::Email,
        profile::Profile,
        session::Session,
        user::{DisplayName, User, Username},
    },
    outbound::sql::{SqlAccountEvents, SqlSessions, SqlUsers},
};
use proto::claims::Role;
use service_kit::database::Database;

/// Runs each function on the stores of a service of its own, on both engines.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::TestApp::sqlite().await.database).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let home = $crate::support::TestDatabase::postgres().await;
                super::$name($crate::support::TestApp::on(home, &[]).await.database).await;
            })*
        }
    };
}
pub(crate) use on_both_stores;

on_both_stores!(
    an_account_comes_back_as_it_went_in,
    an_address_is_taken_once,
    ids_find_accounts_in_any_number,
    a_hash_is_replaced_unless_it_changed,
    administrators_are_counted_while_enabled,
    a_profile_is_stored_whole,
    a_session_is_found_by_its_token_until_it_ends,
    what_other_services_must_learn_is_told_once,
    a_bad_row_is_an_error_and_names_its_column,
);

pub(crate) fn account(number: u32) -> Credentials {
    Credentials {
        user: User {
            id: format!("018bcfe5-6800-7000-8000-{number:012}"),
            email: Email::parse(&format!("user{number}@example.com")).unwrap(),
            name: DisplayName::parse("Zoë 李 O'Neil; --").unwrap(),
            username: Some(Username::parse(&format!("user-{number}")).unwrap()),
            role: Role::User,
            email_verified: false,
            image: None,
            profile: Profile::default(),
            created_at: 1_793_534_400_123 + i64::from(number),
            updated_at: 1_793_534_400_123 + i64::from(number),
            disabled_at: None,
        },
        password_hash: Some(format!("$argon2id$v=19$m=19456,t=2,p=1$salt{number}$hash")),
    }
}

/// A line of the audit log that no other call gives.
pub(crate) fn entry(act: Act) -> AuditEntry {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    AuditEntry {
        id: format!("018bcfe5-6800-7000-9000-{number:012}"),
        at: 1_793_534_400_999,
        act,
        actor: None,
        target: None,
        ip: None,
        detail: None,
    }
}

fn session(number: u32, owner: &User) -> Session {
    Session {
        id: format!("018bcfe5-6800-7000-a000-{number:012}"),
        user_id: owner.id.clone(),
        remember: true,
        created_at: i64::from(number),
        refreshed_at: i64::from(number),
        expires_at: 1000,
        ends_at: 2000,
        ip: Some("198.51.100.7".to_owned()),
        user_agent: None,
    }
}

/// The acts in the audit log, and what other services were told.
async fn told(database: &Database) -> (Vec<String>, Vec<(i64, Happening)>) {
    let acts: Vec<(String,)> = sqlx::query_as("SELECT act FROM audit_log ORDER BY at, id")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    let events = SqlAccountEvents::new(database.clone());
    let events = events.after(0, 100).await.unwrap();
    (
        acts.into_iter().map(|(act,)| act).collect(),
        events
            .into_iter()
            .map(|event| (event.number, event.happening))
            .collect(),
    )
}

async fn an_account_comes_back_as_it_went_in(database: Database) {
    let users = SqlUsers::new(database);
    let mut ada = account(1);
    ada.user.role = Role::Admin;
    ada.user.disabled_at = Some(7);
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
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
    users.add(&account(1), &entry(Act::SignedUp)).await.unwrap();
    let mut second = account(2);
    second.user.email = account(1).user.email;
    let refused = users.add(&second, &entry(Act::SignedUp)).await;
    assert!(matches!(refused, Err(StoreError::Taken(Taken::Email))));
    let mut third = account(3);
    third.user.username = account(1).user.username;
    let refused = users.add(&third, &entry(Act::SignedUp)).await;
    assert!(matches!(refused, Err(StoreError::Taken(Taken::Username))));
    assert_eq!(users.by_id(&second.user.id).await.unwrap(), None);
}

async fn ids_find_accounts_in_any_number(database: Database) {
    let users = SqlUsers::new(database);
    for number in 1..=5 {
        users
            .add(&account(number), &entry(Act::SignedUp))
            .await
            .unwrap();
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
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
    let replace = |old: String, new: &'static str| {
        let (users, id) = (users.clone(), ada.user.id.clone());
        async move { users.replace_hash(&id, &old, new, 9).await.unwrap() }
    };
    replace(ada.password_hash.clone().unwrap(), "new").await;
    replace(ada.password_hash.clone().unwrap(), "late").await;
    let found = users.by_email(&ada.user.email).await.unwrap().unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("new"));
}

async fn administrators_are_counted_while_enabled(database: Database) {
    let users = SqlUsers::new(database.clone());
    let ada = account(1);
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
    assert!(!users.has_admin().await.unwrap());
    let mut admin = account(2);
    admin.user.role = Role::Admin;
    admin.user.disabled_at = Some(7);
    users.add(&admin, &entry(Act::SignedUp)).await.unwrap();
    assert!(!users.has_admin().await.unwrap(), "a disabled one");
    let change = AccountChange {
        enabled: Some(true),
        ..AccountChange::default()
    };
    let changed = users.change(&admin.user.id, &change, 9, &[]).await.unwrap();
    assert_eq!(changed.unwrap().disabled_at, None);
    assert!(users.has_admin().await.unwrap());
}

async fn a_profile_is_stored_whole(database: Database) {
    let users = SqlUsers::new(database);
    let mut ada = account(1);
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
    ada.user.image = Some("https://example.com/a.png".to_owned());
    ada.user.email_verified = true;
    ada.user
        .profile
        .set("interestArea", Some("\"quotes\" & 李"))
        .unwrap();
    ada.user.updated_at += 1;
    let changed = users.update(&ada.user, &entry(Act::ProfileChanged)).await;
    assert!(changed.unwrap());
    let found = users.by_username(ada.user.username.as_ref().unwrap()).await;
    assert_eq!(found.unwrap().unwrap().user, ada.user);
    let nobody = account(2).user;
    let changed = users.update(&nobody, &entry(Act::ProfileChanged)).await;
    assert!(!changed.unwrap());
}

async fn a_session_is_found_by_its_token_until_it_ends(database: Database) {
    let (users, sessions) = (
        SqlUsers::new(database.clone()),
        SqlSessions::new(database.clone()),
    );
    let ada = account(1);
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
    for number in 1..=3 {
        let (session, hash) = (session(number, &ada.user), format!("hash{number}"));
        sessions
            .open(&session, &hash, &entry(Act::SignedIn))
            .await
            .unwrap();
    }
    let found = sessions.by_token("hash2").await.unwrap();
    assert_eq!(found, Some((session(2, &ada.user), ada.user.clone())));
    sessions
        .prolong(&session(2, &ada.user).id, 1500, 7)
        .await
        .unwrap();
    let (found, _) = sessions
        .by_id(&session(2, &ada.user).id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.expires_at, found.refreshed_at), (1500, 7));
    let live = sessions.of_user(&ada.user.id, 1000).await.unwrap();
    assert_eq!(live.len(), 1, "only the prolonged one");

    let id = session(2, &ada.user).id;
    let end = |which| {
        let (sessions, owner) = (sessions.clone(), ada.user.id.clone());
        async move {
            sessions
                .end(&owner, which, &entry(Act::SessionsRevoked))
                .await
                .unwrap()
        }
    };
    let (stranger, act) = (account(2).user.id, entry(Act::SignedOut));
    let ended = sessions.end(&stranger, Which::One(&id), &act).await;
    assert_eq!(ended.unwrap(), 0, "somebody else's session");
    assert_eq!(end(Which::AllBut(&id)).await, 2);
    assert_eq!(end(Which::One(&id)).await, 1);
    assert_eq!(end(Which::All).await, 0);
    assert!(sessions.by_token("hash2").await.unwrap().is_none());
    let (acts, events) = told(&database).await;
    assert_eq!(
        acts.iter().filter(|act| *act == "session.revoked").count(),
        2
    );
    let numbers: Vec<i64> = events.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(
        events[2].1,
        Happening::SessionRevoked {
            session_id: id,
            ends_at: 2000
        }
    );
}

async fn what_other_services_must_learn_is_told_once(database: Database) {
    let (users, sessions) = (
        SqlUsers::new(database.clone()),
        SqlSessions::new(database.clone()),
    );
    let ada = account(1);
    let id = &ada.user.id;
    users.add(&ada, &entry(Act::SignedUp)).await.unwrap();
    let begun = session(1, &ada.user);
    sessions
        .open(&begun, "hash", &entry(Act::SignedIn))
        .await
        .unwrap();
    for enabled in [false, false, true, true] {
        let change = AccountChange {
            enabled: Some(enabled),
            ..AccountChange::default()
        };
        let entries = [entry(Act::AccountDisabled), entry(Act::AccountEnabled)];
        let changed = users
            .change(id, &change, 9, &entries)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(changed.is_enabled(), enabled);
    }
    assert!(users.delete(id, &entry(Act::AccountDeleted)).await.unwrap());
    assert!(!users.delete(id, &entry(Act::AccountDeleted)).await.unwrap());
    let (acts, events) = told(&database).await;
    let expected = [
        Happening::SessionRevoked {
            session_id: begun.id,
            ends_at: begun.ends_at,
        },
        Happening::Disabled,
        Happening::Enabled,
        Happening::Deleted,
    ];
    let happenings: Vec<Happening> = events.into_iter().map(|(_, what)| what).collect();
    assert_eq!(happenings, expected);
    assert_eq!(acts.len(), 5);
}

async fn a_bad_row_is_an_error_and_names_its_column(database: Database) {
    let users = SqlUsers::new(database.clone());
    users.add(&account(1), &entry(Act::SignedUp)).await.unwrap();
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
