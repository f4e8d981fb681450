//! What is: a whole api-service, where deeds are done and looks are taken
//! through the router, and the model beside it.

use std::collections::{BTreeMap, BTreeSet};

use api_service::{
    app::ports::AccountStore,
    domain::{
        account::{AccountEvent, Happening},
        knowledge_base::Visibility,
        principal::UserId,
    },
};
use serde_json::{Value, json};

use super::{
    Deed, Kind, PEOPLE, Wish,
    model::{Base, Document, Link, Model, Name},
};
use crate::support::{NOON, TestApp, TestHome, json_request, plain_request, user_id};

/// How many sources an answer has at most.
const SOURCES: usize = 6;

pub struct World {
    app: TestApp,
    model: Model,
    /// Counts deeds, so that texts and names differ.
    number: u32,
}

fn text_of(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// The fields of this name in a list.
fn each(list: &Value, field: &str) -> BTreeSet<String> {
    let list = list.as_array().unwrap();
    list.iter().map(|entry| text_of(entry, field)).collect()
}

impl World {
    pub async fn new(home: TestHome) -> Self {
        Self {
            app: TestApp::on(home).await,
            model: Model::default(),
            number: 0,
        }
    }

    async fn get(&self, who: Name, path: &str) -> (u16, Value) {
        let asked = plain_request(who, &format!("GET {path}"));
        let (status, body) = self.app.ask(asked).await;
        (status.as_u16(), body)
    }

    async fn send(&self, who: Name, line: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.app.ask(json_request(who, line, body)).await;
        (status.as_u16(), body)
    }

    /// Does what is wished, if there is anything to do it with; the service must
    /// answer as the model does.
    pub async fn grant(&mut self, wish: &Wish) {
        self.number += 1;
        let Some(deed) = self.deed(wish) else { return };
        let expected = self.model.expect(&deed);
        let (status, body) = self.does(&deed).await;
        assert_eq!(status, expected, "{deed:?}: {body}");
        if expected < 300 {
            self.model.follow(&deed);
            self.note(deed, &body);
        }
        self.app.work().await;
    }

    fn deed(&self, wish: &Wish) -> Option<Deed> {
        let choices = self.model.choices(wish.kind);
        let mut deed = Deed {
            kind: wish.kind,
            who: wish.whom,
            whom: wish.whom,
            what: (choices > 0).then(|| wish.what.index(choices))?,
            visibility: wish.visibility,
            role: wish.role,
            text: format!("The kettle number {} is red.", self.number),
        };
        match wish.kind {
            // Somebody has to be left who manages what is public.
            Kind::Delete if wish.whom == "admin" => return None,
            // The same name again would be another document.
            Kind::Replace if self.model.documents[deed.what].removed => return None,
            Kind::Delete => {}
            Kind::Make | Kind::Link => deed.who = wish.who.unwrap_or(wish.whom),
            _ => deed.who = wish.who.unwrap_or_else(|| self.model.keeper(&deed)),
        }
        Some(deed)
    }

    async fn does(&self, deed: &Deed) -> (u16, Value) {
        let base = self.model.bases.get(deed.what);
        let base = base.map_or("", |base| base.id.as_str());
        let document = self.model.documents.get(deed.what);
        let id = document.map_or("", |document| document.id.as_str());
        let (bases, share) = ("/v1/knowledge-bases", user_id(deed.whom));
        let visibility = deed.visibility.as_str();
        let upload = |base: &str, name: &str| json!({"text": deed.text, "knowledge_base": base, "external_id": name});
        let (line, body) = match deed.kind {
            Kind::Delete => return self.delete(deed.who).await,
            Kind::Make => {
                let name = format!("base {}", self.number);
                let body = json!({"name": name, "visibility": visibility});
                (format!("POST {bases}"), body)
            }
            Kind::Show => (
                format!("PATCH {bases}/{base}"),
                json!({"visibility": visibility}),
            ),
            Kind::Share => (
                format!("PUT {bases}/{base}/shares/{share}"),
                json!({"role": deed.role.as_str()}),
            ),
            Kind::Unshare => (format!("DELETE {bases}/{base}/shares/{share}"), json!({})),
            Kind::Drop => (format!("DELETE {bases}/{base}"), json!({})),
            Kind::Add => (
                "POST /v1/documents".to_owned(),
                upload(base, &self.number.to_string()),
            ),
            Kind::Replace => {
                let document = document.unwrap();
                let body = upload(&document.base, &document.name);
                ("POST /v1/documents".to_owned(), body)
            }
            Kind::Remove => (format!("DELETE /v1/documents/{id}"), json!({})),
            Kind::Link => (format!("POST /v1/documents/{id}/links"), json!({})),
        };
        self.send(deed.who, &line, &body).await
    }

    /// As auth-service tells it, and as far as it goes.
    async fn delete(&self, who: Name) -> (u16, Value) {
        let event = AccountEvent {
            number: i64::from(self.number),
            at: NOON,
            user: UserId(user_id(who)),
            happening: Happening::Deleted,
        };
        self.app.store.apply(&[event], NOON).await.unwrap();
        self.app.app.follower().await.unwrap();
        self.app.app.erase_due().await.unwrap();
        (200, json!({}))
    }

    /// Takes what is new by a deed into the model.
    fn note(&mut self, deed: Deed, body: &Value) {
        match deed.kind {
            Kind::Make => self.model.bases.push(Base {
                id: text_of(body, "id"),
                owner: Some(deed.who).filter(|_| deed.visibility != Visibility::Public),
                visibility: deed.visibility,
                shares: BTreeMap::new(),
            }),
            Kind::Add => self.model.documents.push(Document {
                id: text_of(body, "id"),
                job: text_of(&body["job"], "id"),
                name: self.number.to_string(),
                base: text_of(&body["knowledge_base"], "id"),
                version: 1,
                text: deed.text,
                removed: false,
            }),
            Kind::Replace => {
                let document = &mut self.model.documents[deed.what];
                assert_eq!(document.id, text_of(body, "id"));
                document.job = text_of(&body["job"], "id");
            }
            Kind::Link => self.model.links.push(Link {
                url: text_of(body, "url"),
                maker: deed.who,
                document: deed.what,
                version: self.model.documents[deed.what].version,
            }),
            _ => {}
        }
    }

    /// Everyone looks at everything.
    pub async fn look(&self) {
        for who in PEOPLE {
            if self.model.deleted.contains(who) {
                let (status, body) = self.get(who, "/v1/documents").await;
                assert_eq!(status, 401, "{who}: {body}");
                continue;
            }
            self.look_at_lists(who).await;
            self.look_for_everything(who).await;
            for base in &self.model.bases {
                self.look_into(who, base).await;
            }
            for document in &self.model.documents {
                self.look_at(who, document).await;
            }
        }
        for link in &self.model.links {
            let told = self.get("", &link.url).await;
            match self.model.shown_by(link) {
                Some(text) => assert_eq!(told, (200, json!(text)), "{link:?}"),
                None => assert_eq!(
                    (told.0, &told.1["code"]),
                    (404, &json!("invalid_link")),
                    "{link:?}"
                ),
            }
        }
    }

    fn seen(&self, who: Name, field: fn(&Document) -> &String) -> BTreeSet<String> {
        self.model.seen_by(who).map(field).cloned().collect()
    }

    async fn look_at_lists(&self, who: Name) {
        let (_, list) = self.get(who, "/v1/documents?limit=100").await;
        let seen = self.seen(who, |document| &document.id);
        assert_eq!(each(&list["documents"], "id"), seen, "{who}");
        let (_, list) = self.get(who, "/v1/jobs?limit=100").await;
        let listed = each(&list["jobs"], "document_id");
        assert_eq!(listed, seen, "{who}");
        let (_, list) = self.get(who, "/v1/knowledge-bases").await;
        let list = list["knowledge_bases"].as_array().unwrap().iter();
        let told: BTreeSet<_> = list
            .map(|base| (text_of(base, "id"), text_of(base, "access")))
            .collect();
        let bases = self.model.bases.iter();
        let access = bases.filter_map(|base| Some((base, self.model.access(who, base)?)));
        let access = access.map(|(base, access)| (base.id.clone(), access.as_str().to_owned()));
        assert_eq!(told, access.collect(), "{who}");
    }

    async fn look_for_everything(&self, who: Name) {
        let search = json!({"query": "Which kettle is red?", "limit": 100});
        let (_, found) = self.send(who, "POST /v1/search", &search).await;
        let texts = self.seen(who, |document| &document.text);
        assert_eq!(each(&found["results"], "text"), texts, "{who}");
        let asked = json!({"message": "Which kettle is red?"});
        let (_, answer) = self.send(who, "POST /v1/chat", &asked).await;
        let sources = each(&answer["sources"], "text");
        assert!(sources.is_subset(&texts), "{who}: {answer}");
        assert_eq!(sources.len(), texts.len().min(SOURCES), "{who}: {answer}");
        let hidden = self.model.documents.iter();
        let mut hidden = hidden.filter(|document| !texts.contains(&document.text));
        let told = hidden.find(|document| answer.to_string().contains(&document.text));
        assert!(told.is_none(), "{who}: {answer}");
        // What they were told is theirs alone.
        let goes_on = json!({"message": "Which?", "conversation_id": answer["conversation_id"]});
        for other in PEOPLE.into_iter().filter(|other| *other != who) {
            let (status, body) = self.send(other, "POST /v1/chat", &goes_on).await;
            assert!([401, 404].contains(&status), "{other}: {body}");
        }
        self.look_at_exports(who, &answer).await;
    }

    /// An export has what its owner was told, and nothing that another was.
    async fn look_at_exports(&self, who: Name, answer: &Value) {
        for other in PEOPLE {
            let (status, body) = self.get(other, "/v1/conversations/export").await;
            let expected = if self.model.deleted.contains(other) {
                401
            } else {
                200
            };
            assert_eq!(status, expected, "{other}: {body}");
            // A single line is JSON as a whole.
            let lines = body
                .as_str()
                .map_or_else(|| body.to_string(), str::to_owned);
            let mut lines = lines
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let told = lines.find(|line| line["id"] == answer["conversation_id"]);
            let sources = told.map(|told| each(&told["messages"][1]["sources"], "text"));
            let own = (other == who).then(|| each(&answer["sources"], "text"));
            assert_eq!(sources, own, "{other}");
        }
    }

    async fn look_into(&self, who: Name, base: &Base) {
        let search = json!({"query": "kettle", "limit": 100, "knowledge_base": base.id});
        let (status, found) = self.send(who, "POST /v1/search", &search).await;
        if self.model.access(who, base).is_none() {
            assert_eq!(status, 404, "{who}: {found}");
            return;
        }
        let inside = self.model.seen_by(who).filter(|one| one.base == base.id);
        let inside: BTreeSet<_> = inside.map(|document| document.text.clone()).collect();
        assert_eq!(each(&found["results"], "text"), inside, "{who}");
    }

    async fn look_at(&self, who: Name, document: &Document) {
        let Document { id, job, text, .. } = document;
        let seen = self.model.sees(who, document);
        let expected = if seen { 200 } else { 404 };
        for path in [
            format!("/v1/documents/{id}"),
            format!("/v1/documents/{id}/chunks"),
            format!("/v1/documents/{id}/content"),
            format!("/v1/jobs/{job}"),
            format!("/v1/jobs/{job}/events"),
        ] {
            let (status, body) = self.get(who, &path).await;
            assert_eq!(status, expected, "{who} {path}: {body}");
            let tells = path.ends_with("/chunks") || path.ends_with("/content");
            let told = body.to_string().contains(text.as_str());
            assert_eq!(told, seen && tells, "{who} {path}: {body}");
        }
    }
}
