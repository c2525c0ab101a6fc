//! What the issuer and the library report, and what becomes of it.

use moodify_core::port::{BoxError, IdentityError, Unavailable};
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, SignatureVerificationError,
    StandardErrorResponse,
};

/// Why the token endpoint gave nothing.
pub(super) type TokenError = RequestTokenError<Unavailable, StandardErrorResponse<CoreErrorResponseType>>;

/// A request got no answer.
#[derive(Debug, thiserror::Error)]
#[error("the issuer at {host} does not answer")]
struct NoAnswer {
    host: String,
    source: BoxError,
}

/// The same fault, and whose it is.
pub(super) fn no_answer(host: String, fault: Unavailable) -> Unavailable {
    Unavailable { retryable: fault.retryable, source: NoAnswer { host, source: fault.source }.into() }
}

pub(super) fn refused(reason: impl Into<String>) -> IdentityError {
    IdentityError::Refused { reason: reason.into() }
}

/// The issuer's description of itself, or its keys, could not be had.
pub(super) fn discovery(issuer: &str, error: DiscoveryError<Unavailable>) -> Unavailable {
    let fix = "see whether this is the issuer's address, exactly as it calls itself";
    match error {
        DiscoveryError::Request(fault) => fault,
        DiscoveryError::Response(status, _, _) if !status.is_success() => Unavailable::lasting(format!(
            "the issuer {issuer} answered {status} when it was asked who it is; {fix}"
        )),
        DiscoveryError::Validation(why) => {
            Unavailable::lasting(format!("the issuer {issuer} is another one: {why}; {fix}"))
        }
        other => Unavailable::lasting(format!("the issuer {issuer} does not say who it is: {other}; {fix}")),
    }
}

/// The token endpoint gave no tokens.
pub(super) fn tokens(error: TokenError) -> IdentityError {
    match error {
        RequestTokenError::Request(fault) => fault.into(),
        RequestTokenError::ServerResponse(said) => match said.error() {
            CoreErrorResponseType::InvalidGrant => {
                refused("the code is not good, was used, or is another browser's")
            }
            error => {
                let more = said.error_description().map_or_else(String::new, |more| format!(" ({more})"));
                let what = format!("the issuer refuses the client: {}{more}", error.as_ref());
                Unavailable::lasting(format!("{what}; check the client's id and secret")).into()
            }
        },
        RequestTokenError::Parse(_, body) if has_identity(&body) => {
            refused("the identity token cannot be read")
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            Unavailable::passing("the token endpoint answered something that holds no tokens").into()
        }
    }
}

fn has_identity(body: &[u8]) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    body.is_some_and(|body| body.get("id_token").is_some())
}

/// The identity token does not verify. Its claims are no secret; the token itself stays out of it.
pub(super) fn claims(error: &ClaimsVerificationError) -> IdentityError {
    match error {
        ClaimsVerificationError::SignatureVerification(cause) => refused(format!("{error}: {cause}")),
        _ => refused(error.to_string()),
    }
}

/// Whether the keys that are known may be too old.
pub(super) fn is_unknown_key(error: &ClaimsVerificationError) -> bool {
    matches!(error, ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey))
}
