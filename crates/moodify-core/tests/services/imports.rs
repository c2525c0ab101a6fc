//! What comes from another system: as it was there, once, and with no word to anybody.

use moodify_core::Error;
use moodify_core::model::account::ArtistProfile;
use moodify_core::model::{
    Account, AccountId, ArtistName, Description, EventPayload, PageSize, PasswordHash, PersonName, Role,
    Timestamp, Title, TrackId, Visibility,
};
use moodify_core::service::accounts::{Accounts, Imported, LogIn};
use moodify_core::service::catalog::ImportedPlaylist;
use uuid::Uuid;

use crate::world::World;

const HASH: &str = "$2a$04$0kyIHtXr4q18lDtJRXkqiewKEVDnoVr1vQCdwtTNG1JeWMDkEFx.a";
const PASSWORD: &str = "low water at the pier \u{1F30A}";

fn hash() -> Option<PasswordHash> {
    let hash = Accounts::foreign_hash(HASH);
    assert!(hash.is_some());
    hash
}

fn account(number: u128, email: &str) -> Account {
    Account {
        id: Uuid::from_u128(number).into(),
        email: email.parse().unwrap(),
        email_verified: true,
        first_name: PersonName::parse("Nina").unwrap(),
        last_name: PersonName::parse("Tide").unwrap(),
        artist: Some(ArtistProfile {
            id: Uuid::from_u128(number + 1000).into(),
            name: ArtistName::parse("Nina and the Tides").unwrap(),
        }),
        created_at: Timestamp::from_second(1_700_000_000).unwrap(),
    }
}

#[tokio::test]
async fn an_imported_account_logs_in_and_nobody_is_welcomed() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    let accounts = world.moodify.accounts();
    let nina = account(1, "nina@example.com");
    assert!(matches!(accounts.import(nina.clone(), hash(), None).await.unwrap(), Imported::Stored));
    let news = world.news().await;
    let [EventPayload::AccountUpdated(told)] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!((told.account_id, told.email_verified), (nina.id, true));
    assert_eq!(told.artist_id, nina.artist.as_ref().map(|artist| artist.id));

    let request = LogIn {
        email: "nina@example.com".to_owned(),
        password: PASSWORD.to_owned(),
        role: Role::Artist,
        user_agent: None,
        from: None,
    };
    let signed_in = accounts.log_in(request).await.unwrap();
    assert_eq!(signed_in.account, nina);
    let caller = world.caller(&signed_in).await;
    let seen = accounts.caller_of(&nina);
    assert_eq!(
        (seen.account_id, seen.artist_id, seen.name),
        (caller.account_id, caller.artist_id, caller.name)
    );
}

#[tokio::test]
async fn importing_again_changes_and_tells_nothing() {
    let world = World::new();
    let accounts = world.moodify.accounts();
    let nina = account(1, "nina@example.com");
    accounts.import(nina.clone(), hash(), None).await.unwrap();
    world.news().await;
    let renamed = Account { last_name: PersonName::parse("Ebb").unwrap(), ..nina.clone() };
    assert!(matches!(accounts.import(renamed, None, None).await.unwrap(), Imported::Known));
    assert_eq!(accounts.account_with_id(nina.id).await.unwrap(), Some(nina.clone()));

    let other = account(2, "nina@example.com");
    let Imported::EmailTaken(holder) = accounts.import(other.clone(), hash(), None).await.unwrap() else {
        panic!("two accounts with one e-mail")
    };
    assert_eq!(
        (&*holder, accounts.account_with_email(&other.email).await.unwrap()),
        (&nina, Some(nina.clone()))
    );
    assert_eq!(accounts.account_with_id(other.id).await.unwrap(), None);
    assert!(world.news().await.is_empty());
}

fn playlist(owner_id: AccountId, tracks: &[TrackId]) -> ImportedPlaylist {
    let place = |(index, track): (usize, &TrackId)| (Uuid::from_u128(100 + index as u128).into(), *track);
    ImportedPlaylist {
        id: Uuid::from_u128(7).into(),
        owner_id,
        title: Title::parse("Evening").unwrap(),
        description: Description::parse("").unwrap(),
        visibility: Visibility::Private,
        entries: tracks.iter().enumerate().map(place).collect(),
        created_at: Timestamp::from_second(1_700_000_000).unwrap(),
        updated_at: Timestamp::from_second(1_700_000_060).unwrap(),
    }
}

#[tokio::test]
async fn an_imported_playlist_is_as_it_was_and_there_once() {
    let world = World::new();
    let signed_in = world.sign_up("ada@example.com").await;
    let caller = world.caller(&signed_in).await;
    let catalog = world.moodify.catalog();
    let new = playlist(caller.account_id, &[]);
    assert!(!catalog.has_playlist(new.id).await.unwrap());
    assert!(catalog.import_playlist(new.clone()).await.unwrap());
    let renamed = ImportedPlaylist { title: Title::parse("Morning").unwrap(), ..new.clone() };
    assert!(!catalog.import_playlist(renamed).await.unwrap());

    let all = catalog.list_playlists(&caller, PageSize::MAX, None).await.unwrap().items;
    let [found] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((found.id, found.title.as_str(), found.entry_count), (new.id, "Evening", 0));
    assert_eq!((found.created_at, found.updated_at), (new.created_at, new.updated_at));

    let nothing: TrackId = Uuid::from_u128(9).into();
    assert!(catalog.existing_tracks(&[nothing]).await.unwrap().is_empty());
    let of_nothing =
        ImportedPlaylist { id: Uuid::from_u128(8).into(), ..playlist(caller.account_id, &[nothing]) };
    assert!(matches!(catalog.import_playlist(of_nothing).await, Err(Error::NotFound { what: "track" })));
}
