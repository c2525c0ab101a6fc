//! The keys of access tokens: those that sign, and those that services apart verify with.

use std::time::Duration;

use moodify_core::{
    Services,
    model::{KeyId, KeyPurpose, Timestamp},
};

use super::{checks::Found, pages::is_this_machine, report::Finding};
use crate::{
    assemble,
    config::Settings,
    database::Database,
    failure::{Failure, one_line},
};

/// A clock may lag this much behind the one that made a key.
const TOLERANCE: Duration = Duration::from_secs(5);

/// What was found of keys, and which they are.
pub(super) type FoundKeys = Result<(Finding, Vec<KeyId>), Failure>;

/// The keys in this database that sign.
pub(super) async fn signing(database: &dyn Database, now: Timestamp) -> FoundKeys {
    let keys = database.keys(KeyPurpose::AccessToken).await;
    let keys = keys.map_err(|error| Failure::new(one_line(&error), "look at the database"))?;
    let Some(newest) = keys.first() else {
        return Ok((Finding::Works("none yet: the first start makes them".to_owned()), Vec::new()));
    };
    // One from the future means that this clock is behind: its tokens would be dead at once.
    if newest.created_at > now && newest.created_at.duration_since(now).unsigned_abs() > TOLERANCE {
        return Err(Failure::new(
            format!("the newest signing key is from {}, which has not come yet", newest.created_at),
            "set the clock of this machine, or of the one that made the key",
        ));
    }
    let what = format!("{}, the newest from {}", keys.len(), newest.created_at);
    Ok((Finding::Works(what), keys.iter().map(|key| key.id).collect()))
}

/// Asks for the keys that these services verify access tokens with, if they do and if it is by asking.
pub(super) async fn published(settings: &Settings, services: Services) -> FoundKeys {
    if services.auth || !(services.music || services.sync) {
        return Ok((Finding::Untried("these services need none but their own".to_owned()), Vec::new()));
    }
    let Some(keys) = assemble::jwks(settings, services)? else {
        let what = "they are in the database, which is that of the auth service";
        return Ok((Finding::Works(what.to_owned()), Vec::new()));
    };
    let keys = keys.fetch().await.map_err(|error| {
        let fix = "start the auth service, or correct accounts.jwks_url; until then nobody is let in whose key is new";
        Failure::new(one_line(&error), fix)
    })?;
    let what = format!("{} keys of the auth service", keys.len());
    let finding = match settings.accounts.jwks_url() {
        Some(url) if url.scheme() == "http" && !is_this_machine(url) => Finding::Doubtful(Failure::new(
            format!("{what}, but {url} is not encrypted: who stands between can let anybody in"),
            "take https, or a network that is nobody else's",
        )),
        _ => Finding::Works(what),
    };
    Ok((finding, keys.iter().map(|key| key.id).collect()))
}

/// Whether what was published is what the auth service signs with, where its database is open too.
pub(super) fn of_one_deployment(published: FoundKeys, signing: &[KeyId]) -> Found {
    let (finding, published) = published?;
    let shared = published.iter().any(|id| signing.contains(id));
    if shared || published.is_empty() || signing.is_empty() {
        return Ok(finding);
    }
    Err(Failure::new(
        "accounts.jwks_url leads to keys of which the auth service's database has none",
        "correct accounts.jwks_url, or databases.auth: one of them is another deployment's",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_another_deployment_are_found() {
        let id =
            |last: u8| -> KeyId { format!("01890000-0000-7000-8000-0000000000{last:02}").parse().unwrap() };
        let published = |ids: Vec<KeyId>| Ok((Finding::Works(String::new()), ids));
        assert!(of_one_deployment(published(vec![id(1), id(2)]), &[id(2), id(3)]).is_ok());
        assert!(of_one_deployment(published(vec![id(1)]), &[]).is_ok(), "nobody knows");
        let failure = of_one_deployment(published(vec![id(1)]), &[id(2)]).err().unwrap();
        assert!(failure.fix().contains("accounts.jwks_url"), "{failure}");
    }
}
