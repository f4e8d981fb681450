//! A file in a form.

use axum::extract::multipart::{Field, MultipartError};

use crate::app::add_document::Upload;

/// Takes the content of a form's part, and its name and type where nothing else
/// told them. A browser may send a whole path: the name is its last part.
pub async fn read(part: Field<'_>, upload: &mut Upload) -> Result<(), MultipartError> {
    let path = part.file_name();
    let name = path.and_then(|path| path.rsplit(['/', '\\']).next());
    let name = name.filter(|name| !name.is_empty()).map(str::to_owned);
    upload.path = upload.path.take().or(name);
    let media_type = || part.content_type().map(str::to_owned);
    upload.media_type = upload.media_type.take().or_else(media_type);
    upload.content = part.bytes().await?.to_vec();
    Ok(())
}
