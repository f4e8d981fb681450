//! Conversations and answers: kept for their owner, in order.

use api_service::{
    app::ports::{AnswerStore, ConversationStore, Due, Ended, Order, Page, Unrecorded},
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind, Citation, Evidence, TokenUsage},
        chunk::{ChunkId, Passage},
        conversation::{
            Answered, ConversationId, Feedback, Message, NewAnswer, Opening, Rating, Replaced,
            Speaker, Turn,
        },
        document::DocumentId,
    },
};

use super::{Shelf, id, on_both_engines, scope};
use crate::support::NOON;

on_both_engines!(
    turns_come_back_in_order_and_the_last_ones,
    another_owner_sees_and_changes_nothing,
    an_answer_is_kept_as_it_stood,
    events_come_back_as_they_were_told,
    what_was_replaced_is_gone_from_view,
    the_oldest_conversations_go,
    conversations_are_found_by_their_words,
    an_answer_that_nobody_makes_any_more_is_ended,
    an_answer_stops_for_whoever_asks,
);

const PAGE: Page = Page::first();
const NEWEST: Order = Order::NewestFirst;
const OLDEST: Order = Order::OldestFirst;

/// What a conversation of Ada's holds.
async fn held(shelf: &Shelf, id: &ConversationId) -> Vec<Message> {
    let (ada, store) = (scope("ada"), &shelf.store);
    store.messages(&ada, id, &PAGE, OLDEST).await.unwrap()
}

/// The conversation with number `number`, which begins with a question that is
/// `number + 1` and whose answer will be `number + 2`.
fn opening(number: u32, question: &str) -> Opening {
    Opening {
        conversation_id: ConversationId(id(number)),
        begins: Some(format!("Title ü {number}")),
        replaces: None,
        question_id: id(number + 1),
        question: Some(question.to_owned()),
        documents: vec![],
        answer_id: id(number + 2),
        retention: 3,
    }
}

/// A further question of the first conversation.
fn further(number: u32, question: &str) -> Opening {
    Opening {
        conversation_id: ConversationId(id(10)),
        begins: None,
        ..opening(number, question)
    }
}

fn answer(opening: &Opening, content: &str) -> NewAnswer {
    NewAnswer {
        id: opening.answer_id.clone(),
        conversation_id: opening.conversation_id.clone(),
        content: content.to_owned(),
        answered: Answered {
            kind: AnswerKind::Generated,
            broken: None,
            model: Some("model".to_owned()),
            usage: TokenUsage {
                prompt: 7,
                completion: 3,
            },
            sources: vec![],
            evidence: Evidence::default(),
            feedback: None,
        },
    }
}

fn events(opening: &Opening, first: usize, events: Vec<AnswerEvent>) -> Unrecorded {
    Unrecorded {
        answer_id: opening.answer_id.clone(),
        first,
        events,
    }
}

fn ended(answer: Option<NewAnswer>, last: Unrecorded) -> Ended {
    Ended {
        answer,
        interaction: None,
        settled: None,
        last,
    }
}

fn delta(text: &str) -> AnswerEvent {
    AnswerEvent::Delta(text.to_owned())
}

/// Asks and answers at a time.
async fn said(shelf: &Shelf, opening: &Opening, content: &str, now: i64) {
    let ada = scope("ada");
    assert!(shelf.store.open(&ada, opening, now).await.unwrap());
    let ended = ended(
        Some(answer(opening, content)),
        events(opening, 1, vec![delta(content)]),
    );
    shelf.store.close(&ada, ended, now).await.unwrap();
}

async fn contents(shelf: &Shelf, before: Option<&str>, limit: usize) -> Vec<String> {
    let (ada, id) = (scope("ada"), ConversationId(id(10)));
    let turns = shelf.store.last_turns(&ada, &id, before, limit);
    let turns = turns.await.unwrap().unwrap();
    turns.into_iter().map(|turn| turn.content).collect()
}

async fn turns_come_back_in_order_and_the_last_ones(shelf: Shelf) {
    // All in one millisecond: then the ids tell the order.
    said(&shelf, &opening(10, "one 李\n\n"), "two 👩🏽‍🚀", NOON).await;
    said(&shelf, &further(20, "three"), "four", NOON).await;
    let all = ["one 李\n\n", "two 👩🏽‍🚀", "three", "four"];
    assert_eq!(contents(&shelf, None, 9).await, all);
    assert_eq!(contents(&shelf, Some(&id(21)), 9).await, all[..2]);
    let (ada, first) = (scope("ada"), ConversationId(id(10)));
    let last = shelf.store.last_turns(&ada, &first, None, 2);
    let expected = [(Speaker::User, "three"), (Speaker::Assistant, "four")];
    let expected = expected.map(|(speaker, content)| Turn {
        speaker,
        content: content.to_owned(),
    });
    assert_eq!(last.await.unwrap().unwrap(), expected);
    let at = async |place| shelf.store.question_at(&ada, &first, place).await.unwrap();
    let found = [at(0).await, at(2).await, at(3).await];
    assert_eq!(found, [None, Some(id(21)), None]);
}

