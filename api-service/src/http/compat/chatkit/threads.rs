//! Looking at threads and their items, renaming and deleting threads, and
//! feedback.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    error::ChatKitError,
    request::wire::{FeedbackKind, ItemsBody, PageBody, ThreadsBody},
    wire::{ItemWire, PageWire, ThreadWire},
};
use crate::{
    app::{conversations::Whole, error::Error, ports::Page},
    domain::{
        conversation::{Conversation, Rating},
        principal::Principal,
    },
    http::HttpState,
};

pub(super) async fn threads(
    state: &HttpState,
    caller: &Principal,
    asked: ThreadsBody,
) -> Result<Response, ChatKitError> {
    Ok(match asked {
        ThreadsBody::GetById { thread_id } => {
            let page = PageBody::first();
            let (conversation, items) = page_of(state, caller, &thread_id, &page).await?;
            Json(ThreadWire::new(conversation, items)).into_response()
        }
        ThreadsBody::List(page) => Json(list(state, caller, &page).await?).into_response(),
        ThreadsBody::Update { thread_id, title } => {
            let renamed = state.app.rename_conversation(caller, &thread_id, &title);
            Json(without_items(renamed.await?)).into_response()
        }
        ThreadsBody::Delete { thread_id } => {
            state.app.delete_conversation(caller, &thread_id).await?;
            done()
        }
    })
}

pub(super) async fn items(
    state: &HttpState,
    caller: &Principal,
    asked: ItemsBody,
) -> Result<Response, ChatKitError> {
    Ok(match asked {
        ItemsBody::List { thread_id, page } => {
            let (_, items) = page_of(state, caller, &thread_id, &page).await?;
            Json(items).into_response()
        }
        ItemsBody::Feedback { item_ids, kind } => {
            let rating = match kind {
                FeedbackKind::Positive => Rating::Up,
                FeedbackKind::Negative => Rating::Down,
            };
            state.app.rate_answers(caller, &item_ids, rating).await?;
            done()
        }
    })
}

/// What says that something was done.
pub(super) fn done() -> Response {
    Json(json!({})).into_response()
}

fn without_items(conversation: Conversation) -> ThreadWire {
    ThreadWire::new(conversation, PageWire::empty())
}

/// What is asked for of a page: one thing more than it has, which tells whether
/// there is a next one.
fn looked_for(page: &PageBody) -> Page {
    Page {
        after: page.after(),
        limit: page.size() + 1,
    }
}

async fn list(
    state: &HttpState,
    caller: &Principal,
    page: &PageBody,
) -> Result<PageWire<ThreadWire>, Error> {
    let wanted = looked_for(page);
    let found = state.app.conversations_by(caller, &wanted, page.order());
    let threads = found.await?.into_iter().map(without_items).collect();
    Ok(PageWire::new(threads, page.size(), |thread| &thread.id))
}

async fn page_of(
    state: &HttpState,
    caller: &Principal,
    thread: &str,
    page: &PageBody,
) -> Result<(Conversation, PageWire<ItemWire>), Error> {
    let (wanted, order) = (looked_for(page), page.order());
    let whole = state.app.conversation_by(caller, thread, &wanted, order);
    let (conversation, messages): Whole = whole.await?;
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        let files = state.app.attached_to(caller, &message).await?;
        items.push(ItemWire::kept(thread, message, &files));
    }
    let page = PageWire::new(items, page.size(), |item| &item.id);
    Ok((conversation, page))
}
