use std::{future::Future, time::Duration};

/// A case that takes longer hangs. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs one case to its end on a runtime with several threads, so that concurrent calls really are.
///
/// # Panics
/// When the case panics or hangs: that is its verdict.
pub fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .expect("a runtime for the case");
    let verdict = runtime.block_on(async { tokio::time::timeout(PATIENCE, case).await });
    assert!(verdict.is_ok(), "the case hangs: no end after {PATIENCE:?}");
}

/// Turns a list of cases into a module of named tests. Not for use outside the suites' macros.
#[doc(hidden)]
#[macro_export]
macro_rules! __suite {
    ($port:ident, $name:ident, $fixture:path, [$($case:ident),+ $(,)?]) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::conformance::run(async {
                        // A fixture, or an `Option` of one: none where its server is missing.
                        let fixture: Option<_> = $fixture().await.into();
                        if let Some(fixture) = fixture {
                            $crate::conformance::$port::$case(&fixture).await;
                        }
                    });
                }
            )+
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    fn declared(source: &str) -> BTreeSet<&str> {
        source
            .lines()
            .filter_map(|line| line.strip_prefix("pub async fn "))
            .filter_map(|line| line.split('(').next())
            .collect()
    }

    fn listed(source: &str) -> BTreeSet<&str> {
        let call = source.split_once("__suite!").and_then(|(_, rest)| rest.split_once('['));
        let list = call.and_then(|(_, rest)| rest.split_once(']'));
        let (list, _) = list.expect("the macro's list of cases");
        list.split(',').map(str::trim).filter(|case| !case.is_empty()).collect()
    }

    #[test]
    fn every_case_is_in_its_list() {
        for source in [
            include_str!("key_store.rs"),
            include_str!("log_in_tally.rs"),
            include_str!("outbox.rs"),
            include_str!("playback_archive.rs"),
            include_str!("playback_store.rs"),
            include_str!("recipient_store.rs"),
            include_str!("send_log.rs"),
            include_str!("sync_hub.rs"),
            concat!(
                include_str!("user_store/mod.rs"),
                include_str!("user_store/accounts.rs"),
                include_str!("user_store/expiry.rs"),
                include_str!("user_store/mail_tokens.rs"),
                include_str!("user_store/sessions.rs"),
                include_str!("user_store/updates.rs"),
            ),
        ] {
            assert!(!listed(source).is_empty());
            assert_eq!(declared(source), listed(source));
        }
    }
}
