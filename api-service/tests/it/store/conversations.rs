//! Conversations: kept for their owner, in order.

use api_service::{
    app::ports::ConversationStore,
    domain::{
        answer::{Citation, Evidence},
        chunk::{ChunkId, Passage},
        conversation::{ConversationId, NewMessage, Speaker, Turn},
        document::DocumentId,
    },
};

use super::{Shelf, id, on_both_engines, scope};
use crate::support::NOON;

on_both_engines!(
    turns_come_back_in_order_and_the_last_ones,
    another_owner_neither_reads_nor_adds,
    sources_are_kept_as_they_stood,
    what_sentences_rest_on_is_kept_for_the_owner,
);

fn message(number: u32, speaker: Speaker, content: &str) -> NewMessage {
    NewMessage {
        id: id(number),
        speaker,
        content: content.to_owned(),
        complete: true,
        sources: vec![],
        evidence: Evidence::default(),
    }
}

async fn begun(shelf: &Shelf) -> ConversationId {
    let conversation = ConversationId(id(1));
    let ada = scope("ada");
    let begun = shelf.store.begin(&ada, &conversation, "Title ü", NOON);
    begun.await.unwrap();
    conversation
}

async fn turns_come_back_in_order_and_the_last_ones(shelf: Shelf) {
    let (conversation, ada) = (begun(&shelf).await, scope("ada"));
    let contents = ["one 李\n\n", "two 👩🏽‍🚀", "three", "four"];
    for (number, content) in (10..).zip(contents) {
        let speaker = if number % 2 == 0 {
            Speaker::User
        } else {
            Speaker::Assistant
        };
        let message = message(number, speaker, content);
        // All in one millisecond: then the ids tell the order.
        let added = shelf.store.add(&ada, &conversation, message, NOON);
        added.await.unwrap();
    }
    let turns = shelf.store.last_turns(&ada, &conversation, 9);
    let turns = turns.await.unwrap().unwrap();
    let said: Vec<&str> = turns.iter().map(|turn| turn.content.as_str()).collect();
    assert_eq!(said, contents);
    let last = shelf.store.last_turns(&ada, &conversation, 2);
    let expected = [
        Turn {
            speaker: Speaker::User,
            content: "three".to_owned(),
        },
        Turn {
            speaker: Speaker::Assistant,
            content: "four".to_owned(),
        },
    ];
    assert_eq!(last.await.unwrap().unwrap(), expected);
}

async fn another_owner_neither_reads_nor_adds(shelf: Shelf) {
    let (conversation, ada) = (begun(&shelf).await, scope("ada"));
    for name in ["ben", "admin"] {
        let other = scope(name);
        let turns = shelf.store.last_turns(&other, &conversation, 9);
        assert_eq!(turns.await.unwrap(), None);
        let message = message(10, Speaker::User, "not mine");
        // It is as if the conversation had gone: nothing is added.
        let added = shelf.store.add(&other, &conversation, message, NOON);
        added.await.unwrap();
    }
    assert_eq!(shelf.count("SELECT COUNT(*) FROM messages").await, 0);
    let turns = shelf.store.last_turns(&ada, &conversation, 9);
    assert_eq!(turns.await.unwrap(), Some(vec![]));
    let nowhere = ConversationId(id(2));
    let turns = shelf.store.last_turns(&ada, &nowhere, 9).await;
    assert_eq!(turns.unwrap(), None);
}

fn source() -> Passage {
    Passage {
        chunk_id: ChunkId(id(20)),
        document_id: DocumentId(id(21)),
        external_id: "x".to_owned(),
        title: "Title".to_owned(),
        path: "a/b.md".to_owned(),
        heading: "One › Two".to_owned(),
        text: "The text.".to_owned(),
        span: 3..12,
        page: Some(4),
        score: 0.625,
    }
}

async fn sources_are_kept_as_they_stood(shelf: Shelf) {
    let (conversation, ada) = (begun(&shelf).await, scope("ada"));
    let source = source();
    let answer = NewMessage {
        complete: false,
        sources: vec![source.clone(), source],
        ..message(10, Speaker::Assistant, "half an")
    };
    let added = shelf.store.add(&ada, &conversation, answer, NOON);
    added.await.unwrap();
    let kept: (i64, i64, String, i64, f64) = sqlx::query_as(
        "SELECT m.complete, s.number, s.heading, s.page, s.score FROM messages m \
         JOIN message_sources s ON s.message_id = m.id ORDER BY s.number DESC LIMIT 1",
    )
    .fetch_one(&shelf.database.pool)
    .await
    .unwrap();
    assert_eq!(kept, (0, 2, "One › Two".to_owned(), 4, 0.625));
}

async fn what_sentences_rest_on_is_kept_for_the_owner(shelf: Shelf) {
    let (conversation, ada) = (begun(&shelf).await, scope("ada"));
    let citation = |number: usize, sentence: std::ops::Range<usize>| Citation {
        number,
        sentence,
        span: 4..8,
        quote: "“text” 李".to_owned(),
        support: 0.125,
        supported: number == 2,
    };
    let evidence = Evidence {
        citations: vec![citation(2, 0..5), citation(1, 0..5), citation(2, 6..9)],
        unsupported: vec![6..9, 10..14],
    };
    let answer = NewMessage {
        sources: vec![source(), source()],
        evidence: evidence.clone(),
        ..message(10, Speaker::Assistant, "One. Two.")
    };
    let added = shelf.store.add(&ada, &conversation, answer, NOON);
    added.await.unwrap();
    let kept = shelf.store.evidence(&ada, &id(10)).await.unwrap();
    assert_eq!(kept, Some(evidence));
    for (owner, message) in [("ben", 10), ("admin", 10), ("ada", 11)] {
        let kept = shelf.store.evidence(&scope(owner), &id(message)).await;
        assert_eq!(kept.unwrap(), None, "{owner}");
    }
    let by_chunk = "SELECT COUNT(*) FROM message_citations c JOIN message_sources s \
                    ON s.message_id = c.message_id AND s.number = c.number \
                    AND s.chunk_id = c.chunk_id AND s.document_id = c.document_id";
    assert_eq!(shelf.count(by_chunk).await, 3);
}