async fn another_owner_sees_and_changes_nothing(shelf: Shelf) {
    let (first, feedback) = (
        opening(10, "mine"),
        Feedback {
            rating: Rating::Up,
            reason: String::new(),
        },
    );
    said(&shelf, &first, "yours", NOON).await;
    let under_way = further(20, "more");
    assert!(
        shelf
            .store
            .open(&scope("ada"), &under_way, NOON)
            .await
            .unwrap()
    );
    let conversation = &first.conversation_id;
    for name in ["ben", "admin"] {
        let (other, store) = (scope(name), &shelf.store);
        let turns = store.last_turns(&other, conversation, None, 9);
        assert_eq!(turns.await.unwrap(), None);
        assert_eq!(store.list(&other, None, &PAGE, NEWEST).await.unwrap(), []);
        let found = store.conversation(&other, conversation).await;
        assert_eq!(found.unwrap(), None);
        let messages = store.messages(&other, conversation, &PAGE, OLDEST).await;
        assert_eq!(messages.unwrap(), []);
        assert_eq!(store.asked_before(&other, &id(12)).await.unwrap(), None);
        let question = store.question_at(&other, conversation, 1).await;
        assert_eq!(question.unwrap(), None);
        assert!(!store.rename(&other, conversation, "x").await.unwrap());
        assert!(!store.delete(&other, conversation).await.unwrap());
        assert_eq!(store.delete_all(&other).await.unwrap(), 0);
        let rated = store.rate(&other, &id(12), Some(&feedback), NOON).await;
        assert!(!rated.unwrap());
        assert!(
            !store
                .open(&other, &further(30, "not mine"), NOON)
                .await
                .unwrap()
        );
        let answer = Some(answer(&under_way, "not mine"));
        let ended = ended(answer, events(&under_way, 1, vec![]));
        store.close(&other, ended, NOON).await.unwrap();
        let recorded = store.recorded(&other, &id(12), 0, NOON).await.unwrap();
        assert_eq!(recorded, None);
        assert_eq!(store.under_way(&other, conversation).await.unwrap(), None);
        assert!(!store.ask_to_stop(&other, &id(22)).await.unwrap());
    }
    assert_eq!(contents(&shelf, None, 9).await, ["mine", "yours", "more"]);
    let mine = shelf.store.under_way(&scope("ada"), conversation).await;
    assert_eq!(mine.unwrap(), Some(id(22)));
}

fn source() -> Passage {
    Passage {
        chunk_id: ChunkId(id(90)),
        document_id: DocumentId(id(91)),
        external_id: String::new(),
        title: "Title".to_owned(),
        path: "a/b.md".to_owned(),
        heading: "One › Two".to_owned(),
        text: "The text.".to_owned(),
        span: 3..12,
        page: Some(4),
        ordinal: None,
        score: 0.625,
    }
}

fn citation(number: usize, sentence: std::ops::Range<usize>) -> Citation {
    Citation {
        number,
        sentence,
        span: 4..8,
        quote: "“text” 李".to_owned(),
        support: 0.125,
        supported: number == 2,
    }
}

async fn an_answer_is_kept_as_it_stood(shelf: Shelf) {
    let (ada, first) = (scope("ada"), opening(10, "what?"));
    assert!(shelf.store.open(&ada, &first, NOON).await.unwrap());
    let mut half = answer(&first, "half an");
    half.answered.broken = Some("stopped".to_owned());
    half.answered.sources = vec![source(), source()];
    half.answered.evidence = Evidence {
        citations: vec![citation(2, 0..4), citation(1, 0..4), citation(2, 5..7)],
        unsupported: vec![5..7, 8..9],
    };
    let whole = ended(Some(half.clone()), events(&first, 1, vec![]));
    shelf.store.close(&ada, whole, NOON + 5).await.unwrap();
    let feedback = Feedback {
        rating: Rating::Down,
        reason: "too short ✂".to_owned(),
    };
    let rated = shelf
        .store
        .rate(&ada, &first.answer_id, Some(&feedback), NOON);
    assert!(rated.await.unwrap());
    // A question is not rated.
    let rated = shelf
        .store
        .rate(&ada, &first.question_id, Some(&feedback), NOON);
    assert!(!rated.await.unwrap());
    let messages = held(&shelf, &first.conversation_id).await;
    assert_eq!((messages.len(), &messages[0].answer), (2, &None));
    let kept = &messages[1];
    assert_eq!(
        (kept.content.as_str(), kept.created_at),
        ("half an", NOON + 5)
    );
    half.answered.feedback = Some(feedback);
    assert_eq!(kept.answer, Some(half.answered));
    assert!(
        shelf
            .store
            .rate(&ada, &first.answer_id, None, NOON)
            .await
            .unwrap()
    );
    assert_eq!(
        shelf.count("SELECT COUNT(*) FROM message_feedback").await,
        0
    );
}

