//! A document as `multipart/form-data`: the part `file`, and parts with the
//! names of the JSON body's fields.

use axum::extract::{FromRequest, Multipart, Request, multipart::MultipartError};
use http::StatusCode;
use proto::error_kind::ErrorKind;
use service_kit::problem::{Problem, too_large};

use crate::{app::add_document::Upload, http::uploaded_file};

/// Reads an upload.
pub(super) async fn upload(request: Request) -> Result<Upload, Problem> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|_| unreadable())?;
    let mut upload = Upload::default();
    let mut has_file = false;
    while let Some(part) = form.next_field().await.map_err(|error| problem(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" {
            has_file = true;
            let read = uploaded_file::read(part, &mut upload).await;
            read.map_err(|error| problem(&error))?;
            continue;
        }
        let bytes = part.bytes().await.map_err(|error| problem(&error))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| unreadable())?;
        match name.as_str() {
            "title" => upload.title = Some(text),
            "path" => upload.path = Some(text),
            "external_id" => upload.external_id = Some(text),
            "media_type" => upload.media_type = Some(text),
            "tags" => upload.tags.extend(text.split(',').map(str::to_owned)),
            "knowledge_base" => upload.knowledge_base = Some(text),
            _ => return Err(unknown_part()),
        }
    }
    if has_file { Ok(upload) } else { Err(no_file()) }
}

fn problem(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        unreadable()
    }
}

fn unreadable() -> Problem {
    let detail = "The form can't be read; send it as multipart/form-data with a boundary, \
                  and its texts as UTF-8.";
    Problem::new(ErrorKind::Malformed, "malformed_form", detail)
}

fn no_file() -> Problem {
    Problem::new(
        ErrorKind::Invalid,
        "missing_file",
        "Send the document as the part `file`.",
    )
}

fn unknown_part() -> Problem {
    let detail = "The form has a part that is not known; known are file, title, path, \
                  external_id, media_type, tags and knowledge_base.";
    Problem::new(ErrorKind::Invalid, "unknown_part", detail)
}
