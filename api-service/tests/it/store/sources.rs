//! Sources: claimed by one at a time, and seen by those who may change them.

use std::collections::BTreeSet;

use api_service::{
    app::ports::{
        DocumentStore, KnowledgeBaseStore, NewPage, NewSource, Page, Refused, SourceStore,
    },
    domain::{
        document::{Change, Origin},
        knowledge_base::{KnowledgeBase, Share, ShareRole, Visibility},
        principal::UserId,
        quota::Quota,
        source::{
            ClaimedSource, Marks, SourceId, SourceKind, SourceSettings, SourceState, SourceSync,
            SyncReport,
        },
    },
};
use futures::future::join_all;

use super::{LEASE, Shelf, document, id, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    workers_never_get_the_same_source,
    an_owner_has_one_sync_at_a_time,
    a_claim_that_ended_is_taken_over_and_the_first_writes_no_more,
    a_sync_that_is_asked_for_during_one_comes_after_it,
    sources_are_seen_by_those_who_may_write,
    a_quota_holds_for_what_sources_bring,
);

fn settings(every_seconds: i64) -> SourceSettings {
    SourceSettings {
        kind: SourceKind::Urls,
        addresses: vec!["https://a.example/".to_owned()],
        include: vec![],
        exclude: vec![],
        every_seconds,
    }
}

async fn source(shelf: &Shelf, number: u32, owner: &str, base: &KnowledgeBase) -> SourceId {
    let new = NewSource {
        id: SourceId(id(number)),
        knowledge_base_id: base.id.clone(),
        settings: settings(0),
        created_at: NOON,
    };
    let made = shelf.store.create_source(&scope(owner), new).await;
    made.unwrap();
    SourceId(id(number))
}

async fn claim(shelf: &Shelf, worker: &str, now: i64) -> Option<ClaimedSource> {
    let claimed = shelf.store.claim_source(worker, now, LEASE).await;
    claimed.unwrap()
}

fn sync(now: i64) -> SourceSync {
    SourceSync {
        started_at: now,
        finished_at: Some(now),
        report: SyncReport::default(),
        failure: None,
    }
}

fn page(number: u32, base: &KnowledgeBase, content: &str) -> NewPage {
    let mut document = document(number, base, content);
    document.origin = Origin::Source;
    NewPage {
        document,
        marks: Marks::default(),
    }
}

async fn take(shelf: &Shelf, source: &ClaimedSource, page: NewPage) -> Result<Change, Refused> {
    let quota = Quota::default();
    shelf.store.take_page(source, page, quota, NOON).await
}

async fn workers_never_get_the_same_source(shelf: Shelf) {
    for number in 0..20 {
        let owner = format!("user-{number}");
        let base = shelf.base(number + 1, &owner, "notes").await;
        source(&shelf, number + 100, &owner, &base).await;
    }
    let workers = ["one", "two", "three", "four"].map(async |worker| {
        let mut claimed = vec![];
        // One that met another at the same row comes back.
        for _ in 0..60 {
            claimed.extend(claim(&shelf, worker, NOON).await.map(|source| source.id.0));
        }
        claimed
    });
    let claimed: Vec<String> = join_all(workers).await.concat();
    let distinct: BTreeSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (20, 20));
}

async fn an_owner_has_one_sync_at_a_time(shelf: Shelf) {
    let bases = [
        shelf.base(1, "ada", "a").await,
        shelf.base(2, "ada", "b").await,
    ];
    source(&shelf, 11, "ada", &bases[0]).await;
    source(&shelf, 12, "ada", &bases[1]).await;
    let bens = shelf.base(3, "ben", "c").await;
    source(&shelf, 13, "ben", &bens).await;
    let first = claim(&shelf, "one", NOON).await.unwrap();
    let second = claim(&shelf, "one", NOON).await.unwrap();
    assert_eq!((first.id.0.clone(), second.id.0), (id(11), id(13)));
    assert_eq!(claim(&shelf, "one", NOON).await, None);
    shelf
        .store
        .finish_source(&first, &sync(NOON))
        .await
        .unwrap();
    let third = claim(&shelf, "one", NOON).await.unwrap();
    assert_eq!(third.id.0, id(12));
}