/// Every kind of event of an answer.
fn every_event(first: &Opening) -> Vec<AnswerEvent> {
    let citation = citation(1, 0..4);
    let usage = TokenUsage {
        prompt: 1,
        completion: 2,
    };
    vec![
        AnswerEvent::Started {
            conversation_id: first.conversation_id.clone(),
            question_id: first.question_id.clone(),
            message_id: first.answer_id.clone(),
        },
        AnswerEvent::Retrieval {
            queries: vec!["what? 李".to_owned()],
            sources: [source()].into(),
        },
        delta("one\n"),
        AnswerEvent::Citation(citation.clone()),
        AnswerEvent::Usage(usage),
        AnswerEvent::Notice {
            code: "model_unavailable",
            message: "m".to_owned(),
        },
        AnswerEvent::Completed(Answer {
            kind: AnswerKind::Generated,
            text: "one\n".to_owned(),
            sources: [source()].into(),
            evidence: Evidence {
                citations: vec![citation],
                unsupported: vec![1..2, 3..4],
            },
            model: Some("m".to_owned()),
            usage,
            processing_time_ms: 7,
        }),
    ]
}

async fn events_come_back_as_they_were_told(shelf: Shelf) {
    let (ada, first) = (scope("ada"), opening(10, "what?"));
    assert!(shelf.store.open(&ada, &first, NOON).await.unwrap());
    let all = every_event(&first);
    let store = &shelf.store;
    for (place, part) in [(0, &all[..2]), (2, &all[2..5])] {
        let unrecorded = events(&first, place + 1, part.to_vec());
        let stopped = store.record(vec![unrecorded], NOON + 9).await.unwrap();
        assert_eq!(stopped, Vec::<String>::new());
    }
    let half = store.recorded(&ada, &first.answer_id, 3, NOON + 11).await;
    let half = half.unwrap().unwrap();
    let numbers: Vec<usize> = half.events.iter().map(|event| event.number).collect();
    assert_eq!((numbers, half.alive_at), (vec![4, 5], Some(NOON + 9)));
    assert!(
        store
            .is_listened_to(&first.answer_id, NOON + 11)
            .await
            .unwrap()
    );
    assert!(
        !store
            .is_listened_to(&first.answer_id, NOON + 12)
            .await
            .unwrap()
    );
    let last = events(&first, 6, all[5..].to_vec());
    let once = ended(None, last.clone());
    store.close(&ada, once, NOON).await.unwrap();
    // A second end changes nothing.
    let twice = ended(Some(answer(&first, "x")), last);
    store.close(&ada, twice, NOON).await.unwrap();
    let recorded = store.recorded(&ada, &first.answer_id, 0, NOON).await;
    let recorded = recorded.unwrap().unwrap();
    let told: Vec<AnswerEvent> = recorded.events.into_iter().map(|told| told.event).collect();
    assert_eq!((told, recorded.alive_at), (all, None));
}

async fn what_was_replaced_is_gone_from_view(shelf: Shelf) {
    said(&shelf, &opening(10, "one"), "two", NOON).await;
    said(&shelf, &further(20, "three"), "four", NOON).await;
    let ada = scope("ada");
    let asked = shelf
        .store
        .asked_before(&ada, &id(22))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (asked.question_id, asked.question),
        (id(21), "three".to_owned())
    );
    // The answer again.
    let again = Opening {
        replaces: Some(Replaced::After(id(21))),
        question: None,
        ..further(30, "")
    };
    said(&shelf, &again, "four again", NOON).await;
    let expected = ["one", "two", "three", "four again"];
    assert_eq!(contents(&shelf, None, 9).await, expected);
    assert_eq!(shelf.store.asked_before(&ada, &id(22)).await.unwrap(), None);
    // Another first question.
    let edited = Opening {
        replaces: Some(Replaced::From(id(11))),
        ..further(40, "uno")
    };
    said(&shelf, &edited, "due", NOON).await;
    assert_eq!(contents(&shelf, None, 9).await, ["uno", "due"]);
    let first = ConversationId(id(10));
    assert_eq!(held(&shelf, &first).await.len(), 2);
}

