//! Sample values. Each call makes new ones: no two share an identifier, an address or a moment.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::memory::SystemRng;
use crate::model::account::ArtistProfile;
use crate::model::event::{
    AccountCreated, AccountDeleted, AccountUpdated, ArtistFollowed, ArtistUnfollowed,
    EmailVerificationRequested, PasswordChanged, PasswordResetRequested, PlayReported, ReleaseAnnounced,
    RoleChanged, SessionRevoked, TrackDeleted, TrackHidden, TrackPublished,
};
use crate::model::id::uuid_v7;
use crate::model::playlist::NewEntry;
use crate::model::{
    Account, AccountId, AnnouncedCover, Artist, ArtistName, Description, DeviceId, DirectUpload, Email,
    Event, EventId, EventKind, EventPayload, Genre, Identity, KeyPurpose, Mail, MailKind, MailToken,
    MailTokenPurpose, Mailbox, MessageId, NewAccount, PasswordHash, PersonName, PictureKind, PlayId,
    Playlist, Role, Session, StoredKey, StoredMailToken, Title, TokenHash, TraceContext, Track, TrackStatus,
    UploadStatus, UserAgent, Visibility,
};
use crate::port::Rng;

/// A moment that none of the earlier ones reaches, 1.000001 s after the last one: identifiers made
/// from them sort in the order of making, and the microseconds show whether a store keeps them.
///
/// Each case that [`run`](super::run) runs has a sequence of its own: how many moments pass is up to the
/// case, whatever runs beside it. Everybody else shares one.
pub fn moment() -> Timestamp {
    static SHARED: Moments = Moments::new();
    let own = OWN.with_borrow(|own| own.as_ref().map(|moments| moments.next()));
    own.unwrap_or_else(|| SHARED.next())
}

thread_local! {
    /// The moments of the case that this thread works for.
    static OWN: RefCell<Option<Arc<Moments>>> = const { RefCell::new(None) };
}

/// A sequence of moments.
pub(super) struct Moments(AtomicI64);

impl Moments {
    pub(super) const fn new() -> Self {
        Self(AtomicI64::new(1_772_368_496_123_457))
    }

    /// From now on [`moment`] draws from these, on this thread.
    pub(super) fn enter(self: &Arc<Self>) {
        OWN.set(Some(Arc::clone(self)));
    }

    fn next(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.fetch_add(1_000_001, Ordering::Relaxed)).unwrap()
    }
}

/// The moment this much later.
pub fn after(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_add(SignedDuration::try_from(duration).unwrap()).unwrap()
}

/// The moment this much earlier.
pub fn before(moment: Timestamp, duration: Duration) -> Timestamp {
    moment.checked_sub(SignedDuration::try_from(duration).unwrap()).unwrap()
}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRng.fill(&mut bytes);
    bytes
}

/// A new identifier of any kind, greater than all before it.
pub fn id<T: From<Uuid>>() -> T {
    uuid_v7(moment(), &random()).into()
}

