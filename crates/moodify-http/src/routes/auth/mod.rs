//! Accounts and sessions.

pub(crate) mod become_artist;
pub(crate) mod change_password;
mod cookie;
pub(crate) mod delete_me;
pub(crate) mod end_session;
pub(crate) mod finish_google_sign_in;
pub(crate) mod forgot_password;
pub(crate) mod get_jwks;
pub(crate) mod get_me;
mod google;
pub(crate) mod list_sessions;
pub(crate) mod log_in_artist;
pub(crate) mod log_in_user;
pub(crate) mod log_out;
pub(crate) mod log_out_everywhere;
pub(crate) mod refresh_session;
pub(crate) mod resend_verification;
pub(crate) mod reset_password;
mod return_to;
mod session;
pub(crate) mod sign_up_artist;
pub(crate) mod sign_up_user;
pub(crate) mod start_google_sign_in;
pub(crate) mod update_me;
pub(crate) mod verify_email;
