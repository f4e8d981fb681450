//! Embedding models and what they have embedded, and languages.

use api_service::{
    app::ports::{EmbeddingStore, JobStore, Published},
    domain::{
        chunk::ChunkId,
        embedding_model::{ModelState, ModelStatus},
        language::Language,
    },
};

use super::{MODEL, Shelf, chunk_id, chunks, document, labels, model, on_both_engines};
use crate::support::NOON;

on_both_engines!(
    live_chunks_are_counted_and_paged,
    a_model_takes_over_when_nothing_is_missing_and_not_before,
    one_worker_embeds_at_a_time,
    what_another_model_embedded_is_not_published,
    what_is_forgotten_is_gone,
    a_language_is_noted_once,
    a_renewal_goes_on_where_it_was,
);

async fn three_chunks(shelf: &Shelf) -> Vec<ChunkId> {
    let base = shelf.base(1, "ada", "notes").await;
    let first = shelf.publish(document(10, &base, "one"), &["a", "b"]).await;
    let second = shelf.publish(document(11, &base, "two"), &["c"]).await;
    vec![
        chunk_id(&first, 0),
        chunk_id(&first, 1),
        chunk_id(&second, 0),
    ]
}

fn vectors(ids: &[ChunkId]) -> Vec<(ChunkId, Vec<f32>)> {
    ids.iter()
        .map(|id| (id.clone(), vec![1.0, 2.0, 3.0]))
        .collect()
}

async fn claim(shelf: &Shelf, name: &str, worker: &str, now: i64) -> bool {
    let model = model(name);
    let claim = shelf.store.claim_model(&model, worker, now, now + 1_000);
    claim.await.unwrap()
}

async fn states(shelf: &Shelf) -> Vec<(String, ModelState, usize)> {
    let models = shelf.store.models().await.unwrap();
    let each = models.into_iter().map(|status| {
        let ModelStatus {
            model,
            state,
            embedded,
        } = status;
        (model.fingerprint, state, embedded)
    });
    each.collect()
}

