//! Accounts and sessions.

mod cookie;
pub(crate) mod get_jwks;
pub(crate) mod get_me;
pub(crate) mod log_in_artist;
pub(crate) mod log_in_user;
pub(crate) mod log_out;
pub(crate) mod refresh_session;
mod session;
pub(crate) mod sign_up_artist;
pub(crate) mod sign_up_user;
