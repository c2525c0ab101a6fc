//! The one place that knows what the stores' refusals mean, and what an operator does about each.

use std::error::Error;
use std::io;
use std::time::Duration;

use moodify_core::port::{MediaError, Unavailable};
use object_store::client::HttpError;

/// What went wrong, with the store's own code and words; and after the last semicolon, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {fix}")]
struct StoreFault {
    what: String,
    fix: &'static str,
}

/// An answer to a request of ours, worded as those of object_store are.
#[cfg(feature = "azure")]
#[derive(Debug, thiserror::Error)]
#[error("status code: {status}: {body}")]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) body: String,
}

/// What an operator knows a store by.
pub(super) struct Names {
    /// Itself.
    pub(super) store: &'static str,
    /// What it keeps objects in.
    pub(super) bucket: &'static str,
    /// Where its credentials come from.
    pub(super) sources: &'static str,
}

const WAY: &str = "check the endpoint and the network";
const RIGHTS: &str = "give these credentials the rights that docs/operations.md lists";
const LATER: &str = "wait, and look at the network and at the store's own status if it lasts";

/// In what object_store says when it has lost those who give machines their credentials.
const CREDENTIALS: [&str; 5] =
    ["token request", "token response", "metadata", "delegation key", "signing blob"];

/// How an answer is recognised: object_store has it in words only.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
}

impl<'a> Seen<'a> {
    fn read(text: &'a str) -> Self {
        let after = |mark: &str| text.split_once(mark).map_or("", |(_, rest)| rest);
        let within = |tag: &str| after(&format!("<{tag}>")).split('<').next().unwrap_or_default().trim();
        let status = after("status code: ").get(..3).and_then(|digits| digits.parse().ok());
        let message = within("Message").lines().next().unwrap_or_default();
        // Those who give tokens speak JSON: {"error":"invalid_grant",…}. Some have an object there.
        let json = after("\"error\"").trim_start().strip_prefix(':').map(str::trim_start);
        let json = json.and_then(|value| value.strip_prefix('"')?.split('"').next());
        let code = Some(within("Code")).filter(|code| !code.is_empty()).or(json).unwrap_or_default();
        Self { status: status.unwrap_or_default(), code, message }
    }

    fn told(&self, what: &str) -> String {
        match (self.code, self.message) {
            ("", _) => format!("{what} (status {})", self.status),
            (code, "") => format!("{what} ({code})"),
            (code, message) => format!("{what} ({code}: {})", message.trim_end_matches('.')),
        }
    }
}

impl Names {
    /// What became of a request.
    pub(super) fn unavailable(&self, error: &object_store::Error) -> Unavailable {
        let text = error.to_string();
        let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
        if let Some(lost) = causes.find(|cause| cause.is::<HttpError>()) {
            return self.lost(&text, lost);
        }
        match Seen::read(&text) {
            Seen { status: 0, .. } => {
                self.lasting(format!("{} cannot be used: {}", self.store, one_line(&text)), self.sources)
            }
            seen if is_of_tokens(&text) => {
                let what = seen.told(&format!("the credentials for {} cannot be had", self.store));
                // Azure's machines say 410 while what gives them tokens is renewed, for a minute or so.
                if may_pass(seen.status) || seen.status == 410 {
                    Unavailable::passing(StoreFault { what, fix: LATER })
                } else {
                    self.lasting(what, self.sources)
                }
            }
            seen => self.judge(&seen),
        }
    }

    /// The same while an object was read or written.
    pub(super) fn media_error(&self, error: &object_store::Error) -> MediaError {
        if let object_store::Error::NotFound { .. } = error {
            // The answer to HEAD has no body, so no code.
            let code = Seen::read(&error.to_string()).code.to_owned();
            if !is_missing_bucket(&code) {
                return MediaError::NotFound;
            }
        }
        MediaError::Unavailable(self.unavailable(error))
    }

    /// Nothing came for this long.
    pub(super) fn silent(&self, patience: Duration) -> Unavailable {
        let what = format!("{} cannot be reached: no answer within {patience:?}", self.store);
        Unavailable::passing(StoreFault { what, fix: WAY })
    }

    /// The credentials, or the address, are not such that anything could be asked.
    pub(super) fn lasting(&self, what: String, fix: &'static str) -> Unavailable {
        Unavailable::lasting(StoreFault { what, fix })
    }

    fn lost(&self, text: &str, lost: &(dyn Error + 'static)) -> Unavailable {
        // Off their clouds, the services that give machines their credentials are not there.
        let is_about_credentials = CREDENTIALS.iter().any(|word| text.contains(word));
        let (what, fix) = if is_about_credentials {
            (format!("the credentials for {} cannot be had", self.store), self.sources)
        } else {
            (format!("{} cannot be reached", self.store), WAY)
        };
        Unavailable::passing(StoreFault { what: format!("{what}: {}", words(lost)), fix })
    }

    fn judge(&self, seen: &Seen<'_>) -> Unavailable {
        let lasting = |what: &str, fix| self.lasting(seen.told(what), fix);
        match (seen.code, seen.status) {
            (code, _) if is_missing_bucket(code) => lasting(
                &format!("there is no such {}", self.bucket),
                "create it, or correct its name in `media`",
            ),
            ("RequestTimeTooSkewed", _) => lasting("this machine's clock is wrong", "set the clock"),
            ("SignatureDoesNotMatch" | "AuthenticationFailed" | "InvalidAccessKeyId", _) | (_, 401) => {
                lasting(&format!("{} does not know these credentials", self.store), self.sources)
            }
            (_, status) if may_pass(status) => {
                let what = seen.told(&format!("{} does not do it now", self.store));
                Unavailable::passing(StoreFault { what, fix: LATER })
            }
            (_, 403) => lasting(&format!("{} refuses it", self.store), RIGHTS),
            _ => lasting(
                &format!("{} refuses it", self.store),
                "look the code up in the store's documentation",
            ),
        }
    }
}

/// What the way of a body to us did.
pub(super) fn broken_off(error: &object_store::Error) -> io::Error {
    io::Error::other(one_line(&error.to_string()))
}

/// Whether it was not the store that answered, but who gives tokens for it.
fn is_of_tokens(text: &str) -> bool {
    ["token request", "token response"].iter().any(|words| text.contains(words))
}

fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..)
}