async fn a_claim_that_ended_is_taken_over_and_the_first_writes_no_more(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let id = source(&shelf, 11, "ada", &base).await;
    let first = claim(&shelf, "one", NOON).await.unwrap();
    assert_eq!(
        take(&shelf, &first, page(10, &base, "a")).await.unwrap(),
        Change::Created
    );
    assert_eq!(claim(&shelf, "two", NOON + LEASE - 1).await, None);
    let report = SyncReport::default();
    let until = NOON + 2 * LEASE;
    assert!(
        shelf
            .store
            .renew_source(&first, &report, until)
            .await
            .unwrap()
    );
    assert_eq!(claim(&shelf, "two", NOON + LEASE).await, None);
    let second = claim(&shelf, "two", until).await.unwrap();
    assert_eq!(second.id, id);
    assert!(
        !shelf
            .store
            .renew_source(&first, &report, until)
            .await
            .unwrap()
    );
    let late = take(&shelf, &first, page(11, &base, "b")).await;
    assert!(matches!(late, Err(Refused::Missing)));
    shelf
        .store
        .finish_source(&first, &sync(until))
        .await
        .unwrap();
    let seen = shelf
        .store
        .source(&scope("ada"), &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen.state, SourceState::Syncing);
    shelf
        .store
        .finish_source(&second, &sync(until))
        .await
        .unwrap();
    let seen = shelf
        .store
        .source(&scope("ada"), &id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.state, seen.next_sync_at), (SourceState::Idle, None));
    // What a worker gives back at its end is taken up at once.
    shelf
        .store
        .request_sync(&scope("ada"), &id, until)
        .await
        .unwrap();
    claim(&shelf, "two", until).await.unwrap();
    shelf.store.release_sources("two").await.unwrap();
    let third = claim(&shelf, "three", until).await.unwrap();
    assert!(shelf.store.delete_source(&scope("ada"), &id).await.unwrap());
    let late = take(&shelf, &third, page(12, &base, "c")).await;
    assert!(matches!(late, Err(Refused::Missing)));
    assert_eq!(shelf.count("SELECT COUNT(*) FROM documents").await, 0);
}

async fn a_sync_that_is_asked_for_during_one_comes_after_it(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let id = source(&shelf, 11, "ada", &base).await;
    let first = claim(&shelf, "one", NOON).await.unwrap();
    let ada = scope("ada");
    assert!(shelf.store.request_sync(&ada, &id, NOON + 1).await.unwrap());
    let often = settings(300);
    let changed = shelf.store.change_source(&ada, &id, &often, NOON + 1);
    assert!(changed.await.unwrap());
    assert_eq!(claim(&shelf, "two", NOON + 1).await, None);
    shelf
        .store
        .finish_source(&first, &sync(NOON + 1))
        .await
        .unwrap();
    let second = claim(&shelf, "two", NOON + 1).await.unwrap();
    assert_eq!(second.settings, settings(300));
    shelf
        .store
        .finish_source(&second, &sync(NOON + 2))
        .await
        .unwrap();
    assert_eq!(claim(&shelf, "two", NOON + 300_000).await, None);
    assert!(claim(&shelf, "two", NOON + 300_001).await.is_some());
}

/// Whether a source is seen by each of these.
async fn seen_by<const N: usize>(shelf: &Shelf, id: &SourceId, names: [&str; N]) -> [bool; N] {
    let seen = names.map(async |name| {
        let scope = scope(name);
        let found = shelf.store.source(&scope, id).await.unwrap().is_some();
        let all = Page {
            after: String::new(),
            limit: 100,
        };
        let listed = shelf.store.sources(&scope, None, &all).await.unwrap();
        assert_eq!(
            listed.iter().any(|source| source.id == *id),
            found,
            "{name}"
        );
        let now = shelf.store.request_sync(&scope, id, NOON).await.unwrap();
        assert_eq!(now, found, "{name}");
        found
    });
    let seen = join_all(seen).await;
    seen.try_into().unwrap()
}

async fn sources_are_seen_by_those_who_may_write(shelf: Shelf) {
    let names = ["ada", "ben", "carl", "eve", "admin"];
    let all = [Visibility::Private, Visibility::Members, Visibility::Public];
    for (number, visibility) in (1..).zip(all) {
        let public = visibility == Visibility::Public;
        let owner = if public { "" } else { "ada" };
        let base = shelf
            .base_for(number, owner, &format!("base-{number}"), visibility)
            .await;
        for (name, role) in [("ben", ShareRole::Editor), ("carl", ShareRole::Reader)] {
            let share = Share {
                user: UserId(user_id(name)),
                role,
                created_at: NOON,
            };
            if !public {
                let shared = shelf.store.share(&scope("ada"), &base.id, &share).await;
                shared.unwrap();
            }
        }
        let maker = if public { "admin" } else { "ada" };
        let id = source(&shelf, number + 100, maker, &base).await;
        let mut expected = vec![];
        for name in names {
            let bases = shelf.store.knowledge_bases(&scope(name)).await.unwrap();
            let base = bases.into_iter().find(|seen| seen.id == base.id);
            expected.push(base.is_some_and(|base| base.writable(&scope(name))));
        }
        assert_eq!(seen_by(&shelf, &id, names).await.to_vec(), expected);
    }
}

async fn a_quota_holds_for_what_sources_bring(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    source(&shelf, 11, "ada", &base).await;
    let claimed = claim(&shelf, "one", NOON).await.unwrap();
    let quota = Quota {
        documents: 1,
        bytes: 0,
    };
    let store = &shelf.store;
    let first = store.take_page(&claimed, page(10, &base, "a"), quota, NOON);
    assert_eq!(first.await.unwrap(), Change::Created);
    let second = store.take_page(&claimed, page(11, &base, "b"), quota, NOON);
    assert!(matches!(second.await, Err(Refused::QuotaExceeded)));
    let known = store.known_pages(&claimed).await.unwrap();
    assert_eq!(known.len(), 1);
}
