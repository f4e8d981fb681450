//! What holds of every vector index.

use std::sync::Arc;

use api_service::{
    app::ports::{SparseEmbedder, VectorIndex},
    domain::{
        chunk::ChunkId,
        document::DocumentId,
        index::{Fusion, IndexPoint, IndexQuery, Mode},
        knowledge_base::KnowledgeBaseId,
        language::Language,
        principal::SearchScope,
    },
    outbound::bm25::Bm25,
};
use futures::future::join_all;

use crate::support::caller;

pub const DIMENSIONS: usize = 8;

const MODES: [Mode; 5] = [
    Mode::Dense,
    Mode::Sparse,
    Mode::Hybrid(Fusion::Rrf(2)),
    Mode::Hybrid(Fusion::Rrf(60)),
    Mode::Hybrid(Fusion::Dbsf),
];

type Index = Arc<dyn VectorIndex>;

pub fn id(number: u32) -> ChunkId {
    ChunkId(format!("018bcfe5-6800-8000-8000-{number:012}"))
}

fn document(number: u32) -> DocumentId {
    DocumentId(format!("018bcfe5-6800-7000-8000-{number:012}"))
}

/// A direction that is between axis 0 and axis 1 by so many degrees.
fn direction(degrees: f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    vector[0] = degrees.to_radians().cos();
    vector[1] = degrees.to_radians().sin();
    vector
}

fn made(number: u32, version: i64, base: &str, degrees: f32, text: &str) -> IndexPoint {
    IndexPoint {
        chunk_id: id(number),
        document_id: document(number / 10),
        version,
        knowledge_base_id: KnowledgeBaseId(base.to_owned()),
        dense: direction(degrees),
        sparse: Bm25::new().unwrap().passage(text, Language::ENGLISH),
    }
}

pub fn point(number: u32, version: i64, base: &str) -> IndexPoint {
    let text = format!("water pump number {number}");
    made(number, version, base, 10.0, &text)
}

/// Five points whose order by meaning is the other way round by words.
pub fn the_points() -> Vec<IndexPoint> {
    vec![
        made(1, 1, "base", 0.0, "stone wall"),
        made(2, 1, "base", 20.0, "stone wall garden"),
        made(3, 1, "base", 40.0, "water garden"),
        made(4, 1, "base", 60.0, "water pump garden"),
        made(5, 1, "base", 80.0, "water pump"),
    ]
}

fn scope(bases: &[&str]) -> SearchScope {
    let bases = bases.iter().map(|base| KnowledgeBaseId((*base).to_owned()));
    caller("ada").scope().within(bases.collect())
}

async fn found(index: &Index, mode: Mode, words: &str, bases: &[&str]) -> Vec<ChunkId> {
    let query = IndexQuery {
        dense: direction(0.0),
        sparse: Bm25::new().unwrap().question(words, &[Language::ENGLISH]),
        mode,
        limit: 100,
    };
    let hits = index.search(query, &scope(bases)).await.unwrap();
    assert!(
        hits.is_sorted_by(|one, other| one.score >= other.score),
        "{mode:?}: {hits:?}"
    );
    hits.into_iter().map(|hit| hit.chunk_id).collect()
}

fn ids(numbers: &[u32]) -> Vec<ChunkId> {
    numbers.iter().map(|number| id(*number)).collect()
}

pub async fn a_point_is_put_in_and_replaced(index: Index) {
    assert_eq!(index.count().await.unwrap(), 0);
    assert!(index.is_up().await);
    index.upsert(vec![]).await.unwrap();
    index.upsert(the_points()).await.unwrap();
    index.upsert(the_points()).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 5);
    let moved = made(5, 2, "base", 0.0, "gravel");
    index.upsert(vec![moved]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 5);
    assert_eq!(
        found(&index, Mode::Sparse, "gravel", &["base"]).await,
        ids(&[5])
    );
    assert_eq!(
        found(&index, Mode::Sparse, "pump", &["base"]).await,
        ids(&[4])
    );
    let near = found(&index, Mode::Dense, "", &["base"]).await;
    assert!(near[..2].contains(&id(5)), "{near:?}");
}

pub async fn a_search_sees_its_scope_and_nothing_else(index: Index) {
    let bases = ["one", "two", "three"];
    for (first, base) in (1..).step_by(100).zip(bases) {
        let points = (first..first + 20).map(|number| point(number, 1, base));
        index.upsert(points.collect()).await.unwrap();
    }
    for mode in MODES {
        let one = found(&index, mode, "water pump", &["one"]).await;
        assert_eq!(one.len(), 20, "{mode:?}");
        assert!(
            one.iter().all(|id| *id < self::id(100)),
            "{mode:?}: {one:?}"
        );
        let two = found(&index, mode, "water pump", &["two", "three"]).await;
        assert_eq!(two.len(), 40, "{mode:?}");
        assert!(
            two.iter().all(|id| *id > self::id(100)),
            "{mode:?}: {two:?}"
        );
        assert_eq!(found(&index, mode, "water pump", &[]).await, []);
        assert_eq!(found(&index, mode, "water pump", &["elsewhere"]).await, []);
    }
}

