//! The log of interactions: for administrators, and without anybody's name.

use std::collections::BTreeMap;

use api_service::{
    app::ports::{AnswerStore, ConversationStore, Ended, InteractionStore, Unrecorded},
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind, Evidence, TokenUsage},
        conversation::{Answered, ConversationId, Feedback, NewAnswer, Opening, Rating},
        document::DocumentId,
        interaction::{
            AskedTexts, CitedDocument, Grounds, Interaction, LoggedAnswer, Timings, Window,
        },
        knowledge_base::KnowledgeBase,
    },
};

use super::{Shelf, document, id, on_both_engines, scope};
use crate::support::NOON;

on_both_engines!(
    interactions_come_back_newest_first,
    nobody_else_sees_interactions,
    texts_go_with_their_conversation,
    old_interactions_are_forgotten,
    documents_are_counted_where_they_may_be_read,
    an_answer_that_is_not_kept_is_not_logged,
);

/// The interaction of the answer that is `number + 2`, asked at `NOON + number`.
fn interaction(number: u32, question: &str) -> Interaction {
    Interaction {
        answer_id: id(number + 2),
        asked_at: NOON + i64::from(number),
        texts: Some(AskedTexts {
            conversation_id: ConversationId(id(number)),
            question: question.to_owned(),
            rewritten: None,
        }),
        kind: AnswerKind::Generated,
        broken: None,
        grounds: Grounds {
            sources: 3,
            best_score: 0.5,
            cited: 2,
            unsupported: 1,
            documents: BTreeMap::new(),
        },
        timings: Timings {
            rewrite: Some(1),
            retrieve: 20,
            first_word: Some(300),
            total: 4_000,
        },
        model: Some("model".to_owned()),
        usage: TokenUsage {
            prompt: 70,
            completion: 7,
        },
    }
}

fn logged(interaction: &Interaction, question: Option<&str>) -> LoggedAnswer {
    LoggedAnswer {
        asked_at: interaction.asked_at,
        question: question.map(str::to_owned),
        kind: interaction.kind,
        broken: interaction.broken.is_some(),
        timings: interaction.timings,
        model: interaction.model.clone(),
        usage: interaction.usage,
        rating: None,
    }
}

/// Ada asks in a conversation of its own, and what is logged of it is this.
async fn logs(shelf: &Shelf, number: u32, interaction: &Interaction) {
    let ada = scope("ada");
    let opening = Opening {
        conversation_id: ConversationId(id(number)),
        begins: Some("Title".to_owned()),
        replaces: None,
        question_id: id(number + 1),
        question: Some("?".to_owned()),
        documents: vec![],
        answer_id: interaction.answer_id.clone(),
        retention: 50,
    };
    assert!(shelf.store.open(&ada, &opening, NOON).await.unwrap());
    end(shelf, &opening, interaction).await;
}

async fn end(shelf: &Shelf, opening: &Opening, interaction: &Interaction) {
    let answered = Answered {
        kind: interaction.kind,
        broken: None,
        model: None,
        usage: TokenUsage::default(),
        sources: vec![],
        evidence: Evidence::default(),
        feedback: None,
    };
    let ended = Ended {
        answer: Some(NewAnswer {
            id: opening.answer_id.clone(),
            conversation_id: opening.conversation_id.clone(),
            content: "!".to_owned(),
            answered,
        }),
        interaction: Some(interaction.clone()),
        settled: None,
        last: Unrecorded {
            answer_id: opening.answer_id.clone(),
            first: 1,
            events: vec![AnswerEvent::Completed(Answer {
                kind: interaction.kind,
                text: "!".to_owned(),
                sources: [].into(),
                evidence: Evidence::default(),
                model: None,
                usage: TokenUsage::default(),
                processing_time_ms: 0,
            })],
        },
    };
    shelf.store.close(&scope("ada"), ended, NOON).await.unwrap();
}

/// From the interaction with the number `from` to before the one of `to`.
fn window(from: i64, to: i64, base: Option<&KnowledgeBase>) -> Window {
    Window {
        from: NOON + from,
        to: NOON + to,
        knowledge_base: base.map(|base| base.id.clone()),
    }
}

async fn seen(shelf: &Shelf, window: &Window, limit: usize) -> Vec<LoggedAnswer> {
    let admin = scope("admin");
    let seen = shelf.store.logged_answers(&admin, window, limit);
    seen.await.unwrap()
}

async fn interactions_come_back_newest_first(shelf: Shelf) {
    let first = interaction(10, "what? 李");
    let mut second = interaction(20, "and?");
    second.texts.as_mut().unwrap().rewritten = Some("what and?".to_owned());
    second.usage.prompt = u64::MAX;
    let third = Interaction {
        texts: None,
        kind: AnswerKind::NothingFound,
        broken: Some("stopped"),
        timings: Timings {
            rewrite: None,
            first_word: None,
            ..first.timings
        },
        model: None,
        ..interaction(30, "")
    };
    let long = "é".repeat(8_000);
    let fourth = interaction(40, &long);
    for (number, one) in [(10, &first), (20, &second), (30, &third), (40, &fourth)] {
        logs(&shelf, number, one).await;
    }
    let thought = Feedback {
        rating: Rating::Down,
        reason: "wrong".to_owned(),
    };
    let ada = scope("ada");
    let rated = shelf
        .store
        .rate(&ada, &first.answer_id, Some(&thought), NOON);
    assert!(rated.await.unwrap());
    let mut first = logged(&first, Some("what? 李"));
    first.rating = Some(Rating::Down);
    second.usage.prompt = u64::from(u32::MAX);
    let expected = [
        logged(&fourth, Some(&long[..400])),
        logged(&third, None),
        logged(&second, Some("what and?")),
        first,
    ];
    assert_eq!(seen(&shelf, &window(10, 41, None), 9).await, expected);
    assert_eq!(seen(&shelf, &window(10, 41, None), 1).await, expected[..1]);
    assert_eq!(seen(&shelf, &window(11, 40, None), 9).await, expected[1..3]);
}

