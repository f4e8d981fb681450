//! The named schemas of a document. JSON Schema 2020-12 is OpenAPI 3.1's own.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Where documents keep named schemas.
const PLACE: &str = "/components/schemas";

/// The schemas that a document names so far.
pub struct Schemas {
    taken: SchemaGenerator,
    sent: SchemaGenerator,
    named: Map<String, Value>,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = PLACE.into();
                settings.meta_schema = None;
            })
        };
        Self {
            taken: settings().for_deserialize().into_generator(),
            sent: settings().for_serialize().into_generator(),
            named: Map::new(),
        }
    }

    /// The schema of a `T` that requests carry.
    pub fn taken<T: JsonSchema>(&mut self) -> Value {
        self.taken.subschema_for::<T>().to_value()
    }

    /// The schema of a `T` that is answered.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.sent.subschema_for::<T>().to_value()
    }

    /// The schema of an object that requests carry, whole where it stands.
    pub fn fields<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.taken).to_value()
    }

    /// Whether a value of this schema is neither a list nor an object.
    pub(super) fn is_scalar(&self, schema: &Value) -> bool {
        let name = schema["$ref"].as_str();
        let name = name.and_then(|place| place.rsplit('/').next());
        let named = name.and_then(|name| self.taken.definitions().get(name));
        let kind = &named.unwrap_or(schema)["type"];
        kind != "array" && kind != "object"
    }

    /// A schema that is no type's, under a name.
    pub fn named(&mut self, name: &str, schema: impl FnOnce() -> Value) -> Value {
        if !self.named.contains_key(name) {
            self.named.insert(name.to_owned(), schema());
        }
        json!({ "$ref": format!("#{PLACE}/{name}") })
    }

    /// All of them by name.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        let mut all = self.named;
        for (name, schema) in [
            self.taken.take_definitions(true),
            self.sent.take_definitions(true),
        ]
        .into_iter()
        .flatten()
        {
            let known = all.insert(name.clone(), schema.clone());
            debug_assert!(
                known.is_none_or(|known| known == schema),
                "two schemas are named {name}; give one another name by #[schemars(rename)]"
            );
        }
        all.values_mut().for_each(without_bare_truth);
        all.sort_keys();
        all
    }
}

/// A schema may be `true` for any value; generators know only `{}`.
fn without_bare_truth(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(properties) = field.as_object_mut().filter(|_| name == "properties") {
                    for property in properties.values_mut() {
                        if *property == json!(true) {
                            *property = json!({});
                        }
                    }
                }
                without_bare_truth(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_bare_truth),
        _ => {}
    }
}