async fn live_chunks_are_counted_and_paged(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let other = shelf.base(2, "ada", "others").await;
    for number in 10..14 {
        let new = document(number, &base, "text");
        shelf.publish(new, &["a", "b", "c"]).await;
    }
    shelf.publish(document(15, &other, "text"), &["a"]).await;
    shelf.put(document(20, &base, "not ready")).await;
    let job = shelf.claim().await;
    let kept = chunks(&job, &["a"]);
    let kept = shelf.store.keep_chunks(&job, MODEL, &kept, 1);
    assert!(kept.await.unwrap());
    assert_eq!(shelf.store.live_chunks().await.unwrap(), 13);
    let page = |model, base, after: String| {
        let shelf = &shelf;
        async move {
            shelf
                .store
                .embedded_ids(model, base, &after, 5)
                .await
                .unwrap()
        }
    };
    assert_eq!(page("other", None, String::new()).await, []);
    assert_eq!(page(MODEL, Some(&other.id), String::new()).await.len(), 1);
    let mut all: Vec<ChunkId> = vec![];
    loop {
        let after = all.last().map_or(String::new(), |id| id.0.clone());
        let page = page(MODEL, Some(&base.id), after).await;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert_eq!(all.len(), 12);
    assert!(all.is_sorted());
}

async fn a_model_takes_over_when_nothing_is_missing_and_not_before(shelf: Shelf) {
    let ids = three_chunks(&shelf).await;
    assert!(claim(&shelf, "newer", "worker", NOON).await);
    // Once there is an active one, nobody takes its place by asking.
    let active = shelf.store.active_or(&model("newer"), NOON).await.unwrap();
    assert_eq!(active.fingerprint, MODEL);
    assert_eq!(shelf.store.not_embedded("newer", 9).await.unwrap().len(), 3);
    let mut some = vectors(&ids[..2]);
    some.push((ChunkId(super::id(77)), vec![0.0; 3]));
    shelf.store.keep_embeddings("newer", &some).await.unwrap();
    shelf.store.keep_embeddings("newer", &some).await.unwrap();
    assert_eq!(
        shelf.store.not_embedded("newer", 9).await.unwrap(),
        ids[2..]
    );
    assert!(!shelf.store.activate("newer", NOON).await.unwrap());
    let expected = [
        (MODEL.to_owned(), ModelState::Active, 3),
        ("newer".to_owned(), ModelState::Building, 2),
    ];
    assert_eq!(states(&shelf).await, expected);
    let rest = vectors(&ids[2..]);
    shelf.store.keep_embeddings("newer", &rest).await.unwrap();
    assert!(shelf.store.activate("newer", NOON).await.unwrap());
    let expected = [
        ("newer".to_owned(), ModelState::Active, 3),
        (MODEL.to_owned(), ModelState::Kept, 3),
    ];
    assert_eq!(states(&shelf).await, expected);
    let points = shelf.store.points("newer", &ids).await.unwrap();
    assert!(
        points
            .iter()
            .all(|stored| stored.point.dense == [1.0, 2.0, 3.0])
    );
    assert!(!shelf.store.activate("unknown", NOON).await.unwrap());
    let active = shelf.store.active_or(&model(MODEL), NOON).await.unwrap();
    assert_eq!(active.fingerprint, "newer");
}

async fn one_worker_embeds_at_a_time(shelf: Shelf) {
    assert!(claim(&shelf, "newer", "first", NOON).await);
    assert!(!claim(&shelf, "newer", "second", NOON + 1_000).await);
    assert!(claim(&shelf, "newer", "first", NOON + 900).await);
    // The first one was not heard of for long enough.
    assert!(claim(&shelf, "newer", "second", NOON + 1_901).await);
    assert!(!claim(&shelf, "newer", "first", NOON + 1_902).await);
    // The active one is embedded by whoever takes documents in.
    assert!(!claim(&shelf, MODEL, "first", NOON).await);
}

async fn what_another_model_embedded_is_not_published(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    let kept = chunks(&job, &["a"]);
    let kept = shelf.store.keep_chunks(&job, MODEL, &kept, 1);
    assert!(kept.await.unwrap());
    assert!(claim(&shelf, "newer", "worker", NOON).await);
    assert!(shelf.store.activate("newer", NOON).await.unwrap());
    let published = shelf
        .store
        .publish(&job, MODEL, &labels("T"), NOON)
        .await
        .unwrap();
    assert_eq!(published, Published::OtherModel);
    assert_eq!(shelf.store.live_chunks().await.unwrap(), 0);
    let kept = chunks(&job, &["a"]);
    let kept = shelf.store.keep_chunks(&job, "newer", &kept, 1);
    assert!(kept.await.unwrap());
    let published = shelf
        .store
        .publish(&job, "newer", &labels("T"), NOON)
        .await
        .unwrap();
    assert_eq!(published, Published::Done);
}

async fn what_is_forgotten_is_gone(shelf: Shelf) {
    let ids = three_chunks(&shelf).await;
    assert!(claim(&shelf, "newer", "worker", NOON).await);
    shelf
        .store
        .keep_embeddings("newer", &vectors(&ids))
        .await
        .unwrap();
    assert!(!shelf.store.forget_model(MODEL).await.unwrap());
    assert!(!shelf.store.forget_model("unknown").await.unwrap());
    assert!(shelf.store.forget_model("newer").await.unwrap());
    assert_eq!(shelf.count("SELECT COUNT(*) FROM embeddings").await, 3);
    assert_eq!(
        states(&shelf).await,
        [(MODEL.to_owned(), ModelState::Active, 3)]
    );
}

async fn a_language_is_noted_once(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await.id;
    let german = Language::from_code("de").unwrap();
    assert_eq!(shelf.store.language(&base).await.unwrap(), None);
    shelf.store.note_language(&base, german).await.unwrap();
    shelf
        .store
        .note_language(&base, Language::ENGLISH)
        .await
        .unwrap();
    assert_eq!(shelf.store.language(&base).await.unwrap(), Some(german));
}

async fn a_renewal_goes_on_where_it_was(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await.id;
    assert_eq!(shelf.store.outdated_base().await.unwrap(), None);
    let german = Language::from_code("de").unwrap();
    shelf.store.note_language(&base, german).await.unwrap();
    let outdated = shelf.store.outdated_base().await.unwrap();
    assert_eq!(outdated, Some((base.clone(), String::new())));
    let upto = ChunkId(super::id(5));
    shelf.store.renewed(&base, "", Some(&upto)).await.unwrap();
    let outdated = shelf.store.outdated_base().await.unwrap();
    assert_eq!(outdated, Some((base.clone(), upto.0.clone())));
    // One that began earlier does not end what another one goes on with.
    shelf.store.renewed(&base, "", None).await.unwrap();
    assert!(shelf.store.outdated_base().await.unwrap().is_some());
    shelf.store.renewed(&base, &upto.0, None).await.unwrap();
    assert_eq!(shelf.store.outdated_base().await.unwrap(), None);
}
