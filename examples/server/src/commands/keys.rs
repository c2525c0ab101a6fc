//! `moodify keys`: what the server signs with, and how it gets something new to sign with. Both work
//! while servers run.

use std::{fmt::Write as _, sync::Arc};

use moodify_core::{
    Error, Services,
    model::KeyPurpose,
    service::{KeyLives, KeyRing, KeyState, KnownKey},
};

use crate::{
    assemble::{self, Upgrade},
    commands::runtime,
    config::Settings,
    database::Database,
    failure::{Failure, one_line},
    logging,
};

/// Prints every key with its age and what it does; never what is secret about it.
///
/// # Errors
/// If the database does not answer.
pub(crate) fn list(settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    runtime()?.block_on(async {
        let rings = Rings::open(settings).await?;
        let told = table(&rings, &lives(settings)?).await.map_err(|error| unanswered(&error));
        rings.close().await;
        print!("{}", told?);
        Ok(())
    })
}

/// Makes a new key for each of these purposes and prints when it will sign.
///
/// # Errors
/// If the database does not answer.
pub(crate) fn rotate(settings: &Settings, purposes: &[KeyPurpose]) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    runtime()?.block_on(async {
        let rings = Rings::open(settings).await?;
        let made = make(&rings, purposes).await.map_err(|error| unanswered(&error));
        let told = table(&rings, &lives(settings)?).await.map_err(|error| unanswered(&error));
        rings.close().await;
        made?;
        print!("{}", told?);
        println!("Old keys go on verifying until nothing that they signed is good any more.");
        Ok(())
    })
}

/// The keys of the services that have some.
struct Rings {
    auth: Ring,
    /// If it has a database of its own.
    music: Option<Ring>,
}

struct Ring {
    store: Arc<dyn Database>,
    keys: KeyRing,
}

impl Ring {
    async fn open(settings: &Settings, services: Services) -> Result<Self, Failure> {
        let store = assemble::database(settings, services, Upgrade::No).await?;
        let keys = KeyRing::new(store.clone(), assemble::context());
        Ok(Self { store, keys })
    }
}

impl Rings {
    async fn open(settings: &Settings) -> Result<Self, Failure> {
        let auth = Ring::open(settings, Services::AUTH).await?;
        let same = settings.database(Services::MUSIC)? == settings.database(Services::AUTH)?;
        let mut rings = Self { auth, music: None };
        if !same {
            match Ring::open(settings, Services::MUSIC).await {
                Ok(music) => rings.music = Some(music),
                Err(failure) => {
                    rings.close().await;
                    return Err(failure);
                }
            }
        }
        Ok(rings)
    }

    fn of(&self, purpose: KeyPurpose) -> &KeyRing {
        match (purpose, &self.music) {
            (KeyPurpose::MediaUrl, Some(music)) => &music.keys,
            _ => &self.auth.keys,
        }
    }

    async fn close(&self) {
        for ring in std::iter::once(&self.auth).chain(&self.music) {
            ring.store.close().await;
        }
    }
}

fn lives(settings: &Settings) -> Result<KeyLives, Failure> {
    Ok(KeyLives::of(&settings.core(settings.public_url(settings.listen)?)))
}

async fn make(rings: &Rings, purposes: &[KeyPurpose]) -> Result<(), Error> {
    for purpose in purposes {
        rings.of(*purpose).rotate(*purpose).await?;
    }
    Ok(())
}

async fn table(rings: &Rings, lives: &KeyLives) -> Result<String, Error> {
    let mut table = String::new();
    for purpose in KeyPurpose::ALL {
        let known = rings.of(purpose).known(purpose, lives).await?;
        if known.is_empty() {
            line(&mut table, purpose, "none yet: the first use makes one");
        }
        for KnownKey { key, state } in known {
            let state = match state {
                KeyState::SignsFrom(moment) => format!("signs from {moment:.0}"),
                KeyState::Signs => "signs".to_owned(),
                KeyState::VerifiesUntil(moment) => format!("verifies until {moment:.0}"),
            };
            line(&mut table, purpose, &format!("{}  made {:.0}  {state}", key.id, key.created_at));
        }
    }
    Ok(table)
}

fn line(table: &mut String, purpose: KeyPurpose, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(table, "{:<14} {text}", purpose.as_str().replace('_', "-"));
}

fn unanswered(error: &Error) -> Failure {
    Failure::new(format!("the keys cannot be read or stored: {}", one_line(error)), "look at the database")
}