pub async fn a_search_among_documents_finds_no_other(index: Index) {
    let mut points = the_points();
    points.extend((11..=15).map(|number| point(number, 1, "base")));
    points.push(point(16, 1, "other"));
    points.extend((21..=25).map(|number| point(number, 1, "base")));
    index.upsert(points).await.unwrap();
    for mode in MODES {
        let query = IndexQuery {
            dense: direction(0.0),
            sparse: Bm25::new()
                .unwrap()
                .question("water pump", &[Language::ENGLISH]),
            mode,
            limit: 100,
        };
        let among = async |documents: Vec<DocumentId>| {
            let scope = scope(&["base"]).only(documents);
            let hits = index.search(query.clone(), &scope).await.unwrap();
            let mut ids: Vec<ChunkId> = hits.into_iter().map(|hit| hit.chunk_id).collect();
            ids.sort();
            ids
        };
        assert_eq!(among(vec![]).await, [], "{mode:?}");
        assert_eq!(among(vec![document(7)]).await, [], "{mode:?}");
        let found = among(vec![document(1), document(7)]).await;
        assert_eq!(found, ids(&[11, 12, 13, 14, 15]), "{mode:?}");
        let mut many: Vec<DocumentId> = (100..10_099).map(document).collect();
        many.push(document(2));
        let found = among(many).await;
        assert_eq!(found, ids(&[21, 22, 23, 24, 25]), "{mode:?}");
    }
}

pub async fn meaning_orders_what_is_dense(index: Index) {
    index.upsert(the_points()).await.unwrap();
    let near = found(&index, Mode::Dense, "ignored", &["base"]).await;
    assert_eq!(near, ids(&[1, 2, 3, 4, 5]));
    let query = IndexQuery {
        dense: direction(60.0),
        sparse: Bm25::new().unwrap().question("", &[Language::ENGLISH]),
        mode: Mode::Dense,
        limit: 1,
    };
    let hits = index.search(query, &scope(&["base"])).await.unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].chunk_id, id(4));
    assert!((hits[0].score - 1.0).abs() < 0.01, "{hits:?}");
}

pub async fn rare_words_weigh_more(index: Index) {
    let mut points: Vec<_> = (10..40).map(|number| point(number, 1, "base")).collect();
    points.push(made(1, 1, "base", 0.0, "water"));
    points.push(made(2, 1, "base", 0.0, "zeppelin"));
    index.upsert(points).await.unwrap();
    let hits = found(&index, Mode::Sparse, "water zeppelin", &["base"]).await;
    assert_eq!(hits[0], id(2), "{hits:?}");
    assert_eq!(hits.len(), 32);
    assert_eq!(
        found(&index, Mode::Sparse, "unheard of", &["base"]).await,
        []
    );
    // Stop words and endings do not matter.
    let hits = found(&index, Mode::Sparse, "the Zeppelins", &["base"]).await;
    assert_eq!(hits, ids(&[2]));
}

pub async fn fusion_brings_both_sides_together(index: Index) {
    index.upsert(the_points()).await.unwrap();
    for fusion in [Fusion::Rrf(2), Fusion::Rrf(60), Fusion::Dbsf] {
        let mode = Mode::Hybrid(fusion);
        // First by meaning and the only one by words.
        let hits = found(&index, mode, "stone", &["base"]).await;
        assert_eq!(hits[0], id(1), "{fusion:?}: {hits:?}");
        assert_eq!(hits.len(), 5, "{fusion:?}");
        // Words lift what is last by meaning above what has neither.
        let hits = found(&index, mode, "pump", &["base"]).await;
        let place = |number| hits.iter().position(|hit| *hit == id(number)).unwrap();
        assert!(place(5) < place(3), "{fusion:?}: {hits:?}");
        // No known word: meaning alone decides.
        let hits = found(&index, mode, "unheard", &["base"]).await;
        assert_eq!(hits, ids(&[1, 2, 3, 4, 5]), "{fusion:?}");
    }
}

