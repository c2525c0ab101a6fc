//! The one place that knows what S3's refusals mean, and what an operator does about each.

use std::error::Error;
use std::io;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use moodify_core::port::{MediaError, Unavailable};

/// What went wrong, with S3's own code and words; and after the last semicolon, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {fix}")]
pub(super) struct S3Fault {
    what: String,
    fix: &'static str,
}

impl S3Fault {
    /// Nobody says where the bucket is.
    pub(super) fn no_region() -> Self {
        let what = "nothing says in which region the bucket is".to_owned();
        Self { what, fix: "add ?region=… to `media`, or set AWS_REGION" }
    }

    /// The credentials end before anything could be done with them.
    pub(super) fn ending() -> Self {
        let what = "the credentials end within seconds and there are no new ones".to_owned();
        Self { what, fix: SOURCES }
    }

    /// Nothing came for this long.
    pub(super) fn silent(patience: Duration) -> Self {
        Self { what: format!("S3 cannot be reached: no answer within {patience:?}"), fix: WAY }
    }

    /// No credentials.
    pub(super) fn credentials(error: &CredentialsError) -> Self {
        let what = match error {
            CredentialsError::CredentialsNotLoaded(_) => "there are no credentials for S3".to_owned(),
            error => format!("the credentials for S3 cannot be had: {}", words(error)),
        };
        Self { what, fix: SOURCES }
    }
}

const SOURCES: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or see to the profile or the role of this machine or task";
const WAY: &str = "check the endpoint, the region and the network";
const RIGHTS: &str = "give these credentials the rights that docs/operations.md lists";
const REGION: &str = "set region in `media` to the bucket's own";
const LATER: &str = "wait, and look at the network and at the store's own status if it lasts";

/// How an answer is recognised.
#[derive(Default)]
struct Seen<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    /// Where the bucket is, if the store says so.
    region: Option<&'a str>,
    /// What time it is there.
    date: Option<&'a str>,
}

/// What became of a request.
pub(super) fn unavailable<E>(error: &SdkError<E, HttpResponse>) -> Unavailable
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    for cause in causes {
        if let Some(error) = cause.downcast_ref::<CredentialsError>() {
            return no_credentials(error);
        }
    }
    let Some(response) = error.raw_response() else {
        let what = format!("S3 cannot be reached: {}", words(error));
        return Unavailable::passing(S3Fault { what, fix: WAY });
    };
    judge(&Seen {
        status: response.status().as_u16(),
        code: error.code().unwrap_or_default(),
        message: error.message().unwrap_or_default(),
        region: response.headers().get("x-amz-bucket-region"),
        date: response.headers().get("date"),
    })
}

/// The same while an object was read or written.
pub(super) fn media_error<E>(error: &SdkError<E, HttpResponse>) -> MediaError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (error.code(), status) {
        // The answer to HEAD has no body, so no code.
        (Some("NoSuchKey" | "NotFound") | None, Some(404)) => MediaError::NotFound,
        _ => MediaError::Unavailable(unavailable(error)),
    }
}

/// Whether the credentials come later decides about a retry: a service that gives them may be down.
pub(super) fn no_credentials(error: &CredentialsError) -> Unavailable {
    let fault = S3Fault::credentials(error);
    match error {
        CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_) => {
            Unavailable::lasting(fault)
        }
        _ => Unavailable::passing(fault),
    }
}

/// What the way of a body to us did.
pub(super) fn broken_off(error: &dyn Error) -> io::Error {
    io::Error::other(words(error))
}

fn judge(seen: &Seen<'_>) -> Unavailable {
    let lasting = |what: &str, fix| Unavailable::lasting(S3Fault { what: seen.told(what), fix });
    let passing = |what: &str, fix| Unavailable::passing(S3Fault { what: seen.told(what), fix });
    match (seen.code, seen.status) {
        ("NoSuchBucket", _) => {
            lasting("there is no such bucket", "create it, or correct its name in `media`")
        }
        ("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed", _) | (_, 301) => {
            let region = seen.region.map_or_else(String::new, |region| format!(", {region}"));
            lasting(&format!("the bucket is in another region{region}"), REGION)
        }
        ("RequestTimeTooSkewed" | "RequestExpired", _) => {
            let date = seen.date.unwrap_or("unknown");
            lasting(&format!("this machine's clock is wrong; the store's says {date}"), "set the clock")
        }
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "NotSignedUp", _) => {
            lasting("the store does not know these credentials", SOURCES)
        }
        ("ExpiredToken" | "TokenRefreshRequired", _) => passing("the credentials have ended", SOURCES),
        (code, _) if code.starts_with("KMS.") => lasting(
            "the key that encrypts objects cannot be used",
            "see to kms_key in `media`, and to the key",
        ),
        ("RequestTimeout" | "SlowDown" | "NoSuchUpload", _) | (_, 429 | 500..) => {
            passing("S3 does not do it now", LATER)
        }
        (_, 401 | 403) => lasting("S3 refuses it", RIGHTS),
        _ => lasting("S3 refuses it", "look the code up in the store's documentation"),
    }
}

impl Seen<'_> {
    fn told(&self, what: &str) -> String {
        match (self.code, self.message) {
            ("", _) => format!("{what} (status {})", self.status),
            (code, "") => format!("{what} ({code})"),
            (code, message) => format!("{what} ({code}: {})", message.trim_end_matches('.')),
        }
    }
}

/// An error of the SDK with its causes. Not its own way to show them all: that dumps requests, too.
pub(super) fn words(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_says_what_to_do_and_whether_it_may_pass() {
        for (status, code, retryable, what, fix) in [
            (404, "NoSuchBucket", false, "no such bucket", "create it"),
            (301, "", false, "another region, eu-west-1", "set region"),
            (400, "AuthorizationHeaderMalformed", false, "another region, eu-west-1", "set region"),
            (403, "RequestTimeTooSkewed", false, "Sun, 22 Nov 2026 08:00:00 GMT", "set the clock"),
            (403, "SignatureDoesNotMatch", false, "does not know these credentials", "AWS_ACCESS_KEY_ID"),
            (400, "ExpiredToken", true, "have ended", "AWS_ACCESS_KEY_ID"),
            (400, "KMS.DisabledException", false, "key that encrypts", "kms_key"),
            (403, "AccessDenied", false, "refuses it (AccessDenied: words)", "rights"),
            (503, "SlowDown", true, "does not do it now", "if it lasts"),
            (500, "", true, "(status 500)", "if it lasts"),
            (400, "EntityTooLarge", false, "(EntityTooLarge: words)", "look the code up"),
        ] {
            let (region, date) = (Some("eu-west-1"), Some("Sun, 22 Nov 2026 08:00:00 GMT"));
            let fault = judge(&Seen { status, code, message: "words.", region, date });
            assert_eq!(fault.retryable, retryable, "{fault}");
            let text = fault.to_string();
            let (told, advice) = text.rsplit_once("; ").unwrap();
            assert!(told.contains(what) && advice.contains(fix), "{text}");
        }
    }
}
