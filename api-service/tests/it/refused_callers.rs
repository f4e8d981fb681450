//! Every route, asked for what is there by who may not ask: nobody, a key that
//! was not made for it, somebody who was disabled, and somebody who was deleted.

use api_service::{
    app::{
        add_document::Upload,
        ask::Asked,
        ports::{Page, PublishableKeyChange},
        view_document::LinkWanted,
    },
    domain::{
        answer::{AnswerEvent, Numbered},
        knowledge_base::{ShareRole, Visibility},
        principal::Principal,
        source::{SourceKind, SourceSettings},
    },
    http::{Route, VISITORS_ROUTES, routes},
};
use auth_service::{
    app::{
        api_keys::{KeyTerms, NewApiKey},
        client::Client,
        sessions::Opened,
    },
    domain::user::User,
};
use axum::http::{Request, request};
use futures::StreamExt;
use proto::{api_key::KeyScope, claims::Role};
use serde_json::{Value, json};

use crate::support::{
    self, TestApp, TestHome,
    accounts::{Both, Running, refused, within_a_second},
};

/// What Ada has, under the names that the parameters of paths have.
struct Things {
    knowledge_base: String,
    document: String,
    job: String,
    link: String,
    source: String,
    publishable_key: String,
    conversation: String,
    answer: String,
    friend: String,
}

impl Things {
    /// The path of the route with Ada's ids.
    fn path(&self, route: &Route) -> String {
        let mut names = route.path.split('/').filter_map(|name| match name {
            "documents" => Some(&self.document),
            "jobs" => Some(&self.job),
            "knowledge-bases" | "knowledge" | "models" => Some(&self.knowledge_base),
            "sources" => Some(&self.source),
            "publishable-keys" => Some(&self.publishable_key),
            "conversations" | "chat" => Some(&self.conversation),
            "messages" => Some(&self.answer),
            _ => None,
        });
        let id = names.next_back().map_or("no id", String::as_str);
        let path = route.path.replace("{id}", id);
        let path = path.replace("{session_id}", &self.conversation);
        let path = path.replace("{user_id}", &self.friend);
        let path = path.replace("{token}", &self.link);
        let path = path.replace("{*path}", "no-file.js");
        assert!(
            !path.contains('{'),
            "{path}: a parameter that is not known here"
        );
        path
    }

    /// A body and a query that name all that is Ada's.
    fn body(&self) -> Value {
        json!({"message": "vault?", "query": "vault", "text": "Changed.", "name": "Changed",
            "role": "editor", "title": "Changed", "rating": "up", "kind": "urls", "urls": [], "knowledge_base": self.knowledge_base})
    }
}

fn principal(user: &User) -> Principal {
    support::user(&user.id, Role::User)
}

/// Ada's document in a knowledge base that is shared with the friend as editor:
/// but for who they are, they could ask every route.
async fn things(app: &TestApp, ada: &Principal, friend: &User) -> Things {
    let made = app
        .app
        .create_knowledge_base(ada, "vaults", Visibility::Private, None);
    let base = made.await.unwrap().id.0;
    let shared = app.app.share(ada, &base, &friend.id, ShareRole::Editor);
    shared.await.unwrap();
    let upload = Upload {
        knowledge_base: Some(base.clone()),
        content: b"The vault opens at nine.".to_vec(),
        ..Upload::default()
    };
    let added = app.app.add_document(ada, upload).await.unwrap();
    let document = added.document;
    app.work().await;
    let settings = SourceSettings {
        kind: SourceKind::Urls,
        addresses: vec!["https://example.com/vault".to_owned()],
        include: vec![],
        exclude: vec![],
        every_seconds: 0,
    };
    let source = app.app.create_source(ada, Some(&base), settings);
    let source = source.await.unwrap().id.0;
    let terms = PublishableKeyChange {
        name: Some("Vaults".to_owned()),
        origins: Some(vec!["https://docs.example.com".to_owned()]),
        ..PublishableKeyChange::default()
    };
    let key = app.app.make_publishable_key(ada, &base, terms).await;
    let (friends, wanted) = (principal(friend), LinkWanted::default());
    let link = app.app.link_document(&friends, &document.id.0, &wanted);
    let asked = Asked {
        message: "vault?".to_owned(),
        ..Asked::default()
    };
    let mut events = app.app.ask(&friends, &asked).await.unwrap();
    let Some(Numbered {
        event:
            AnswerEvent::Started {
                conversation_id,
                message_id,
                ..
            },
        ..
    }) = events.next().await
    else {
        panic!("no answer begins");
    };
    while events.next().await.is_some() {}
    Things {
        conversation: conversation_id.0,
        answer: message_id,
        link: link.await.unwrap().token,
        knowledge_base: base,
        source,
        publishable_key: key.unwrap().id.0,
        document: document.id.0,
        job: document.job.id,
        friend: friend.id.clone(),
    }
}

/// What routes want of keys.
const SCOPES: [KeyScope; 4] = [
    KeyScope::Chat,
    KeyScope::Search,
    KeyScope::DocumentsRead,
    KeyScope::DocumentsWrite,
];

async fn key(auth: &Running, owner: &User, scopes: impl Iterator<Item = KeyScope>) -> String {
    let words = scopes.map(|scope| scope.as_str().to_owned());
    let new = NewApiKey {
        terms: KeyTerms {
            scopes: Some(words.collect()),
            ..KeyTerms::default()
        },
        ..NewApiKey::default()
    };
    let made = auth.app.make_api_key(owner, new, &Client::default()).await;
    made.unwrap().secret
}

