//! Every route of every surface, asked with somebody else's ids, with a key that
//! is for little, and by somebody who was deleted.

use std::cell::Cell;

use auth_service::http::{WITHOUT_TOKEN, table};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

use crate::support::{TestApp, TestDatabase, from, json_request, sign_up_request};

/// Nobody's.
const NO_ID: &str = "018bcfe5-6800-7000-8000-00000000dead";

/// Somebody, and what they sign in with.
struct Person {
    id: String,
    access_token: String,
    /// What Better Auth's surface takes.
    session_token: String,
    key: String,
    /// The ids of all that is theirs.
    ids: Vec<String>,
}

/// What is shown with a request.
#[derive(Clone, Copy)]
enum Shown<'a> {
    Nothing,
    Session(&'a Person),
    KeyAsToken(&'a Person),
    Key(&'a Person),
}

struct Walk {
    app: TestApp,
    asked: Cell<u32>,
}

impl Walk {
    async fn on(home: TestDatabase) -> Self {
        Self {
            app: TestApp::on(home, &[]).await,
            asked: Cell::new(0),
        }
    }

    /// From an address of its own: what is limited here is not who may ask.
    async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let [_, high, middle, low] = number.to_be_bytes();
        let request = from(request, &format!("10.{high}.{middle}.{low}"));
        let (status, body) = self.app.ask(request).await;
        assert!(!status.is_server_error(), "{status} {body}");
        (status, body)
    }

    async fn ask(
        &self,
        route: (&Method, &str),
        body: &Value,
        shown: Shown<'_>,
    ) -> (StatusCode, Value) {
        let (method, path) = route;
        let mut request = json_request(method.as_str(), path, body);
        let (name, value) = match shown {
            Shown::Nothing => return self.answer(request).await,
            Shown::Session(person) if path.starts_with("/api/auth/") => {
                ("authorization", format!("Bearer {}", person.session_token))
            }
            Shown::Session(person) => ("authorization", format!("Bearer {}", person.access_token)),
            Shown::KeyAsToken(person) => ("authorization", format!("Bearer {}", person.key)),
            Shown::Key(person) => ("x-api-key", person.key.clone()),
        };
        request.headers_mut().insert(name, value.parse().unwrap());
        self.answer(request).await
    }

    async fn get(&self, path: &str, person: &Person) -> Value {
        let (status, body) = self
            .ask((&Method::GET, path), &json!({}), Shown::Session(person))
            .await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Somebody with two sessions, an account at a provider, and a key for chat.
    async fn person(&self, name: &str) -> Person {
        let (_, made) = self.answer(sign_up_request(name)).await;
        let text = |body: &Value, field: &str| body[field].as_str().unwrap().to_owned();
        let credentials =
            json!({"email": format!("{name}@example.com"), "password": "a long enough one"});
        let sign_in = json_request("POST", "/api/auth/sign-in/email", &credentials);
        let (_, session) = self.answer(sign_in).await;
        let mut person = Person {
            id: text(&made["user"], "id"),
            access_token: text(&made, "access_token"),
            session_token: text(&session, "token"),
            key: String::new(),
            ids: vec![],
        };
        let path = (&Method::POST, "/v1/api-keys");
        let (_, key) = self
            .ask(path, &json!({"scopes": ["chat"]}), Shown::Session(&person))
            .await;
        person.key = text(&key, "key");
        let linked = format!("linked-{name}");
        sqlx::query(
            "INSERT INTO linked_accounts (id, user_id, provider, provider_account_id, scopes, \
             created_at, updated_at) VALUES ($1, $2, 'github', $3, '', 0, 0)",
        )
        .bind(&linked)
        .bind(&person.id)
        .bind(format!("at-github-{name}"))
        .execute(&self.app.database.pool)
        .await
        .unwrap();
        let sessions = self.get("/v1/sessions", &person).await;
        let handles = self.get("/api/auth/list-sessions", &person).await;
        let sessions = sessions["sessions"].as_array().unwrap().iter();
        let handles = handles.as_array().unwrap().iter();
        let ids = sessions.map(|session| text(session, "id"));
        // One of the handles is the caller's own token, which nobody else has.
        let handles = handles.map(|session| text(session, "token"));
        let handles = handles.filter(|handle| *handle != person.session_token);
        let others = [person.id.clone(), text(&key, "id"), linked];
        person.ids = ids.chain(handles).chain(others).collect();
        assert!(person.ids.len() >= 5, "{:?}", person.ids);
        person
    }

    /// All that somebody has, as they are told of it.
    async fn all_of(&self, person: &Person) -> Vec<Value> {
        let mut all = vec![];
        for path in [
            "/v1/me",
            "/v1/sessions",
            "/v1/api-keys",
            "/api/auth/list-accounts",
            "/api/auth/list-sessions",
        ] {
            all.push(self.get(path, person).await);
        }
        all
    }

    async fn rows(&self) -> Vec<i64> {
        let mut rows = vec![];
        for query in [
            "SELECT COUNT(*) FROM users",
            "SELECT COUNT(*) FROM sessions",
            "SELECT COUNT(*) FROM api_keys",
            "SELECT COUNT(*) FROM linked_accounts",
        ] {
            let counted: (i64,) = sqlx::query_as(query)
                .fetch_one(&self.app.database.pool)
                .await
                .unwrap();
            rows.push(counted.0);
        }
        rows
    }
}

/// The path with `id` in the place of its parameters, and in its query.
fn with_id(path: &str, id: &str) -> String {
    let path = path.replace("{id}", id).replace("{token}", id);
    let path = path.replace("{provider}", "github");
    assert!(
        !path.contains('{'),
        "{path}: a parameter that is not known here"
    );
    format!("{path}?id={id}&accountId={id}&token={id}&userId={id}")
}

/// Bodies that name `id`, each as some routes take it.
fn bodies(method: &Method, id: &str) -> Vec<Value> {
    if *method == Method::GET {
        return vec![json!({})];
    }
    vec![
        json!({"name": "Changed"}),
        json!({"token": id}),
        json!({"keyId": id, "name": "changed", "userId": id}),
        json!({"accountId": id, "providerId": "github", "userId": id}),
        json!({"id": id, "user_id": id, "session_id": id, "enabled": false}),
        json!({"password": "a long enough one"}),
    ]
}

fn is_open(method: &Method, path: &str) -> bool {
    WITHOUT_TOKEN.contains(&(method.as_str(), path))
}

/// Nothing of Ada's is told or changed, and what is hers is no more there for
/// another than what is nobody's.
#[tokio::test]
async fn no_route_does_anything_with_the_ids_of_another() {
    for home in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
        let walk = Walk::on(home).await;
        let ada = walk.person("ada").await;
        let before = walk.all_of(&ada).await;
        let mut ben = walk.person("ben").await;
        for (number, (method, path)) in table().into_iter().enumerate() {
            // Whatever ends the session or the account gets a new one.
            if method != Method::GET {
                ben = walk.person(&format!("ben{number}")).await;
            }
            for id in &ada.ids {
                let hers = with_id(path, id);
                if path.contains("{id}") {
                    let (by_ben, body) = (Shown::Session(&ben), json!({"name": "Changed"}));
                    let answer = walk.ask((&method, &hers), &body, by_ben).await;
                    let nobodys = with_id(path, NO_ID);
                    let expected = walk.ask((&method, &nobodys), &body, by_ben).await;
                    assert!([403, 404].contains(&answer.0.as_u16()), "{method} {hers}");
                    assert_eq!(answer, expected, "{method} {hers}");
                }
                for body in bodies(&method, id) {
                    for shown in [Shown::Session(&ben), Shown::Nothing] {
                        let (_, told) = walk.ask((&method, &hers), &body, shown).await;
                        let told = told.to_string();
                        let hers = ada.ids.iter().any(|id| told.contains(id));
                        let hers = hers || told.contains("ada@example.com");
                        assert!(!hers, "{method} {path}: {told}");
                    }
                }
            }
        }
        assert_eq!(walk.all_of(&ada).await, before);
    }
}

/// Ada's own ids, and a key of hers that is for chat alone.
#[tokio::test]
async fn no_route_changes_anything_for_a_key() {
    let walk = Walk::on(TestDatabase::sqlite()).await;
    let ada = walk.person("ada").await;
    let before = walk.all_of(&ada).await;
    for (method, path) in table() {
        for id in &ada.ids {
            for body in bodies(&method, id) {
                for shown in [Shown::KeyAsToken(&ada), Shown::Key(&ada)] {
                    let hers = with_id(path, id);
                    let (status, told) = walk.ask((&method, &hers), &body, shown).await;
                    let refused = [401, 403].contains(&status.as_u16());
                    // Who the key is for may be asked with it.
                    let asks = method == Method::GET && path.ends_with("/me");
                    assert!(
                        refused || asks || is_open(&method, path),
                        "{method} {path}: {status} {told}"
                    );
                }
            }
        }
    }
    let mut after = walk.all_of(&ada).await;
    let mut expected = before;
    // But that it was used.
    for keys in [&mut after[2], &mut expected[2]] {
        for key in keys["api_keys"].as_array_mut().unwrap() {
            key["request_count"].take();
            key["last_used_at"].take();
        }
    }
    assert_eq!(after, expected);
}

#[tokio::test]
async fn no_route_knows_a_deleted_user() {
    for home in [TestDatabase::sqlite(), TestDatabase::postgres().await] {
        let walk = Walk::on(home).await;
        let carl = walk.person("carl").await;
        let password = json!({"password": "a long enough one"});
        let (status, body) = walk
            .ask(
                (&Method::DELETE, "/v1/me"),
                &password,
                Shown::Session(&carl),
            )
            .await;
        assert!(status.is_success(), "{body}");
        let before = walk.rows().await;
        for (method, path) in table() {
            let his = with_id(path, &carl.id);
            for shown in [
                Shown::Session(&carl),
                Shown::KeyAsToken(&carl),
                Shown::Key(&carl),
            ] {
                for body in bodies(&method, &carl.id) {
                    let (status, told) = walk.ask((&method, &his), &body, shown).await;
                    let refused = [401, 403].contains(&status.as_u16());
                    assert!(
                        refused || is_open(&method, path),
                        "{method} {path}: {status} {told}"
                    );
                    assert!(!told.to_string().contains("carl@"), "{path}: {told}");
                }
            }
        }
        assert_eq!(walk.rows().await, before);
    }
}
