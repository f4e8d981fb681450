//! What a request carries, told by the types of a handler's arguments.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, RawForm, Request, State},
    http::HeaderMap,
};
use serde_json::{Map, Value, json};

use super::Schemas;

/// What is known so far of what a request carries.
pub struct Carried<'a> {
    /// The schemas of the document.
    pub schemas: &'a mut Schemas,
    parameters: Vec<Value>,
    body: Map<String, Value>,
    security: Vec<Value>,
    statuses: BTreeSet<u16>,
}

/// What came of a handler's arguments.
pub(super) struct Told {
    /// The fields of the operation.
    pub fields: Map<String, Value>,
    /// The statuses with which an argument may be refused.
    pub statuses: BTreeSet<u16>,
}

impl<'a> Carried<'a> {
    pub(super) fn new(schemas: &'a mut Schemas) -> Self {
        Self {
            schemas,
            parameters: vec![],
            body: Map::new(),
            security: vec![],
            statuses: BTreeSet::new(),
        }
    }

    /// A body of one of these content types.
    pub fn body(&mut self, media_types: &[&str], schema: &Value) {
        for media_type in media_types {
            let content = json!({ "schema": schema });
            self.body.insert((*media_type).to_owned(), content);
        }
    }

    /// The properties of an object, as parameters of the query. There is no
    /// null in a query, and no list or object.
    pub fn query(&mut self, object: &Value) {
        let required = object["required"].as_array().cloned().unwrap_or_default();
        let properties = object["properties"].as_object().into_iter().flatten();
        for (name, schema) in properties {
            let is_required = required.contains(&json!(name));
            let schema = without_null(schema);
            if self.schemas.is_scalar(&schema) {
                self.parameter("query", name, is_required, schema);
            }
        }
    }

    /// A parameter of the path, the query or the headers.
    pub fn parameter(&mut self, place: &str, name: &str, required: bool, mut schema: Value) {
        let description = schema.as_object_mut();
        let description = description.and_then(|schema| schema.remove("description"));
        let mut parameter = json!({
            "name": name, "in": place, "required": required, "schema": schema,
        });
        if let Some(description) = description {
            parameter["description"] = description;
        }
        self.parameters.push(parameter);
    }

    /// Credentials, in one of these ways.
    pub fn credentials(&mut self, schemes: &[&str]) {
        let ways = schemes.iter().map(|scheme| json!({ *scheme: [] }));
        self.security = ways.collect();
    }

    /// Credentials, in one of these ways or none.
    pub fn optional_credentials(&mut self, schemes: &[&str]) {
        self.credentials(schemes);
        self.security.push(json!({}));
    }

    /// What a refusal may have for its status.
    pub fn may_fail(&mut self, statuses: &[u16]) {
        self.statuses.extend(statuses);
    }

    pub(super) fn finish(mut self, example: Option<&Value>) -> Told {
        let mut fields = Map::new();
        if !self.security.is_empty() {
            fields.insert("security".to_owned(), self.security.into());
        }
        if !self.parameters.is_empty() {
            fields.insert("parameters".to_owned(), self.parameters.into());
        }
        if let Some(example) = example {
            for content in self.body.values_mut() {
                content["example"] = example.clone();
            }
        }
        if !self.body.is_empty() {
            let body = json!({ "required": true, "content": self.body });
            fields.insert("requestBody".to_owned(), body);
        }
        Told {
            fields,
            statuses: self.statuses,
        }
    }
}

/// The same schema without null.
fn without_null(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            schema["type"] = only.clone();
        }
    }
    if let Some(either) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        either.retain(|schema| schema["type"] != "null");
        if let [only] = &either[..] {
            return only.clone();
        }
    }
    schema
}

/// An argument of handlers. `S` is how the service is set up.
pub trait Input<S> {
    /// Says what a request carries for it; nothing, where it says nothing.
    fn describe(_: &mut Carried<'_>, _: &S) {}
}

impl<S, T> Input<S> for State<T> {}
impl<S, T> Input<S> for Extension<T> {}
impl<S> Input<S> for HeaderMap {}
impl<S> Input<S> for Bytes {}
impl<S> Input<S> for Request {}
impl<S> Input<S> for RawForm {}
/// The parameters are told by the route's path.
impl<S, T> Input<S> for Path<T> {}
/// What a handler looks at itself if it can't be read refuses nothing.
impl<S, T, E> Input<S> for Result<T, E> {}
impl<S, T: Input<S>> Input<S> for Arc<T> {
    fn describe(carried: &mut Carried<'_>, settings: &S) {
        T::describe(carried, settings);
    }
}

/// The arguments of a handler, as axum's `Handler` has them: a marker, then
/// each.
pub trait Inputs<S> {
    /// Says what a request carries for them.
    fn describe(carried: &mut Carried<'_>, settings: &S);
}

macro_rules! inputs {
    ($($name:ident),*) => {
        impl<S, M, $($name: Input<S>),*> Inputs<S> for (M, $($name,)*) {
            fn describe(_carried: &mut Carried<'_>, _settings: &S) {
                $($name::describe(_carried, _settings);)*
            }
        }
    };
}

inputs!();
inputs!(A);
inputs!(A, B);
inputs!(A, B, C);
inputs!(A, B, C, D);
inputs!(A, B, C, D, E);
inputs!(A, B, C, D, E, F);
inputs!(A, B, C, D, E, F, G);
