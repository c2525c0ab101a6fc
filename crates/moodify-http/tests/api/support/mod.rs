//! A platform in memory, and short ways to ask it.

mod answer;
mod form;
mod world;

pub(crate) use answer::Answer;
pub(crate) use form::Form;
pub(crate) use world::{Account, PASSWORD, World};

/// One of the tunes and pictures in `examples/media`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/../../examples/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The services over these parts.
pub(crate) fn moodify(
    store: std::sync::Arc<moodify_core::memory::MemoryStore>,
    media: std::sync::Arc<moodify_core::memory::MemoryMediaStore>,
    clock: std::sync::Arc<dyn moodify_core::port::Clock>,
    rng: std::sync::Arc<dyn moodify_core::port::Rng>,
    probe: std::sync::Arc<dyn moodify_core::port::MediaProbe>,
) -> moodify_core::Moodify {
    use moodify_core::service::*;
    use std::sync::Arc;
    let x = Context { clock, rng };
    let config = moodify_core::Config::new("http://music.test".parse().unwrap());
    let keys = Arc::new(KeyRing::new(store.clone(), x.clone()));
    let g = MediaGate::new(media.clone(), keys.clone(), x.clone(), &config.public_url);
    let a = Accounts::new(store.clone(), keys, x.clone(), &config).unwrap();
    let c = Catalog::new(
        catalog::CatalogParts { store, media, signer: Arc::new(g.clone()), probe },
        x.clone(),
        config.catalog.clone(),
    );
    moodify_core::Moodify { a, c, g: Some(g), x }
}