async fn the_oldest_conversations_go(shelf: Shelf) {
    for (at, number) in (0..).zip([10, 20, 30, 40, 50]) {
        said(&shelf, &opening(number, "one"), "two", NOON + at).await;
    }
    let ada = scope("ada");
    let listed = shelf.store.list(&ada, None, &PAGE, NEWEST).await.unwrap();
    let ids: Vec<String> = listed.into_iter().map(|one| one.id.0).collect();
    assert_eq!(ids, [id(50), id(40), id(30)]);
    let next = Page {
        after: id(50),
        limit: 1,
    };
    let listed = shelf.store.list(&ada, None, &next, NEWEST).await.unwrap();
    assert_eq!(listed[0].title, "Title ü 40");
    let listed = shelf.store.list(&ada, None, &next, OLDEST).await;
    assert_eq!(listed.unwrap(), []);
    assert!(
        shelf
            .store
            .delete(&ada, &ConversationId(id(40)))
            .await
            .unwrap()
    );
    assert_eq!(shelf.store.delete_all(&ada).await.unwrap(), 2);
    for count in [
        "SELECT COUNT(*) FROM messages",
        "SELECT COUNT(*) FROM answers",
        "SELECT COUNT(*) FROM answer_events",
    ] {
        assert_eq!(shelf.count(count).await, 0, "{count}");
    }
}

async fn conversations_are_found_by_their_words(shelf: Shelf) {
    said(
        &shelf,
        &opening(10, "The ROBOT moves 100% of_it"),
        "yes!",
        NOON,
    )
    .await;
    said(&shelf, &opening(20, "The sea"), "Deep 李.", NOON + 1).await;
    let ada = scope("ada");
    for (words, expected) in [
        ("robot", vec![id(10)]),
        ("100%", vec![id(10)]),
        ("0%o", vec![]),
        ("of_it", vec![id(10)]),
        ("ofxit", vec![]),
        ("yes!", vec![id(10)]),
        ("李", vec![id(20)]),
        ("title", vec![id(20), id(10)]),
        ("the", vec![id(20), id(10)]),
    ] {
        let found = shelf
            .store
            .list(&ada, Some(words), &PAGE, NEWEST)
            .await
            .unwrap();
        let ids: Vec<String> = found.into_iter().map(|one| one.id.0).collect();
        assert_eq!(ids, expected, "{words}");
    }
}

async fn an_answer_that_nobody_makes_any_more_is_ended(shelf: Shelf) {
    let (ada, first, second) = (scope("ada"), opening(10, "a?"), opening(20, "b?"));
    let store = &shelf.store;
    for opening in [&first, &second] {
        assert!(store.open(&ada, opening, NOON).await.unwrap());
    }
    let said = events(&first, 1, vec![delta("half "), delta("a word")]);
    store.record(vec![said], NOON).await.unwrap();
    store.tidy_up(due(NOON, NOON - 1)).await.unwrap();
    let still = store
        .recorded(&ada, &first.answer_id, 2, NOON)
        .await
        .unwrap();
    assert_eq!(still.unwrap().alive_at, Some(NOON));
    store.tidy_up(due(NOON + 1, NOON - 1)).await.unwrap();
    let ended = store
        .recorded(&ada, &first.answer_id, 2, NOON)
        .await
        .unwrap();
    let ended = ended.unwrap();
    assert_eq!((ended.alive_at, ended.events[0].number), (None, 3));
    assert_eq!(ended.events[0].event, AnswerEvent::interrupted());
    let messages = held(&shelf, &first.conversation_id).await;
    let kept = messages[1].answer.as_ref().unwrap();
    assert_eq!(messages[1].content, "half a word");
    assert_eq!(kept.broken.as_deref(), Some("interrupted"));
    // There was no word of the other one.
    assert_eq!(held(&shelf, &second.conversation_id).await.len(), 1);
    // Its maker was not dead after all: too late.
    let late = store.record(vec![events(&first, 3, vec![delta("!")])], NOON);
    assert_eq!(late.await.unwrap(), std::slice::from_ref(&first.answer_id));
    store.tidy_up(due(NOON - 1, NOON + 1)).await.unwrap();
    let gone = store.recorded(&ada, &first.answer_id, 0, NOON).await;
    assert_eq!(gone.unwrap(), None);
}

async fn an_answer_stops_for_whoever_asks(shelf: Shelf) {
    let (ada, first, store) = (scope("ada"), opening(10, "a?"), &shelf.store);
    assert!(store.open(&ada, &first, NOON).await.unwrap());
    assert!(store.ask_to_stop(&ada, &first.answer_id).await.unwrap());
    let told = store.record(vec![events(&first, 1, vec![delta("x")])], NOON);
    assert_eq!(told.await.unwrap(), std::slice::from_ref(&first.answer_id));
}

fn due(silent_since: i64, over_since: i64) -> Due {
    Due {
        silent_since,
        over_since,
        visited_before: NOON,
    }
}
