//! What an OpenAPI document says of this dialect. The fields of a body are told
//! by asking for them: what reads a body says what it reads.

use serde_json::{Map, Value, json};

use super::{Body, FORM, FastApiError, Fields, Form, FromFields, MULTIPART, Named, Query};
use crate::openapi::{Carried, Dialect, Input, Schemas};

/// The properties of an object, as a schema has them.
#[derive(Default)]
pub(super) struct Wanted {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

/// The schema of the object that a `T` is read from: the fields that it asks
/// for.
pub fn schema_of<T: FromFields>() -> Value {
    let mut fields = Fields::new("body", Map::new());
    fields.wanted = Some(Wanted::default());
    T::read(&mut fields);
    let wanted = fields.wanted.unwrap_or_default();
    json!({
        "type": "object",
        "properties": wanted.properties,
        "required": wanted.required,
    })
}

impl Fields {
    /// Notes that a field is asked for; what is said of it first holds.
    pub(super) fn wants(&mut self, name: &str, required: bool, schema: impl FnOnce() -> Value) {
        let Some(wanted) = &mut self.wanted else {
            return;
        };
        if !wanted.properties.contains_key(name) {
            wanted.properties.insert(name.to_owned(), schema());
            wanted.required.extend(required.then(|| name.into()));
        }
    }
}

impl Dialect for FastApiError {
    fn schema(schemas: &mut Schemas, status: u16) -> Value {
        if status != 422 {
            return schemas.named("Detail", || detail(&json!({ "type": "string" })));
        }
        schemas.named("ValidationDetail", || {
            let place = json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] });
            let fault = json!({
                "type": "object",
                "properties": {
                    "type": { "type": "string" },
                    "loc": { "type": "array", "items": place },
                    "msg": { "type": "string" },
                },
                "required": ["type", "loc", "msg"],
            });
            let faults = json!({ "type": "array", "items": fault });
            detail(&json!({ "anyOf": [faults, { "type": "string" }] }))
        })
    }
}

fn detail(schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "detail": schema }, "required": ["detail"] })
}

impl<T: FromFields, S> Input<S> for Body<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.body(&["application/json"], &schema_of::<T>());
        carried.may_fail(&[400, 413, 422]);
    }
}

impl<T: FromFields, S> Input<S> for Form<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.body(&[FORM, MULTIPART], &schema_of::<T>());
        carried.may_fail(&[400, 413, 422]);
    }
}

impl<T: FromFields, S> Input<S> for Query<T> {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.query(&schema_of::<T>());
        carried.may_fail(&[422]);
    }
}

impl<S> Input<S> for Named {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.may_fail(&[404]);
    }
}