/// Asks the route with Ada's ids everywhere, with these credentials.
async fn ask(app: &TestApp, things: &Things, route: &Route, credentials: &str) -> (u16, String) {
    let query = format!("?message=vault&knowledge_base={}", things.knowledge_base);
    let uri = format!("{}{query}", things.path(route));
    let mut asked: request::Builder = Request::builder().method(route.method.clone()).uri(uri);
    if !credentials.is_empty() {
        asked = asked.header("authorization", format!("Bearer {credentials}"));
    }
    let asked = asked.header("content-type", "application/json");
    let asked = asked.body(things.body().to_string().into()).unwrap();
    let (status, body) = app.ask(asked).await;
    assert!(
        !body.to_string().contains("vault"),
        "{}: {body}",
        route.path
    );
    let code = body["code"].as_str().unwrap_or_default();
    (status.as_u16(), code.to_owned())
}

/// Whether this is the refusal, on a surface whose errors have codes and on one
/// whose errors have none.
fn is_refusal((status, code): &(u16, String), wanted: u16, named: &str) -> bool {
    *status == wanted && (code.is_empty() || code == named)
}

fn is_for_visitors(route: &Route) -> bool {
    let mut listed = VISITORS_ROUTES.iter();
    listed.any(|(method, path)| *method == route.method.as_str() && *path == route.path)
}

/// All that Ada has, as she is told of it.
async fn adas(app: &TestApp, ada: &Principal, base: &str) -> String {
    let page = Page {
        after: String::new(),
        limit: 100,
    };
    let documents = app.app.list_documents(ada, None, &page).await.unwrap();
    let jobs = app.app.list_jobs(ada, &page).await.unwrap();
    let bases = app.app.knowledge_bases(ada).await.unwrap();
    let shares = app.app.shares(ada, base).await.unwrap();
    let sources = app.app.list_sources(ada, None, &page).await.unwrap();
    let keys = app.app.publishable_keys(ada).await.unwrap();
    let messages = app.count("SELECT COUNT(*) FROM messages").await;
    format!("{documents:?} {jobs:?} {bases:?} {shares:?} {sources:?} {keys:?} {messages}")
}

async fn signed_up(auth: &Running, name: &str) -> (Opened, String) {
    let opened = auth.sign_up(name).await;
    let token = auth.token(&opened);
    (opened, token)
}

#[tokio::test]
async fn no_route_does_anything_for_callers_who_are_refused() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let (auth, app) = (&both.auth, &both.app);
        let (ada, _) = signed_up(auth, "ada").await;
        let (disabled, disabled_token) = signed_up(auth, "ben").await;
        let (deleted, deleted_token) = signed_up(auth, "carl").await;
        let mine = principal(&ada.user);
        let things = things(app, &mine, &deleted.user).await;
        let also = app.app.share(
            &mine,
            &things.knowledge_base,
            &disabled.user.id,
            ShareRole::Editor,
        );
        also.await.unwrap();
        let keys = [
            key(auth, &disabled.user, SCOPES.into_iter()).await,
            key(auth, &deleted.user, SCOPES.into_iter()).await,
        ];
        auth.set_enabled(&disabled.user.id, false).await;
        auth.delete(&deleted.user.id).await;
        for token in [&disabled_token, &deleted_token] {
            within_a_second("the token is refused", || refused(app, token)).await;
        }
        let before = adas(app, &mine, &things.knowledge_base).await;
        let mut walked = 0;
        for route in &routes() {
            if route.scope.is_none() {
                // What they made, too, shows nothing any more.
                let told = ask(app, &things, route, "").await;
                let gone = ["invalid_link", "unknown_route"].map(|code| (404, code.to_owned()));
                assert!(
                    !route.path.contains('{') || gone.contains(&told),
                    "{}: {told:?}",
                    route.path
                );
                continue;
            }
            for (credentials, code) in [
                ("", "missing_token"),
                (&disabled_token, "invalid_token"),
                (&deleted_token, "invalid_token"),
                (&keys[0], "invalid_api_key"),
                (&keys[1], "invalid_api_key"),
            ] {
                if credentials.is_empty() && is_for_visitors(route) {
                    continue;
                }
                let told = ask(app, &things, route, credentials).await;
                assert!(is_refusal(&told, 401, code), "{}: {told:?}", route.path);
            }
            walked += 1;
        }
        assert!(walked >= 20, "only {walked} routes were walked");
        assert_eq!(adas(app, &mine, &things.knowledge_base).await, before);
        both.ears.cover().await;
    }
}

/// Her own key, for all but what the route is for, and her own ids.
#[tokio::test]
async fn no_route_does_anything_for_a_key_that_was_made_for_all_else() {
    let both = Both::on(TestHome::sqlite()).await;
    let (auth, app) = (&both.auth, &both.app);
    let (ada, _) = signed_up(auth, "ada").await;
    let (friend, _) = signed_up(auth, "ben").await;
    let mine = principal(&ada.user);
    let things = things(app, &mine, &friend.user).await;
    let before = adas(app, &mine, &things.knowledge_base).await;
    let mut keys = vec![];
    for lacking in SCOPES {
        let others = SCOPES.into_iter().filter(|scope| *scope != lacking);
        keys.push((lacking, key(auth, &ada.user, others).await));
    }
    for route in &routes() {
        let Some(scope) = route.scope else { continue };
        // What is for administrators alone, no key of hers has.
        let lacks =
            |(lacking, _): &&(KeyScope, String)| *lacking == scope || !scope.is_open_to(Role::User);
        let (_, key) = keys.iter().find(lacks).unwrap();
        let told = ask(app, &things, route, key).await;
        let refused = is_refusal(&told, 403, "missing_scope");
        assert!(refused, "{}: {told:?}", route.path);
    }
    assert_eq!(adas(app, &mine, &things.knowledge_base).await, before);
    both.ears.cover().await;
}
