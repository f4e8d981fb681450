//! Requests that are sent again, at once and later.

use api_service::{
    app::ports::{AccountStore, DocumentStore, KeyedDocument},
    domain::{
        account::{AccountEvent, Happening},
        document::{Change, DocumentId, NewDocument},
        principal::UserId,
        quota::Quota,
        request_key::{KeyedRequest, REQUEST_LIFETIME},
    },
};

use super::{Shelf, document, id, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    what_is_sent_at_once_comes_in_once,
    of_two_requests_with_one_key_one_comes_in,
    a_day_later_it_is_another_request,
    keys_are_forgotten_after_a_day,
    keys_of_a_deleted_user_are_erased,
);

fn request(name: &str, hash: &str) -> KeyedRequest {
    KeyedRequest {
        caller: UserId(user_id(name)),
        key: "key".to_owned(),
        hash: hash.to_owned(),
    }
}

/// What one request after the other, each with a document of its own, came to.
async fn at_once(shelf: &Shelf, hashes: [&str; 8]) -> Vec<Option<(DocumentId, Change)>> {
    let base = shelf.base(1, "ada", "notes").await;
    let new = |number: usize| NewDocument {
        external_id: format!("name {number}"),
        ..document(10 + u32::try_from(number).unwrap(), &base, "text")
    };
    let sent = hashes.into_iter().enumerate().map(|(number, hash)| {
        let (document, store) = (new(number), shelf.store.clone());
        async move {
            let (ada, request, quota) = (scope("ada"), request("ada", hash), Quota::default());
            let keyed = KeyedDocument { request, document };
            let taken = store.put_once(&ada, keyed, quota, NOON).await;
            let taken = taken.unwrap();
            taken.map(|taken| (taken.document_id, taken.change))
        }
    });
    futures::future::join_all(sent).await
}

async fn what_is_sent_at_once_comes_in_once(shelf: Shelf) {
    let taken = at_once(&shelf, ["same"; 8]).await;
    let taken: Vec<_> = taken.into_iter().flatten().collect();
    assert_eq!(taken.len(), 8);
    assert!(taken.iter().all(|(id, _)| *id == taken[0].0), "{taken:?}");
    let created = taken
        .iter()
        .filter(|(_, change)| *change == Change::Created);
    assert_eq!(created.count(), 1);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM documents").await, 1);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM jobs").await, 1);
}

async fn of_two_requests_with_one_key_one_comes_in(shelf: Shelf) {
    let taken = at_once(&shelf, ["a", "b", "a", "b", "a", "b", "a", "b"]).await;
    let refused = taken.iter().filter(|taken| taken.is_none()).count();
    assert_eq!(refused, 4, "{taken:?}");
    assert_eq!(shelf.count("SELECT COUNT(*) FROM documents").await, 1);
}

async fn a_day_later_it_is_another_request(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let (ada, quota) = (scope("ada"), Quota::default());
    let send = async |hash: &str, number, now| {
        let (request, document) = (request("ada", hash), document(number, &base, "text"));
        let keyed = KeyedDocument { request, document };
        let taken = shelf.store.put_once(&ada, keyed, quota, now).await;
        taken.unwrap().map(|taken| taken.document_id.0)
    };
    let later = NOON + REQUEST_LIFETIME;
    assert_eq!(send("a", 10, NOON).await, Some(id(10)));
    assert_eq!(send("b", 11, later - 1).await, None);
    assert_eq!(send("a", 12, later - 1).await, Some(id(10)));
    assert_eq!(send("b", 13, later).await, Some(id(13)));
    assert_eq!(send("a", 14, later).await, None);
    // It holds for a day of its own.
    assert_eq!(send("b", 15, later + 1).await, Some(id(13)));
}

async fn keys_are_forgotten_after_a_day(shelf: Shelf) {
    at_once(&shelf, ["same"; 8]).await;
    let keys = "SELECT COUNT(*) FROM idempotency_keys";
    let later = NOON + REQUEST_LIFETIME;
    shelf.store.forget_requests(later - 1).await.unwrap();
    assert_eq!(shelf.count(keys).await, 1);
    shelf.store.forget_requests(later).await.unwrap();
    assert_eq!(shelf.count(keys).await, 0);
}

async fn keys_of_a_deleted_user_are_erased(shelf: Shelf) {
    at_once(&shelf, ["same"; 8]).await;
    let base = shelf.base(2, "ben", "notes").await;
    let keyed = KeyedDocument {
        request: request("ben", "same"),
        document: document(50, &base, "text"),
    };
    let (ben, quota) = (scope("ben"), Quota::default());
    let taken = shelf.store.put_once(&ben, keyed, quota, NOON).await;
    assert_eq!(taken.unwrap().unwrap().document_id.0, id(50));
    let event = AccountEvent {
        number: 1,
        at: NOON,
        user: UserId(user_id("ada")),
        happening: Happening::Deleted,
    };
    shelf.store.apply(&[event], NOON).await.unwrap();
    let ada = UserId(user_id("ada"));
    while shelf.store.erase_some(&ada).await.unwrap() {}
    let left = "SELECT COUNT(*) FROM idempotency_keys";
    assert_eq!(shelf.count(left).await, 1);
}
