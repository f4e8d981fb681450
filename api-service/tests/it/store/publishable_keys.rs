//! Publishable keys.

use std::num::NonZeroU32;

use api_service::{
    app::ports::{
        BaseChange, DocumentStore, KnowledgeBaseStore, PublishableKeyChange, PublishableKeyStore,
        Refused,
    },
    domain::{
        knowledge_base::{KnowledgeBaseId, Share, ShareRole},
        principal::{Principal, Scope, UserId},
        publishable_key::{MAX_KEYS, PublishableKey, PublishableKeyId},
        token_budget::Day,
    },
};

use super::{Shelf, id, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    who_manages_a_base_manages_its_keys,
    a_visitor_with_a_key_sees_its_base_and_no_other,
    origins_are_found_as_they_are_listed,
    questions_are_counted_by_the_day,
    there_are_only_so_many_keys,
    a_base_takes_its_keys_with_it,
);

const TODAY: Day = Day(20_758);

fn key(number: u32, base: &KnowledgeBaseId) -> PublishableKey {
    PublishableKey {
        id: PublishableKeyId(id(number)),
        key: format!("pk_{number:032}"),
        name: "Handbook".to_owned(),
        base: base.clone(),
        origins: vec![
            "https://docs.example.com".to_owned(),
            "https://*.example.org".to_owned(),
        ],
        per_minute: NonZeroU32::new(5).unwrap(),
        per_day: NonZeroU32::new(2).unwrap(),
        enabled: true,
        created_at: NOON,
    }
}

fn visitor_with(key: &PublishableKey) -> Scope {
    let visitor = Principal::visitor("192.0.2.1".to_owned());
    visitor.asking_with(key.used()).scope()
}

async fn names(shelf: &Shelf, scope: &Scope) -> Vec<String> {
    let bases = shelf.store.knowledge_bases(scope).await.unwrap();
    bases.into_iter().map(|base| base.name).collect()
}

async fn who_manages_a_base_manages_its_keys(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    let public = shelf.base(2, "", "book").await.id;
    let (of_notes, of_book) = (key(3, &notes), key(4, &public));
    store.publish(&ada, &of_notes).await.unwrap();
    store.publish(&scope("admin"), &of_book).await.unwrap();
    let refused = store.publish(&ada, &key(5, &public)).await;
    assert!(matches!(refused, Err(Refused::ReadOnly)), "{refused:?}");
    let share = Share {
        user: UserId(user_id("ben")),
        role: ShareRole::Editor,
        created_at: NOON,
    };
    store.share(&ada, &notes, &share).await.unwrap();
    let adas = store.published(&ada).await.unwrap();
    assert_eq!(adas, std::slice::from_ref(&of_notes));
    let admins = store.published(&scope("admin")).await.unwrap();
    assert_eq!(admins, [of_book]);
    for name in ["ben", "carl", "admin"] {
        let other = scope(name);
        let no_change = PublishableKeyChange::default();
        let changed = store.change_published(&other, &of_notes.id, &no_change);
        let changed = changed.await;
        assert!(matches!(changed, Err(Refused::Missing)), "{name}");
        let deleted = store.unpublish(&other, &of_notes.id).await;
        assert!(matches!(deleted, Err(Refused::Missing)), "{name}");
    }
    let change = PublishableKeyChange {
        name: Some("Notes".to_owned()),
        origins: Some(vec!["https://other.example.com".to_owned()]),
        per_minute: NonZeroU32::new(7),
        per_day: NonZeroU32::new(70),
        enabled: Some(false),
    };
    let changed = store.change_published(&ada, &of_notes.id, &change).await;
    let changed = changed.unwrap();
    assert_eq!(
        changed,
        PublishableKey {
            name: "Notes".to_owned(),
            origins: vec!["https://other.example.com".to_owned()],
            per_minute: NonZeroU32::new(7).unwrap(),
            per_day: NonZeroU32::new(70).unwrap(),
            enabled: false,
            ..of_notes
        }
    );
    let found = store.publishable_key(&changed.key).await.unwrap();
    assert_eq!(found.as_ref(), Some(&changed));
    store.unpublish(&ada, &changed.id).await.unwrap();
    let found = store.publishable_key(&changed.key).await.unwrap();
    assert_eq!(found, None);
    assert_eq!(store.published(&ada).await.unwrap(), []);
}

async fn a_visitor_with_a_key_sees_its_base_and_no_other(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    shelf.base(2, "ada", "diary").await;
    shelf.base(3, "", "book").await;
    let shown = key(4, &notes);
    store.publish(&ada, &shown).await.unwrap();
    assert_eq!(names(&shelf, &visitor_with(&shown)).await, ["notes"]);
    let plain = Principal::visitor("192.0.2.1".to_owned()).scope();
    assert_eq!(names(&shelf, &plain).await, ["book"]);
    let stranger = key(9, &notes);
    assert_eq!(names(&shelf, &visitor_with(&stranger)).await, [""; 0]);
    let disabled = PublishableKeyChange {
        enabled: Some(false),
        ..PublishableKeyChange::default()
    };
    let changed = store.change_published(&ada, &shown.id, &disabled).await;
    changed.unwrap();
    assert_eq!(names(&shelf, &visitor_with(&shown)).await, [""; 0]);
    let (visitor, change) = (visitor_with(&shown), BaseChange::default());
    let base = store.change(&visitor, &notes, &change).await;
    assert!(matches!(base, Err(Refused::Missing)));
}

async fn origins_are_found_as_they_are_listed(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    let shown = key(2, &notes);
    store.publish(&ada, &shown).await.unwrap();
    let lists = async |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|one| (*one).to_owned()).collect();
        store.lists_origin(&patterns).await.unwrap()
    };
    assert!(lists(&["https://docs.example.com"]).await);
    assert!(lists(&["https://a.example.org", "https://*.example.org"]).await);
    assert!(!lists(&[]).await);
    assert!(!lists(&["https://docs.example.co"]).await);
    assert!(!lists(&["ttps://docs.example.com"]).await);
    assert!(!lists(&["https://a.example.org"]).await);
    let disabled = PublishableKeyChange {
        enabled: Some(false),
        ..PublishableKeyChange::default()
    };
    let changed = store.change_published(&ada, &shown.id, &disabled).await;
    changed.unwrap();
    assert!(!lists(&["https://docs.example.com"]).await);
}

async fn questions_are_counted_by_the_day(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    let shown = key(2, &notes);
    store.publish(&ada, &shown).await.unwrap();
    for (day, taken) in [
        (TODAY, true),
        (TODAY, true),
        (TODAY, false),
        (Day(TODAY.0 + 1), true),
    ] {
        let counted = store.count_use(&shown.id, day).await.unwrap();
        assert_eq!(counted, taken, "{day:?}");
    }
    let gone = PublishableKeyId(id(9));
    assert!(!store.count_use(&gone, TODAY).await.unwrap());
}

async fn there_are_only_so_many_keys(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    let most = u32::try_from(MAX_KEYS).unwrap();
    for number in 0..most {
        store
            .publish(&ada, &key(10 + number, &notes))
            .await
            .unwrap();
    }
    let refused = store.publish(&ada, &key(10 + most, &notes)).await;
    assert!(matches!(refused, Err(Refused::TooMany)), "{refused:?}");
}

async fn a_base_takes_its_keys_with_it(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let notes = shelf.base(1, "ada", "notes").await.id;
    let shown = key(2, &notes);
    store.publish(&ada, &shown).await.unwrap();
    store.delete_base(&ada, &notes).await.unwrap();
    let found = store.publishable_key(&shown.key).await.unwrap();
    assert_eq!(found, None);
}
