//! Documents as resources.

use proto::api_key::KeyScope;
use rmcp::{
    ErrorData,
    model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents},
};

use super::{Agent, error::told, wire::title};
use crate::{
    app::{error::Error, ports::Page, verify_api_key::permit},
    domain::document::{Document, MediaType},
};

/// What a document's URI begins with.
const DOCUMENTS: &str = "lectern://documents/";

/// How many documents a page has.
const PAGE: usize = 50;

/// A page of the documents that the agent may read, after what the page before
/// gave as its cursor.
pub(super) async fn list(
    agent: &Agent,
    cursor: Option<String>,
) -> Result<ListResourcesResult, ErrorData> {
    let page = Page {
        after: cursor.unwrap_or_default(),
        limit: PAGE,
    };
    permit(&agent.caller, KeyScope::DocumentsRead).map_err(|error| told(&error))?;
    let documents = agent.app().list_documents(&agent.caller, None, &page).await;
    let documents = documents.map_err(|error| told(&error))?;
    let last = documents.last().filter(|_| documents.len() == PAGE);
    let next_cursor = last.map(|last| last.id.0.clone());
    let resources = documents.iter().map(resource).collect();
    Ok(ListResourcesResult {
        next_cursor,
        ..ListResourcesResult::with_all_items(resources)
    })
}

/// The text of a document.
pub(super) async fn read(agent: &Agent, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let text = text(agent, uri).await.map_err(|error| told(&error))?;
    Ok(ReadResourceResult::new(vec![ResourceContents::text(
        text, uri,
    )]))
}

async fn text(agent: &Agent, uri: &str) -> Result<String, Error> {
    permit(&agent.caller, KeyScope::DocumentsRead)?;
    let id = uri.strip_prefix(DOCUMENTS).ok_or(Error::NoSuchDocument)?;
    let (_, text) = agent.app().document_text(&agent.caller, id).await?;
    Ok(text)
}

fn resource(document: &Document) -> Resource {
    let name = title(&document.path, &document.title);
    let uri = format!("{DOCUMENTS}{}", document.id.0);
    let resource = Resource::new(uri, name).with_title(title(&document.title, &document.path));
    match MediaType::from_path(&document.path) {
        Some(format) => resource.with_mime_type(format.as_str()),
        None => resource,
    }
}
