//! What happens around every handler.

mod access_log;
pub(crate) mod answer;
pub(crate) mod cors;
pub(crate) mod host;
pub(crate) mod limit;
pub(crate) mod linger;
pub(crate) mod timeout;
