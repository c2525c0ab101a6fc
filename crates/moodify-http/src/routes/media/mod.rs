//! Audio and covers, behind signed addresses, for stores that cannot sign themselves.

pub(crate) mod get_media;
pub(crate) mod put_media;
mod range;
