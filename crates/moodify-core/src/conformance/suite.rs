use std::{future::Future, sync::Arc, time::Duration};

use super::samples::Moments;

/// A case that takes longer hangs. Generous: test machines are shared.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs one case to its end on a runtime with several threads, so that concurrent calls really are, and
/// with moments of its own (see [`samples::moment`](super::samples::moment)).
///
/// # Panics
/// When the case panics or hangs: that is its verdict.
pub fn run(case: impl Future<Output = ()>) {
    let moments = Arc::new(Moments::new());
    moments.enter();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .on_thread_start(move || moments.enter())
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

    use crate::conformance::{run, samples};

    /// On every thread of a case, and whatever other cases draw.
    #[test]
    fn each_case_has_moments_of_its_own() {
        let drawn = |noise: usize| {
            let (told, hears) = std::sync::mpsc::channel();
            run(async move {
                let elsewhere = tokio::spawn(async { samples::moment() }).await.unwrap();
                std::thread::spawn(move || (0..noise).map(|_| samples::moment()).max()).join().unwrap();
                told.send([elsewhere, samples::moment()]).unwrap();
            });
            hears.recv().unwrap()
        };
        let [first, second] = drawn(1_000);
        assert_eq!([first, second], drawn(0));
        assert_eq!(second, samples::after(first, std::time::Duration::from_micros(1_000_001)));
    }

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
            include_str!("media_signer.rs"),
            include_str!("outbox.rs"),
            include_str!("playback_archive.rs"),
            include_str!("playback_store.rs"),
            include_str!("recipient_store.rs"),
            include_str!("send_log.rs"),
            include_str!("sync_hub.rs"),
            include_str!("upload_store.rs"),
            concat!(
                include_str!("user_store/mod.rs"),
                include_str!("user_store/accounts.rs"),
                include_str!("user_store/expiry.rs"),
                include_str!("user_store/identities.rs"),
                include_str!("user_store/imports.rs"),
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