pub async fn old_versions_go_and_newer_ones_stay(index: Index) {
    let points = [
        point(10, 1, "base"),
        point(11, 2, "base"),
        point(12, 3, "base"),
        point(20, 1, "base"),
    ];
    index.upsert(points.to_vec()).await.unwrap();
    index.delete_versions(&document(1), 2).await.unwrap();
    assert_eq!(index.ids(None, 9).await.unwrap(), ids(&[12, 20]));
    index.delete_versions(&document(1), 2).await.unwrap();
    index.delete_versions(&document(9), 9).await.unwrap();
    assert_eq!(index.ids(None, 9).await.unwrap(), ids(&[12, 20]));
    index.delete_versions(&document(1), 3).await.unwrap();
    assert_eq!(index.ids(None, 9).await.unwrap(), ids(&[20]));
}

pub async fn points_go_by_their_ids(index: Index) {
    index.upsert(the_points()).await.unwrap();
    index.delete(&ids(&[2, 4])).await.unwrap();
    assert_eq!(index.ids(None, 9).await.unwrap(), ids(&[1, 3, 5]));
    for mode in MODES {
        let hits = found(&index, mode, "garden", &["base"]).await;
        assert!(!hits.contains(&id(2)) && !hits.contains(&id(4)), "{mode:?}");
    }
    index.upsert(the_points()).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 5);
}

pub async fn what_is_not_there_is_deleted_without_harm(index: Index) {
    index.delete(&ids(&[1])).await.unwrap();
    index.delete_versions(&document(1), 1).await.unwrap();
    index.upsert(the_points()).await.unwrap();
    index.delete(&[]).await.unwrap();
    index.delete(&ids(&[77])).await.unwrap();
    index.delete_versions(&document(7), 99).await.unwrap();
    index.delete_versions(&document(0), 0).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 5);
}

pub async fn ids_come_in_order_page_by_page(index: Index) {
    let points = (0..1_200).rev().map(|number| point(number, 1, "base"));
    index.upsert(points.collect()).await.unwrap();
    let mut all: Vec<ChunkId> = vec![];
    loop {
        let page = index.ids(all.last(), 500).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 500);
        all.extend(page);
    }
    let expected: Vec<ChunkId> = (0..1_200).map(id).collect();
    assert_eq!(all, expected);
    // After one that is not there, the next one comes.
    index.delete(&ids(&[10, 11])).await.unwrap();
    let after = index.ids(Some(&id(10)), 2).await.unwrap();
    assert_eq!(after, ids(&[12, 13]));
    assert_eq!(index.count().await.unwrap(), 1_198);
    index.delete(&all).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
}

pub async fn what_is_much_is_found_after_it_was_settled(index: Index) {
    let model = point(1, 1, "much");
    let numbered = |number| IndexPoint {
        chunk_id: id(number),
        document_id: document(number),
        ..model.clone()
    };
    index.upsert(the_points()).await.unwrap();
    // Nothing is to be done for so few.
    index.settle().await.unwrap();
    index
        .upsert((1_000..12_000).map(numbered).collect())
        .await
        .unwrap();
    index.settle().await.unwrap();
    index.settle().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 11_005);
    let few = found(
        &index,
        Mode::Hybrid(Fusion::Dbsf),
        "water garden",
        &["base"],
    )
    .await;
    assert_eq!(few.len(), 5);
    // It can be written to as before.
    index
        .upsert((20_000..20_100).map(numbered).collect())
        .await
        .unwrap();
    index.delete(&[id(1_000), id(20_000)]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 11_103);
    index
        .delete_base(&KnowledgeBaseId("much".to_owned()))
        .await
        .unwrap();
    assert_eq!(index.count().await.unwrap(), 5);
}

pub async fn many_search_while_others_write(index: Index) {
    index.upsert(the_points()).await.unwrap();
    let writes = (1..=10).map(async |batch| {
        let first = batch * 1_000;
        let points = (first..first + 20).map(|number| point(number, 1, "other"));
        index.upsert(points.collect()).await.unwrap();
        index.delete(&ids(&[first])).await.unwrap();
    });
    let searches = (0..40).map(async |number| {
        let mode = MODES[number % MODES.len()];
        let hits = found(&index, mode, "water garden", &["base"]).await;
        assert!(hits.len() >= 4 && hits.len() <= 5, "{mode:?}: {hits:?}");
    });
    futures::join!(join_all(writes), join_all(searches));
    assert_eq!(index.count().await.unwrap(), 5 + 10 * 19);
    for mode in MODES {
        let hits = found(&index, mode, "water pump", &["other"]).await;
        assert_eq!(hits.len(), 100, "{mode:?}");
    }
}

/// Takes a point out and puts it in again; gives how many had gone.
pub async fn delete_and_restore(index: &dyn VectorIndex, number: u32) -> u64 {
    let before = index.count().await.unwrap();
    index.delete(&ids(&[number])).await.unwrap();
    let after = index.count().await.unwrap();
    index.upsert(vec![point(number, 1, "base")]).await.unwrap();
    before - after
}
