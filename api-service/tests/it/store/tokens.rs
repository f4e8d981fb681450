//! The tokens that language models used.

use api_service::{
    app::ports::{AccountStore, AnswerStore, Ended, Settled, TokenStore, Unrecorded},
    domain::{
        account::{AccountEvent, Happening},
        answer::TokenUsage,
        principal::UserId,
        token_budget::{Day, Spent},
    },
};

use super::{Shelf, id, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    what_is_used_takes_the_place_of_what_was_reserved,
    those_who_ask_at_once_see_each_other,
    what_is_not_reserved_is_counted_too,
    old_days_are_forgotten,
    what_an_answer_used_counts_where_its_place_is_gone,
    a_deleted_user_has_used_nothing,
);

const TODAY: Day = Day(20_758);

const fn settled(reserved: u64, prompt: u64, completion: u64) -> Settled {
    Settled {
        day: TODAY,
        reserved,
        used: TokenUsage { prompt, completion },
    }
}

const fn spent(prompt: u64, completion: u64, reserved: u64, answers: u64) -> Spent {
    Spent {
        used: TokenUsage { prompt, completion },
        reserved,
        answers,
    }
}

async fn what_is_used_takes_the_place_of_what_was_reserved(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    let reserved = store.reserve_tokens(&ada, TODAY, 40, 100).await.unwrap();
    assert_eq!(reserved, Some(spent(0, 0, 40, 0)));
    let reserved = store.reserve_tokens(&ada, TODAY, 40, 100).await.unwrap();
    assert_eq!(reserved, Some(spent(0, 0, 80, 0)));
    store.settle_tokens(&ada, settled(40, 50, 5)).await.unwrap();
    // Nothing was used after all.
    store.settle_tokens(&ada, settled(40, 0, 0)).await.unwrap();
    let now = store.spent_tokens(&ada, TODAY).await.unwrap();
    assert_eq!(now, spent(50, 5, 0, 1));
    // The last answer may go beyond the limit; then there is no other.
    let last = store.reserve_tokens(&ada, TODAY, 70, 100).await.unwrap();
    assert_eq!(last, Some(spent(50, 5, 70, 1)));
    let refused = store.reserve_tokens(&ada, TODAY, 1, 100).await.unwrap();
    assert_eq!(refused, None);
    // Not for others, nor on other days.
    let ben = store.reserve_tokens(&scope("ben"), TODAY, 40, 100).await;
    assert_eq!(ben.unwrap(), Some(spent(0, 0, 40, 0)));
    let tomorrow = Day(TODAY.0 + 1);
    let later = store.reserve_tokens(&ada, tomorrow, 40, 100).await.unwrap();
    assert_eq!(later, Some(spent(0, 0, 40, 0)));
}

async fn those_who_ask_at_once_see_each_other(shelf: Shelf) {
    let asked = (0..8).map(|_| {
        let store = shelf.store.clone();
        async move {
            let reserved = store.reserve_tokens(&scope("ada"), TODAY, 40, 100).await;
            reserved.unwrap()
        }
    });
    let reserved = futures::future::join_all(asked).await;
    assert_eq!(reserved.into_iter().flatten().count(), 3);
}

async fn what_is_not_reserved_is_counted_too(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    for _ in 0..2 {
        store.settle_tokens(&ada, settled(0, 7, 1)).await.unwrap();
    }
    // As much as a provider could say.
    let most = settled(0, u64::MAX, u64::MAX);
    store.settle_tokens(&ada, most).await.unwrap();
    let most = u64::from(u32::MAX);
    assert_eq!(
        store.spent_tokens(&ada, TODAY).await.unwrap(),
        spent(most + 14, most + 2, 0, 3)
    );
}

async fn old_days_are_forgotten(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    for day in [TODAY, TODAY.before(1)] {
        let settled = Settled {
            day,
            ..settled(0, 7, 1)
        };
        store.settle_tokens(&ada, settled).await.unwrap();
    }
    store.forget_tokens(TODAY).await.unwrap();
    assert_eq!(shelf.count("SELECT COUNT(*) FROM token_usage").await, 1);
    let now = store.spent_tokens(&ada, TODAY).await.unwrap();
    assert_eq!(now, spent(7, 1, 0, 1));
}

async fn what_an_answer_used_counts_where_its_place_is_gone(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    store.reserve_tokens(&ada, TODAY, 40, 100).await.unwrap();
    let ended = Ended {
        answer: None,
        interaction: None,
        settled: Some(settled(40, 50, 5)),
        last: Unrecorded {
            answer_id: id(1),
            first: 1,
            events: vec![],
        },
    };
    store.close(&ada, ended, NOON).await.unwrap();
    let now = store.spent_tokens(&ada, TODAY).await.unwrap();
    assert_eq!(now, spent(50, 5, 0, 1));
}

async fn a_deleted_user_has_used_nothing(shelf: Shelf) {
    let (store, ada) = (&shelf.store, scope("ada"));
    store.reserve_tokens(&ada, TODAY, 40, 100).await.unwrap();
    let deleted = AccountEvent {
        number: 1,
        at: NOON,
        user: UserId(user_id("ada")),
        happening: Happening::Deleted,
    };
    store.apply(&[deleted], NOON).await.unwrap();
    while store.erase_some(&UserId(user_id("ada"))).await.unwrap() {}
    // What was under way does not bring it back.
    store.settle_tokens(&ada, settled(40, 50, 5)).await.unwrap();
    let reserved = store.reserve_tokens(&ada, TODAY, 40, 100).await.unwrap();
    assert_eq!(reserved, None);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM token_usage").await, 0);
}
