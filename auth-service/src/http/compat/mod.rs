//! The surfaces that other backends' clients speak, a folder each. None names
//! another; a folder and its lines here can be deleted.

use super::{Route, Surface};

pub mod agent;
pub mod au_guru;
pub mod better_auth;
pub mod fastapi;
pub mod multi_user;
pub mod textbook;

/// Every such surface; those whose origin was made with FastAPI are one.
pub(super) fn surfaces() -> Vec<Surface> {
    let of_fastapi = [
        textbook::routes(),
        multi_user::routes(),
        agent::routes(),
        au_guru::routes(),
    ];
    vec![
        better_auth::surface(),
        fastapi::surface(of_fastapi.into_iter().flatten()),
    ]
}
