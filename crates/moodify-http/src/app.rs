//! What every handler can reach.

use std::sync::Arc;

use moodify_core::Moodify;
use moodify_core::service::Context;

use crate::config::HttpConfig;
use crate::cookies::CookieSessions;
use crate::etag::Tagged;
use crate::problem::Problem;
use crate::routes::operations::get_readiness::LastReadiness;

/// The state of the router.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) moodify: Moodify,
    pub(crate) context: Context,
    pub(crate) config: Arc<HttpConfig>,
    pub(crate) cookies: Arc<CookieSessions>,
    pub(crate) readiness: Arc<LastReadiness>,
    /// What this process answers: 200 KB of JSON that anybody may ask for.
    pub(crate) document: Result<Arc<Tagged>, Problem>,
}

impl App {
    /// The most bytes that any body may have.
    pub(crate) fn max_body_bytes(&self) -> u64 {
        /// What a form has beside its files: boundaries, heads of parts, texts.
        const OVERHEAD: u64 = 1024 * 1024;
        self.moodify.catalog().max_upload_bytes().saturating_add(OVERHEAD)
    }
}
