//! What every handler can reach.

use std::sync::Arc;

use moodify_core::Moodify;
use moodify_core::service::Context;

use crate::config::HttpConfig;

/// The state of the router.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) moodify: Moodify,
    pub(crate) context: Context,
    pub(crate) config: Arc<HttpConfig>,
}
