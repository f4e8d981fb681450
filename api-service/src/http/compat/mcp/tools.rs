//! The tools: `search` and `fetch`, in the shapes of `ChatGPT`'s connectors, and
//! `ask`.

use std::sync::Arc;

use proto::api_key::KeyScope;
use rmcp::{
    ErrorData,
    model::{
        CallToolRequestParams, CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations,
    },
};
use serde_json::{Value, json};

use super::{
    Agent,
    wire::{AnswerWire, AskArguments, DocumentWire, FetchArguments, FoundWire, SearchArguments},
};
use crate::app::{
    ask::{Asked, whole},
    error::Error,
    search::{Search, Within},
    verify_api_key::permit,
};

/// How many passages are looked through for documents.
const PASSAGES: usize = 20;

/// What there is.
pub(super) fn tools() -> Vec<Tool> {
    let text = |about: &str| json!({"type": "string", "description": about});
    let read_only = || ToolAnnotations::new().read_only(true);
    vec![
        Tool::new(
            "search",
            "Finds the documents that fit a query best. Read one with `fetch`.",
            object(&json!({"query": text("What is looked for.")}), &["query"]),
        )
        .with_raw_output_schema(object(
            &json!({"results": {"type": "array", "items": {"type": "object"}}}),
            &["results"],
        ))
        .annotate(read_only()),
        Tool::new(
            "fetch",
            "Gives the whole text of a document.",
            object(
                &json!({"id": text("The `id` of a result of `search`.")}),
                &["id"],
            ),
        )
        .with_raw_output_schema(object(
            &json!({"id": text("The document."), "title": text("Its title."),
                "text": text("Its text."), "url": text("Where it is to be seen."),
                "metadata": {"type": "object"}}),
            &["id", "title", "text", "url"],
        ))
        .annotate(read_only()),
        Tool::new(
            "ask",
            "Answers a question from the documents. Markers such as [1] in the answer name its \
             citations, each with the words that it rests on.",
            object(
                &json!({"question": text("The question."), "conversation_id":
                    text("Where a question goes on: what `ask` gave before.")}),
                &["question"],
            ),
        )
        .with_raw_output_schema(object(
            &json!({"answer": text("The answer."), "kind": text("How it was made."),
                "citations": {"type": "array", "items": {"type": "object"}},
                "conversation_id": text("To go on with.")}),
            &["answer", "kind", "citations", "conversation_id"],
        )),
    ]
}

/// The schema of an object with these members.
fn object(members: &Value, required: &[&str]) -> Arc<JsonObject> {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), members.clone());
    schema.insert("required".to_owned(), json!(required));
    Arc::new(schema)
}

/// Does what an agent wants of a tool. What it says wrong is an error of the
/// protocol; what goes wrong then is told in the result, which its model reads.
pub(super) async fn call(
    agent: &Agent,
    wanted: CallToolRequestParams,
) -> Result<CallToolResult, ErrorData> {
    let arguments = Value::Object(wanted.arguments.unwrap_or_default());
    let result = match wanted.name.as_ref() {
        "search" => search(agent, read(arguments)?).await,
        "fetch" => fetch(agent, read(arguments)?).await,
        "ask" => ask(agent, read(arguments)?).await,
        _ => {
            let message = "There is no such tool; there are search, fetch and ask.";
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    Ok(match result {
        Ok(value) => CallToolResult::structured(value),
        Err(error) => {
            error.log();
            CallToolResult::error(vec![ContentBlock::text(error.to_string())])
        }
    })
}

fn read<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, ErrorData> {
    serde_json::from_value(arguments)
        .map_err(|error| ErrorData::invalid_params(format!("The arguments: {error}"), None))
}

async fn search(agent: &Agent, wanted: SearchArguments) -> Result<Value, Error> {
    permit(&agent.caller, KeyScope::Search)?;
    let search = Search {
        query: wanted.query,
        limit: PASSAGES,
        within: Within::default(),
    };
    let found = agent.app().search(&agent.caller, &search).await?;
    Ok(json!(FoundWire::new(&found, &agent.origin)))
}

async fn fetch(agent: &Agent, wanted: FetchArguments) -> Result<Value, Error> {
    permit(&agent.caller, KeyScope::DocumentsRead)?;
    let read = agent.app().document_text(&agent.caller, &wanted.id).await?;
    let (document, text) = read;
    Ok(json!(DocumentWire::new(document, text, &agent.origin)))
}

async fn ask(agent: &Agent, wanted: AskArguments) -> Result<Value, Error> {
    permit(&agent.caller, KeyScope::Chat)?;
    let asked = Asked {
        message: wanted.question,
        conversation_id: wanted.conversation_id,
        ..Asked::default()
    };
    let events = agent.app().ask(&agent.caller, &asked).await?;
    Ok(json!(AnswerWire::new(whole(events).await?, &agent.origin)))
}