fn is_missing_bucket(code: &str) -> bool {
    matches!(code, "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" | "ContainerDisabled")
}

/// An error with its causes, each said once: some say those below them, too.
fn words(error: &dyn Error) -> String {
    let mut told = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause = cause.to_string();
        if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    one_line(&told)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpErrorKind;

    use super::*;

    const NAMES: Names = Names { store: "The store", bucket: "bucket", sources: "set KEY" };

    fn generic(text: impl Into<Box<dyn Error + Send + Sync>>) -> object_store::Error {
        object_store::Error::Generic { store: "GCS", source: text.into() }
    }

    fn answer(status: u16, code: &str) -> String {
        let body = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>words.\nId: 7</Message></Error>"
        );
        format!("Server returned non-2xx status code: {status} Some Reason: {body}")
    }

    #[test]
    fn each_refusal_says_what_to_do_and_whether_it_may_pass() {
        for (status, code, retryable, what, fix) in [
            (404, "NoSuchBucket", false, "no such bucket (NoSuchBucket: words)", "create it"),
            (404, "ContainerNotFound", false, "no such bucket", "create it"),
            (403, "SignatureDoesNotMatch", false, "does not know these credentials", "set KEY"),
            (403, "AuthenticationFailed", false, "does not know these credentials", "set KEY"),
            (401, "AuthenticationRequired", false, "does not know these credentials", "set KEY"),
            (403, "AuthorizationPermissionMismatch", false, "refuses it", "rights"),
            (403, "AccessDenied", false, "refuses it", "rights"),
            (429, "SlowDown", true, "does not do it now", "if it lasts"),
            (503, "ServerBusy", true, "does not do it now", "if it lasts"),
            (400, "EntityTooLarge", false, "(EntityTooLarge: words)", "look the code up"),
        ] {
            let fault = NAMES.unavailable(&generic(answer(status, code)));
            assert_eq!(fault.retryable, retryable, "{fault}");
            let text = fault.to_string();
            let (told, advice) = text.rsplit_once("; ").unwrap();
            assert!(told.contains(what) && advice.contains(fix), "{text}");
        }
    }

    #[test]
    fn a_refusal_of_who_gives_tokens_is_not_the_stores() {
        let google = r#"{"error":"invalid_grant","error_description":"x"}"#;
        let pretty = "{\n  \"error\": \"invalid_client\"\n}";
        for (status, body, retryable, what, fix) in [
            (400, google, false, "(invalid_grant)", "set KEY"),
            (401, pretty, false, "(invalid_client)", "set KEY"),
            (403, r#"{"error":{"code":403}}"#, false, "(status 403)", "set KEY"),
            (404, "{}", false, "(status 404)", "set KEY"),
            (410, "{}", true, "(status 410)", "if it lasts"),
            (503, "{}", true, "(status 503)", "if it lasts"),
        ] {
            let answer = format!("Error performing token request: status code: {status} Reason: {body}");
            let fault = NAMES.unavailable(&generic(answer));
            assert_eq!(fault.retryable, retryable, "{fault}");
            let text = fault.to_string();
            let (told, advice) = text.rsplit_once("; ").unwrap();
            assert!(told.contains("credentials") && told.ends_with(what) && advice.contains(fix), "{text}");
        }
    }

    #[test]
    fn no_answer_may_pass_and_no_key_does_not() {
        let lost = HttpError::new(HttpErrorKind::Connect, io::Error::other("refused"));
        let fault = NAMES.unavailable(&generic(lost));
        assert!(fault.retryable && fault.to_string().contains("cannot be reached"), "{fault}");
        let fault = NAMES.unavailable(&generic("Unable to decode service account file"));
        assert!(!fault.retryable && fault.to_string().ends_with("; set KEY"), "{fault}");
    }

    #[test]
    fn a_missing_bucket_is_no_missing_object() {
        let not_found = |code: &str| {
            let source = answer(404, code).into();
            NAMES.media_error(&object_store::Error::NotFound { path: "audio/x".to_owned(), source })
        };
        assert!(matches!(not_found("NoSuchKey"), MediaError::NotFound));
        assert!(matches!(not_found("BlobNotFound"), MediaError::NotFound));
        assert!(matches!(not_found("NoSuchBucket"), MediaError::Unavailable(_)));
        assert!(matches!(not_found("ContainerNotFound"), MediaError::Unavailable(_)));
    }
}
