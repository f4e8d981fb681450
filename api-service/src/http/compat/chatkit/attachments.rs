//! Files that come with questions: sent at once (`direct`), or to the place that
//! `attachments.create` tells (`two_phase`).

use axum::{
    Json,
    extract::{
        FromRequest, Multipart, Query, Request, State, multipart::MultipartError,
        rejection::QueryRejection,
    },
    response::{IntoResponse, Response},
};

use serde_json::{Value, json};
use service_kit::openapi::Schemas;

use super::{
    Caller,
    error::ChatKitError,
    request::wire::{AttachmentsBody, UploadQuery},
    threads::done,
    wire::AttachmentWire,
};
use crate::{
    app::add_document::Upload,
    domain::principal::Principal,
    http::{HttpState, uploaded_file},
};

/// Where files are sent.
pub(super) const PATH: &str = "/chatkit/attachments";

/// What the document says of a form with a file.
pub(super) fn form(_: &mut Schemas) -> Value {
    json!({
        "type": "object",
        "properties": {
            "file": { "type": "string", "contentMediaType": "application/octet-stream" },
        },
        "required": ["file"],
    })
}

pub(super) async fn attachments(
    state: &HttpState,
    caller: &Principal,
    origin: &str,
    asked: AttachmentsBody,
) -> Result<Response, ChatKitError> {
    Ok(match asked {
        AttachmentsBody::Create { name, mime_type } => {
            let id = state.app.announce_attachment(caller, &name, &mime_type)?;
            let url = format!("{origin}{PATH}?attachment_id={id}");
            Json(AttachmentWire::announced(id, name, mime_type, url)).into_response()
        }
        AttachmentsBody::Delete { attachment_id } => {
            state.app.detach(caller, &attachment_id).await?;
            done()
        }
    })
}

pub(super) async fn upload(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    query: Result<Query<UploadQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<AttachmentWire>, ChatKitError> {
    let query = query.map_err(|rejection| ChatKitError::unread(rejection.status()))?;
    let file = file_of(request).await?;
    let attached = state
        .app
        .attach(&caller, query.0.attachment_id, file)
        .await?;
    Ok(Json(AttachmentWire::from(&attached)))
}

/// The part `file` of a form. Other parts are passed over.
async fn file_of(request: Request) -> Result<Upload, ChatKitError> {
    let unread = |error: MultipartError| ChatKitError::unread(error.status());
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| ChatKitError::no_file())?;
    while let Some(part) = form.next_field().await.map_err(unread)? {
        if part.name() == Some("file") {
            let mut upload = Upload::default();
            uploaded_file::read(part, &mut upload)
                .await
                .map_err(unread)?;
            return Ok(upload);
        }
    }
    Err(ChatKitError::no_file())
}
