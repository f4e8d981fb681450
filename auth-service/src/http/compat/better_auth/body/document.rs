//! What the document says of bodies and queries. The fields of a body are told
//! by asking for them: what reads a body says what it reads.

use serde_json::{Map, Value, json};
use service_kit::openapi::{Carried, Input};

use super::{Body, FORM, Fields, FromFields, JSON, Params};
use crate::app::App;

/// The properties of an object, as a schema has them.
#[derive(Default)]
pub(super) struct Wanted {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

/// The schema of the object whose fields `read` asks for.
pub(super) fn schema_by<T>(read: impl FnOnce(&mut Fields) -> T) -> Value {
    let mut fields = Fields {
        path: String::new(),
        values: Map::new(),
        problems: Vec::new(),
        wanted: Some(Wanted::default()),
    };
    read(&mut fields);
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

impl<T: FromFields> Input<App> for Body<T> {
    fn describe(carried: &mut Carried<'_>, app: &App) {
        let schema = schema_by(|fields| T::read(fields, app).is_ok());
        carried.body(&[JSON], &schema);
        if T::FORMS {
            carried.body(&[FORM], &schema);
        }
        carried.may_fail(&[400, 403, 413, 415]);
    }
}

/// The names are told by the route.
impl<S> Input<S> for Params {
    fn describe(carried: &mut Carried<'_>, _: &S) {
        carried.may_fail(&[400, 403]);
    }
}
