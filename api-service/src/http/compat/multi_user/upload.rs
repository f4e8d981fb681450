//! A document as `multipart/form-data`: the part `file`, and `title` as a part
//! or, as FastAPI reads a text beside a file, in the query.

use axum::extract::{FromRequest, FromRequestParts, Multipart, Request, multipart::MultipartError};

use serde_json::json;
use service_kit::openapi::{Carried, Input};

use super::super::fastapi::{FastApiError, Fields, FromFields, Query};
use crate::{app::add_document, http::uploaded_file};

/// A document that was sent as a form.
pub(super) struct Upload(pub(super) add_document::Upload);

struct TitleQuery(Option<String>);

impl FromFields for TitleQuery {
    fn read(fields: &mut Fields) -> Self {
        Self(fields.optional_text("title"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = FastApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, FastApiError> {
        let (mut parts, body) = request.into_parts();
        let Query(TitleQuery(title)) = Query::from_request_parts(&mut parts, state).await?;
        let form = Multipart::from_request(Request::from_parts(parts, body), state).await;
        let missing = || FastApiError::missing(&["body", "file"]);
        let mut form = form.map_err(|_| missing())?;
        let mut upload = add_document::Upload {
            title,
            ..add_document::Upload::default()
        };
        let mut found = false;
        while let Some(part) = form.next_field().await.map_err(|error| broken(&error))? {
            match part.name() {
                Some("title") => {
                    let title = part.text().await.map_err(|error| broken(&error))?;
                    upload.title = Some(title).filter(|title| !title.is_empty());
                }
                Some("file") if part.file_name().is_some() => {
                    found = true;
                    let read = uploaded_file::read(part, &mut upload).await;
                    read.map_err(|error| broken(&error))?;
                }
                _ => {}
            }
        }
        if found {
            Ok(Self(upload))
        } else {
            Err(missing())
        }
    }
}

impl<S> Input<S> for Upload {
    fn describe(carried: &mut Carried<'_>, settings: &S) {
        Query::<TitleQuery>::describe(carried, settings);
        let schema = json!({
            "type": "object",
            "properties": {
                "file": { "type": "string", "contentMediaType": "application/octet-stream" },
                "title": { "type": "string" },
            },
            "required": ["file"],
        });
        carried.body(&["multipart/form-data"], &schema);
        carried.may_fail(&[400, 413, 422]);
    }
}

fn broken(error: &MultipartError) -> FastApiError {
    FastApiError::unreadable(error.status())
}