async fn nobody_else_sees_interactions(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(2, &base, "text")).await;
    let mut mine = interaction(10, "mine?");
    mine.grounds.documents.insert(DocumentId(id(2)), true);
    logs(&shelf, 10, &mine).await;
    for name in ["ada", "ben"] {
        let (other, all) = (scope(name), window(0, 99, None));
        let seen = shelf.store.logged_answers(&other, &all, 9).await;
        assert_eq!(seen.unwrap(), []);
        let cited = shelf.store.cited_documents(&other, &all, 9).await;
        assert_eq!(cited.unwrap(), []);
    }
    assert_eq!(seen(&shelf, &window(0, 99, None), 9).await.len(), 1);
}

async fn texts_go_with_their_conversation(shelf: Shelf) {
    let (first, second) = (interaction(10, "one?"), interaction(20, "two?"));
    logs(&shelf, 10, &first).await;
    logs(&shelf, 20, &second).await;
    let gone = ConversationId(id(10));
    let deleted = shelf.store.delete(&scope("ada"), &gone).await;
    assert!(deleted.unwrap());
    let all = window(0, 99, None);
    let expected = [logged(&second, Some("two?")), logged(&first, None)];
    assert_eq!(seen(&shelf, &all, 9).await, expected);
    let texts = "SELECT COUNT(*) FROM interaction_texts";
    assert_eq!(shelf.count(texts).await, 1);
}

async fn old_interactions_are_forgotten(shelf: Shelf) {
    let base = shelf.base(1, "", "book").await;
    shelf.put(document(2, &base, "text")).await;
    for number in [10, 20, 30] {
        let mut one = interaction(number, "what?");
        one.grounds.documents.insert(DocumentId(id(2)), true);
        logs(&shelf, number, &one).await;
    }
    let forgotten = shelf.store.forget_interactions(NOON + 20, NOON + 30);
    forgotten.await.unwrap();
    let (second, third) = (interaction(20, ""), interaction(30, ""));
    let expected = [logged(&third, Some("what?")), logged(&second, None)];
    assert_eq!(seen(&shelf, &window(0, 99, None), 9).await, expected);
    for (count, left) in [
        ("SELECT COUNT(*) FROM interaction_texts", 1),
        ("SELECT COUNT(*) FROM interaction_sources", 2),
        // The conversations are their owner's.
        ("SELECT COUNT(*) FROM messages", 6),
    ] {
        assert_eq!(shelf.count(count).await, left, "{count}");
    }
}

async fn documents_are_counted_where_they_may_be_read(shelf: Shelf) {
    let book = shelf.base(1, "", "book").await;
    let notes = shelf.base(2, "ada", "notes").await;
    for (number, base) in [(3, &book), (4, &book), (5, &notes)] {
        shelf.put(document(number, base, "text")).await;
    }
    for (number, documents) in [
        (10, vec![(3, false), (4, true), (5, true)]),
        (20, vec![(3, false), (4, true)]),
        // The last one is gone by now.
        (30, vec![(5, true), (77, true)]),
    ] {
        let mut one = interaction(number, "?");
        let documents = documents.into_iter();
        one.grounds.documents = documents
            .map(|(number, cited)| (DocumentId(id(number)), cited))
            .collect();
        logs(&shelf, number, &one).await;
    }
    let counted = |number: u32, cited, found| CitedDocument {
        id: DocumentId(id(number)),
        title: format!("folder/{number}.md"),
        path: format!("folder/{number}.md"),
        knowledge_base: "book".to_owned(),
        cited,
        found,
    };
    let cited = async |window: Window, limit| {
        let admin = scope("admin");
        let cited = shelf.store.cited_documents(&admin, &window, limit);
        cited.await.unwrap()
    };
    let both = [counted(4, 2, 2), counted(3, 0, 2)];
    assert_eq!(cited(window(0, 99, None), 9).await, both);
    assert_eq!(cited(window(0, 99, Some(&book)), 1).await, both[..1]);
    let one = [counted(4, 1, 1), counted(3, 0, 1)];
    assert_eq!(cited(window(20, 99, None), 9).await, one);
    assert_eq!(cited(window(0, 99, Some(&notes)), 9).await, []);
    // Answers are counted where they rest on a base.
    for (base, numbers) in [(&book, vec![20, 10]), (&notes, vec![30, 10])] {
        let answers = seen(&shelf, &window(0, 99, Some(base)), 9).await;
        let numbers: Vec<i64> = numbers.into_iter().map(|number| NOON + number).collect();
        let asked: Vec<i64> = answers.iter().map(|one| one.asked_at).collect();
        assert_eq!(asked, numbers, "{}", base.name);
    }
}

async fn an_answer_that_is_not_kept_is_not_logged(shelf: Shelf) {
    let (ada, one) = (scope("ada"), interaction(10, "?"));
    let opening = Opening {
        conversation_id: ConversationId(id(10)),
        begins: Some("Title".to_owned()),
        replaces: None,
        question_id: id(11),
        question: Some("?".to_owned()),
        documents: vec![],
        answer_id: id(12),
        retention: 50,
    };
    assert!(shelf.store.open(&ada, &opening, NOON).await.unwrap());
    let conversation = &opening.conversation_id;
    assert!(shelf.store.delete(&ada, conversation).await.unwrap());
    end(&shelf, &opening, &one).await;
    assert_eq!(seen(&shelf, &window(0, 99, None), 9).await, []);
}
