//! OpenAPI 3.1 documents, written from a service's table of routes: the methods
//! and paths come from the table, what a request carries from the types of the
//! handler's arguments, the shapes from the wire types. An [`Operation`] adds
//! what no type says.
//!
//! <https://spec.openapis.org/oas/v3.1.0.html>

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
};

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

mod inputs;
mod schemas;

pub use inputs::{Carried, Input, Inputs};
pub use schemas::Schemas;

/// A schema that is made when a document is written.
pub type Shape = fn(&mut Schemas) -> Value;

/// How a surface words its errors.
pub trait Dialect {
    /// The content type of their bodies.
    const MEDIA_TYPE: &'static str = "application/json";

    /// The schema of a body with this status.
    fn schema(schemas: &mut Schemas, status: u16) -> Value;
}

/// What may go wrong on any route: a fault of our own, or a part that is needed
/// can't be reached.
const ALWAYS: [u16; 2] = [500, 503];

/// What a route is told to be in the document. `S` is what inputs may ask for
/// how the service is set up.
#[derive(Clone)]
pub struct Operation<S> {
    tag: &'static str,
    summary: &'static str,
    media_type: &'static str,
    error: fn(&mut Schemas, u16) -> Value,
    inputs: Vec<fn(&mut Carried<'_>, &S)>,
    bodies: Vec<(&'static str, Shape)>,
    query: Vec<&'static str>,
    example: Option<Value>,
    answers: Vec<(u16, Option<(&'static str, Shape)>)>,
    fails: BTreeSet<u16>,
    settings: PhantomData<fn(&S)>,
}

impl<S> Operation<S> {
    /// A route of the surface `tag`, whose errors are worded as `D` does; the
    /// summary says in a few words what it is for.
    pub fn new<D: Dialect>(tag: &'static str, summary: &'static str) -> Self {
        Self {
            tag,
            summary,
            media_type: D::MEDIA_TYPE,
            error: D::schema,
            inputs: vec![],
            bodies: vec![],
            query: vec![],
            example: None,
            answers: vec![],
            fails: ALWAYS.into(),
            settings: PhantomData,
        }
    }

    /// It answers `T` as JSON, with this status.
    #[must_use]
    pub fn answers<T: JsonSchema>(self, status: u16) -> Self {
        self.answers_as(status, "application/json", Schemas::sent::<T>)
    }

    /// It answers a body of another kind than JSON of one type.
    #[must_use]
    pub fn answers_as(mut self, status: u16, media_type: &'static str, shape: Shape) -> Self {
        self.answers.push((status, Some((media_type, shape))));
        self
    }

    /// It answers this status without a body.
    #[must_use]
    pub fn answers_nothing(mut self, status: u16) -> Self {
        self.answers.push((status, None));
        self
    }

    /// It may fail with these statuses, beside those that follow from what a
    /// request carries.
    #[must_use]
    pub fn fails(mut self, statuses: &[u16]) -> Self {
        self.fails.extend(statuses);
        self
    }

    /// It takes a body that no argument of its handler tells of; said again,
    /// it takes that one too.
    #[must_use]
    pub fn takes(mut self, media_type: &'static str, shape: Shape) -> Self {
        self.bodies.push((media_type, shape));
        self
    }

    /// It reads these parameters of the query, of which no argument of its
    /// handler tells; each may be missing.
    #[must_use]
    pub fn reads(mut self, names: &[&'static str]) -> Self {
        self.query.extend(names);
        self
    }

    /// A body that can be sent.
    #[must_use]
    pub fn example(mut self, body: Value) -> Self {
        self.example = Some(body);
        self
    }

    /// The same, for a handler with these arguments.
    #[must_use]
    pub fn carrying<I: Inputs<S>>(mut self) -> Self {
        self.inputs.push(I::describe);
        self
    }
}

/// What a document says of the whole service.
pub struct About {
    /// The service's name.
    pub title: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its security schemes, by the names that inputs use.
    pub security_schemes: Value,
}

/// A document while it is written.
pub struct Writer<'a, S> {
    settings: &'a S,
    schemas: Schemas,
    paths: BTreeMap<String, Map<String, Value>>,
}

impl<'a, S> Writer<'a, S> {
    /// An empty document about a service that is set up like this.
    pub fn new(settings: &'a S) -> Self {
        Self {
            settings,
            schemas: Schemas::new(),
            paths: BTreeMap::new(),
        }
    }

    /// Writes down a route. Where several share a method and a path, the one
    /// that comes first is told, with the bodies and answers of all.
    pub fn add(&mut self, method: &Method, path: &str, operation: &Operation<S>) {
        let path = path.replace("{*", "{");
        let written = self.operation(method, &path, operation);
        let method = method.as_str().to_ascii_lowercase();
        let methods = self.paths.entry(path).or_default();
        match methods.get_mut(&method) {
            Some(first) => join(first, &written),
            None => {
                methods.insert(method, written);
            }
        }
    }

    fn operation(&mut self, method: &Method, path: &str, operation: &Operation<S>) -> Value {
        let mut carried = Carried::new(&mut self.schemas);
        for name in parameters_of(path) {
            carried.parameter(
                "path",
                name,
                true,
                json!({ "type": "string", "minLength": 1 }),
            );
        }
        for describe in &operation.inputs {
            describe(&mut carried, self.settings);
        }
        for name in &operation.query {
            carried.parameter("query", name, false, json!({ "type": "string" }));
        }
        for (media_type, shape) in &operation.bodies {
            let schema = shape(carried.schemas);
            carried.body(&[*media_type], &schema);
        }
        let carried = carried.finish(operation.example.as_ref());
        let mut written = json!({
            "tags": [operation.tag],
            "summary": operation.summary,
            "operationId": id_of(method, path),
        });
        for (name, field) in carried.fields {
            written[name] = field;
        }
        written["responses"] = self.responses(operation, &carried.statuses);
        written
    }

    fn responses(&mut self, operation: &Operation<S>, statuses: &BTreeSet<u16>) -> Value {
        let mut responses = Map::new();
        for status in operation.fails.union(statuses) {
            let schema = (operation.error)(&mut self.schemas, *status);
            let mut response = response(*status, Some((operation.media_type, schema)));
            if matches!(status, 429 | 503) {
                let header = json!({
                    "description": "Seconds after which the same request may succeed.",
                    "schema": { "type": "integer" },
                });
                response["headers"] = json!({ "Retry-After": header });
            }
            responses.insert(status.to_string(), response);
        }
        for (status, body) in &operation.answers {
            let body = body.map(|(kind, shape)| (kind, shape(&mut self.schemas)));
            let answer = response(*status, body);
            match responses.get_mut(&status.to_string()) {
                Some(known) => join_contents(known, &answer),
                None => {
                    responses.insert(status.to_string(), answer);
                }
            }
        }
        responses.sort_keys();
        Value::Object(responses)
    }

    /// The whole document.
    pub fn finish(self, about: &About) -> Value {
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": about.title,
                "version": about.version,
                "description": about.description,
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "servers": [{ "url": "/" }],
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.finish(),
                "securitySchemes": about.security_schemes,
            },
        })
    }
}

fn response(status: u16, body: Option<(&str, Value)>) -> Value {
    let phrase = StatusCode::from_u16(status).ok();
    let phrase = phrase.and_then(|status| status.canonical_reason());
    let mut response = json!({ "description": phrase.unwrap_or("Answer") });
    if let Some((media_type, schema)) = body {
        response["content"] = json!({ media_type: { "schema": schema } });
    }
    response
}

/// The names of a path's parameters.
fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    let parts = path.split('/');
    parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// What generated clients name the operation: `post_v1_conversations_id`.
fn id_of(method: &Method, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let method = method.as_str().to_ascii_lowercase();
    let id = words.fold(method, |id, word| format!("{id}_{word}"));
    if path == "/" { id + "_root" } else { id }
}

/// Adds what another route with the same method and path takes and answers.
fn join(first: &mut Value, other: &Value) {
    let contents = &other["requestBody"];
    if first.get("requestBody").is_some() && contents.is_object() {
        join_contents(&mut first["requestBody"], contents);
    }
    let answers = other["responses"].as_object().into_iter().flatten();
    for (status, answer) in answers {
        match first["responses"].get_mut(status) {
            Some(known) => join_contents(known, answer),
            None => first["responses"][status] = answer.clone(),
        }
    }
}

/// Lets a body be what it is in either of the two.
fn join_contents(known: &mut Value, other: &Value) {
    let contents = other["content"].as_object().into_iter().flatten();
    for (media_type, content) in contents {
        let schema = &content["schema"];
        let Some(known) = known["content"].get_mut(media_type) else {
            known["content"][media_type] = content.clone();
            continue;
        };
        let known = &mut known["schema"];
        if known == schema {
            continue;
        }
        match known.get_mut("anyOf").and_then(Value::as_array_mut) {
            Some(either) if either.contains(schema) => {}
            Some(either) => either.push(schema.clone()),
            None => *known = json!({ "anyOf": [known.take(), schema] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_by_their_methods_and_paths() {
        let named = |method: &Method, path| id_of(method, path);
        assert_eq!(named(&Method::GET, "/"), "get_root");
        let path = "/v1/knowledge-bases/{id}/shares/{user_id}";
        assert_eq!(
            named(&Method::PUT, path),
            "put_v1_knowledge_bases_id_shares_user_id"
        );
    }

    #[test]
    fn bodies_of_routes_with_one_path_are_told_together() {
        let body =
            |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
        let (text, object) = (json!({ "type": "string" }), json!({ "type": "object" }));
        let mut known = body(&text);
        join_contents(&mut known, &body(&object));
        join_contents(&mut known, &body(&object));
        assert_eq!(known, body(&json!({ "anyOf": [text, object] })));
    }
}