/// A word that stands in no other sample, of letters and digits.
pub fn word() -> String {
    random::<8>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An address that no other sample has.
pub fn email() -> Email {
    Email::parse(&format!("listener-{}@example.com", word())).unwrap()
}

/// A listener with a password.
pub fn account() -> NewAccount {
    NewAccount {
        account: Account {
            id: id(),
            email: email(),
            email_verified: false,
            first_name: PersonName::parse("Zoë 🎧").unwrap(),
            last_name: PersonName::parse("O'Brien 夜").unwrap(),
            artist: None,
            created_at: moment(),
        },
        password_hash: Some(PasswordHash::from_phc(format!(
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ${}",
            word()
        ))),
        verification: None,
        identity: None,
    }
}

/// Somebody at an issuer that no other sample has.
pub fn identity() -> Identity {
    Identity::new(format!("https://{}.example", word()), word()).unwrap()
}

/// A token of this account, good for an hour.
pub fn mail_token(account: &Account, purpose: MailTokenPurpose) -> StoredMailToken {
    let created_at = moment();
    StoredMailToken {
        hash: TokenHash(random()),
        account_id: account.id,
        purpose,
        created_at,
        expires_at: after(created_at, Duration::from_secs(60 * 60)),
    }
}

/// An artist without a password.
pub fn artist_account() -> NewAccount {
    let mut new = account();
    new.account.email_verified = true;
    new.account.artist =
        Some(ArtistProfile { id: id(), name: ArtistName::parse("Sigur Rós & ДДТ").unwrap() });
    new.password_hash = None;
    new
}

/// A session of this account that has just begun.
pub fn session(account: &Account) -> Session {
    let now = moment();
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    Session {
        id: id(),
        account_id: account.id,
        key_id: id(),
        token_hash: TokenHash(random()),
        generation: 0,
        rotated_at: now,
        idle_expires_at: after(now, days(30)),
        expires_at: after(now, days(90)),
        created_at: now,
        user_agent: UserAgent::from_header(&format!("Moodify-Player/1.0 ({})", word())),
    }
}

/// An event of this kind, younger than all before it.
pub fn event(kind: EventKind) -> Event {
    let occurred_at = moment();
    let trace = TraceContext::new(u128::from_be_bytes(random()), u64::from_be_bytes(random()), true);
    Event::new(uuid_v7(occurred_at, &random()).into(), occurred_at, trace, payload(kind))
}

fn payload(kind: EventKind) -> EventPayload {
    let first_name = || PersonName::parse("Žofie").unwrap();
    let artist_name = || ArtistName::parse("Beyoncé \"B\"").unwrap();
    let title = || Title::parse("夜に駆ける 🎵 \\ {\"$ne\": null}").unwrap();
    let token = || MailToken::new("c2VjcmV0LW9mLXRoaXMtbGluaw");
    match kind {
        EventKind::AccountCreated => EventPayload::AccountCreated(AccountCreated {
            account_id: id(),
            email: email(),
            first_name: first_name(),
            role: Role::Artist,
            artist_id: Some(id()),
            artist_name: Some(artist_name()),
        }),
        EventKind::AccountUpdated => EventPayload::AccountUpdated(AccountUpdated {
            account_id: id(),
            email: email(),
            email_verified: true,
            first_name: first_name(),
            artist_id: Some(id()),
            artist_name: Some(artist_name()),
        }),
        EventKind::AccountDeleted => {
            EventPayload::AccountDeleted(AccountDeleted { account_id: id(), artist_id: None })
        }
        EventKind::RoleChanged => EventPayload::RoleChanged(RoleChanged {
            account_id: id(),
            role: Role::Artist,
            artist_id: Some(id()),
            artist_name: Some(artist_name()),
        }),
        EventKind::SessionRevoked => {
            EventPayload::SessionRevoked(SessionRevoked { account_id: id(), session_id: id() })
        }
        EventKind::EmailVerificationRequested => {
            EventPayload::EmailVerificationRequested(EmailVerificationRequested {
                account_id: id(),
                email: email(),
                first_name: first_name(),
                token: token(),
                expires_at: moment(),
            })
        }
        EventKind::PasswordResetRequested => EventPayload::PasswordResetRequested(PasswordResetRequested {
            account_id: id(),
            email: email(),
            first_name: first_name(),
            token: token(),
            expires_at: moment(),
        }),
        EventKind::PasswordChanged => EventPayload::PasswordChanged(PasswordChanged {
            account_id: id(),
            email: email(),
            first_name: first_name(),
        }),
        EventKind::TrackPublished => EventPayload::TrackPublished(TrackPublished {
            track_id: id(),
            artist_id: id(),
            artist_name: artist_name(),
            title: title(),
            visibility: Visibility::Unlisted,
        }),
        EventKind::TrackHidden => EventPayload::TrackHidden(TrackHidden { track_id: id(), artist_id: id() }),
        EventKind::TrackDeleted => EventPayload::TrackDeleted(TrackDeleted {
            track_id: id(),
            artist_id: id(),
            audio: id(),
            cover: Some(id()),
        }),
        EventKind::ArtistFollowed => {
            EventPayload::ArtistFollowed(ArtistFollowed { account_id: id(), artist_id: id() })
        }
        EventKind::ArtistUnfollowed => {
            EventPayload::ArtistUnfollowed(ArtistUnfollowed { account_id: id(), artist_id: id() })
        }
        EventKind::ReleaseAnnounced => EventPayload::ReleaseAnnounced(ReleaseAnnounced {
            account_id: id(),
            track_id: id(),
            artist_id: id(),
            artist_name: artist_name(),
            title: title(),
        }),
        EventKind::PlayReported => EventPayload::PlayReported(PlayReported {
            account_id: id(),
            track_id: id(),
            play_id: PlayId::parse("kitchen-0042").unwrap(),
            started_at: moment(),
            played_ms: 187_000,
            device_id: Some(DeviceId::parse("kitchen").unwrap()),
        }),
    }
}

/// One event of every kind, oldest first.
pub fn events() -> Vec<Event> {
    EventKind::ALL.into_iter().map(event).collect()
}

/// A key of this purpose, newer than all before it.
pub fn key(purpose: KeyPurpose) -> StoredKey {
    StoredKey::new(id(), purpose, moment(), random())
}

/// An artist with a name of its own.
pub fn artist() -> Artist {
    Artist {
        id: id(),
        account_id: id(),
        name: ArtistName::parse(&format!("Mötley {} 🤘", word())).unwrap(),
        named_at: moment(),
        created_at: moment(),
    }
}

/// The artist under another name, taken just now.
pub fn renamed(artist: &Artist, name: &str) -> Artist {
    Artist { name: ArtistName::parse(name).unwrap(), named_at: moment(), ..artist.clone() }
}

/// A public track of this artist that plays, newer than all before it, with a cover.
pub fn track(artist: &Artist) -> Track {
    let created_at = moment();
    Track {
        id: uuid_v7(created_at, &random()).into(),
        artist_id: artist.id,
        artist_name: artist.name.clone(),
        title: Title::parse(&format!("Für Élise {} 🎹", word())).unwrap(),
        genre: Some(Genre::parse("Électro-Pop").unwrap()),
        duration_ms: 183_040,
        size_bytes: 2_934_567,
        visibility: Visibility::Public,
        status: TrackStatus::Ready,
        audio: id(),
        cover: Some(id()),
        play_count: 0,
        created_at,
        version: 1,
    }
}

/// A private playlist of this account, newer than all before it, without entries.
pub fn playlist(owner_id: AccountId) -> Playlist {
    let created_at = moment();
    Playlist {
        id: uuid_v7(created_at, &random()).into(),
        owner_id,
        title: Title::parse(&format!("Été {} ☀️", word())).unwrap(),
        description: Description::parse("For the road: 100% <b>sun</b>").unwrap(),
        visibility: Visibility::Private,
        entry_count: 0,
        created_at,
        updated_at: created_at,
        version: 1,
    }
}

/// An entry for each of these tracks, in their order.
pub fn entries<'a>(tracks: impl IntoIterator<Item = &'a Track>) -> Vec<NewEntry> {
    tracks.into_iter().map(|track| NewEntry { id: id(), track_id: track.id, added_at: moment() }).collect()
}

