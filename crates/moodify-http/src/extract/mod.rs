//! What handlers take from a request, checked: a handler never sees anything malformed.

mod bearer;
mod body;
mod fields;
mod if_match;
mod json;
mod path;
mod program;
mod query;
mod upload;

pub(crate) use bearer::{Bearer, bearer_token};
pub(crate) use fields::{Field, check, each, field};
pub(crate) use if_match::{IfMatch, IfMatchParam};
pub(crate) use json::JsonBody;
pub(crate) use path::PathId;
pub(crate) use program::Program;
pub(crate) use query::{PageParams, Params, page_size};
pub(crate) use upload::{UploadBody, multipart_fault};
