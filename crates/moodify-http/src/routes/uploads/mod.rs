//! Uploads straight to the media store.

pub(crate) mod abort_upload;
pub(crate) mod complete_upload;
pub(crate) mod create_upload;
pub(crate) mod get_upload;
mod upload;
