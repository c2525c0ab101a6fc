//! What happens around every handler.

mod access_log;
pub(crate) mod answer;
pub(crate) mod cors;
pub(crate) mod linger;
pub(crate) mod timeout;