/// A mail to a new account.
pub fn mail() -> Mail {
    let mailbox = |name: &str, email| Mailbox { name: name.to_owned(), email };
    Mail {
        message_id: MessageId::new(id(), MailKind::Welcome, "example.com"),
        from: mailbox("Moodify", Email::parse("hello@example.com").unwrap()),
        to: mailbox("Zoë O'Brien", email()),
        subject: "Welcome, Zoë 🎧".to_owned(),
        html: "<!doctype html><p>Welcome, <b>Zoë</b>!</p>\n".to_owned(),
        text: "Welcome, Zoë!\n".to_owned(),
    }
}

/// The identifiers of events, in their order.
pub fn event_ids(events: &[Event]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

/// A direct upload of this account that was just begun, with everything that it can have.
pub fn direct_upload(account_id: AccountId) -> DirectUpload {
    let created_at = moment();
    let expires_at = after(created_at, Duration::from_secs(24 * 60 * 60));
    let size_bytes = 20_000_000;
    DirectUpload {
        id: id(),
        account_id,
        artist_id: id(),
        size_bytes,
        part_bytes: DirectUpload::part_bytes_of(size_bytes, 8 << 20),
        cover: Some(AnnouncedCover { kind: PictureKind::Png, size_bytes: 5_000 }),
        title: Some(Title::parse("夜に駆ける 🎵 \\ {\"$ne\": null}").unwrap()),
        genre: Some(Genre::parse("Café").unwrap()),
        visibility: Visibility::Unlisted,
        status: UploadStatus::Open,
        refusal: None,
        created_at,
        expires_at,
        closed_at: None,
        place_until: None,
        due_at: expires_at,
        attempts: 0,
        version: 1,
    }
}
