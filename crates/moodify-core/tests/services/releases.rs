//! New releases, told to followers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use moodify_core::memory::MemoryQueue;
use moodify_core::model::event::{
    AccountDeleted, AccountUpdated, ArtistFollowed, ArtistUnfollowed, ReleaseAnnounced, RoleChanged,
    TrackDeleted, TrackHidden, TrackPublished,
};
use moodify_core::model::{
    AccountId, ArtistId, ArtistName, Event, EventPayload, Recipient, Role, Title, Visibility,
};
use moodify_core::port::{RecipientStore, Unavailable};
use moodify_core::service::delivery::Handler;

use crate::desk::{Desk, email, first_name};
use crate::troubled::Troubled;

pub(crate) fn track(desk: &Desk, artist_id: ArtistId) -> TrackPublished {
    TrackPublished {
        track_id: desk.context.new_id(),
        artist_id,
        artist_name: ArtistName::parse("Nina & the Tides").unwrap(),
        title: Title::parse("Low Water").unwrap(),
        visibility: Visibility::Public,
    }
}

pub(crate) async fn follow(desk: &Desk, account_id: AccountId, artist_id: ArtistId) {
    desk.publish(EventPayload::ArtistFollowed(ArtistFollowed { account_id, artist_id })).await;
}

/// Listeners with proved mailboxes who follow the artist, put where events would have put them.
pub(crate) async fn followers(desk: &Desk, artist: ArtistId, count: usize) {
    let now = desk.context.now();
    for n in 0..count {
        let account_id = desk.context.new_id();
        let recipient = Recipient {
            account_id,
            email: email(&format!("fan{n}")),
            email_verified: true,
            first_name: first_name(),
            artist_id: None,
        };
        desk.store.put_recipient(&recipient, now).await.unwrap();
        desk.store.set_following(account_id, artist, true, now).await.unwrap();
    }
}

#[tokio::test]
async fn followers_with_a_proved_mailbox_hear_of_a_public_release_once() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    let fan = desk.verified("fan", None).await;
    let colleague = desk.verified("colleague", Some(desk.context.new_id())).await;
    let the_artist = desk.verified("artist", Some(artist)).await;
    let unproved = desk.sign_up("unproved").await;
    desk.verified("stranger", None).await;
    for account in [fan, colleague, the_artist, unproved] {
        follow(&desk, account, artist).await;
    }
    desk.work_off().await;
    let before = desk.server.taken().len();
    assert_eq!(before, 1, "the welcome");

    let published = track(&desk, artist);
    desk.publish(EventPayload::TrackPublished(published.clone())).await;
    // Hidden and published again: another event about the same track.
    desk.publish(EventPayload::TrackPublished(published.clone())).await;
    desk.work_off().await;
    let mails = desk.server.taken().split_off(before);
    let mut told: Vec<_> = mails.iter().map(|mail| mail.to.email.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["colleague@example.com", "fan@example.com"]);
    assert_eq!(mails[0].subject, "New on Moodify, from an artist you follow");
    assert!(mails[0].text.contains("Nina & the Tides has released something new:\n“Low Water”"));
    assert!(mails[0].text.contains(&format!("https://moodify.example/tracks/{}\n", published.track_id)));
    assert!(mails[0].text.contains("unfollow Nina & the Tides here:\nhttps://moodify.example/artists/"));
}

#[tokio::test]
async fn releases_that_not_everybody_may_find_are_not_announced() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 1).await;
    for visibility in [Visibility::Private, Visibility::Unlisted] {
        desk.publish(EventPayload::TrackPublished(TrackPublished { visibility, ..track(&desk, artist) }))
            .await;
    }
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), 0);
}

#[tokio::test]
async fn who_leaves_before_the_mail_does_gets_none() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    let (stays, unfollows, leaves) = (
        desk.verified("stays", None).await,
        desk.verified("unfollows", None).await,
        desk.verified("leaves", None).await,
    );
    for account in [stays, unfollows, leaves] {
        follow(&desk, account, artist).await;
    }
    desk.work_off().await;
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    desk.releases().handle_due().await.unwrap();
    let gone = ArtistUnfollowed { account_id: unfollows, artist_id: artist };
    desk.publish(EventPayload::ArtistUnfollowed(gone)).await;
    desk.publish(EventPayload::AccountDeleted(AccountDeleted { account_id: leaves, artist_id: None })).await;
    while desk.mails().handle_due().await.unwrap() > 0 {}
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes(), ["stays@example.com"]);
}

#[tokio::test]
async fn a_track_that_is_gone_is_announced_to_nobody_more() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 300).await;
    let published = track(&desk, artist);
    desk.publish(EventPayload::TrackPublished(published.clone())).await;
    // The first followers have been told, the others not yet.
    desk.releases().handle_due().await.unwrap();
    while desk.announcements().handle_due().await.unwrap() > 0 {}
    let gone = TrackDeleted {
        track_id: published.track_id,
        artist_id: artist,
        audio: desk.context.new_id(),
        cover: None,
    };
    desk.publish(EventPayload::TrackDeleted(gone)).await;
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes().len(), 200, "those who were told before the deletion");

    // One that was put off until now.
    let late = ReleaseAnnounced {
        account_id: desk.store.followers(artist, None, 1).await.unwrap()[0],
        track_id: published.track_id,
        artist_id: artist,
        artist_name: published.artist_name,
        title: published.title,
    };
    desk.publish(EventPayload::ReleaseAnnounced(late)).await;
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes().len(), 200);
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    desk.work_off().await;
    assert_eq!(desk.server.mailboxes().len(), 500, "of the next one everybody hears");
}

#[tokio::test]
async fn a_track_that_is_hidden_is_announced_to_nobody_more() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 250).await;
    let published = track(&desk, artist);
    desk.publish(EventPayload::TrackPublished(published.clone())).await;
    desk.releases().handle_due().await.unwrap();
    desk.announcements().handle_due().await.unwrap();
    let told = desk.server.taken().len();
    let hidden = TrackHidden { track_id: published.track_id, artist_id: artist };
    desk.publish(EventPayload::TrackHidden(hidden)).await;
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), told, "neither those with an event nor those without");

    // The events of another one come the other way round.
    let published = track(&desk, artist);
    let hidden = TrackHidden { track_id: published.track_id, artist_id: artist };
    desk.publish(EventPayload::TrackHidden(hidden)).await;
    desk.work_off().await;
    desk.publish(EventPayload::TrackPublished(published)).await;
    desk.work_off().await;
    assert_eq!(desk.server.taken().len(), told);
}

#[tokio::test]
async fn a_great_many_followers_are_told_page_by_page_while_other_mails_go_on() {
    let desk = Desk::new().await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 1_100).await;
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    assert_eq!(desk.releases().handle_due().await.unwrap(), 1);
    let announced =
        desk.queue.receive("announcements", 10_000, desk.context.now(), Duration::ZERO).await.unwrap();
    assert!(announced.len() < 300, "one call does a bounded part: {}", announced.len());
    desk.sign_up("ada").await;
    desk.mails().handle_due().await.unwrap();
    assert_eq!(desk.server.mailboxes(), ["ada@example.com"], "bulk keeps no other mail waiting");
    desk.work_off().await;
    let mut mailboxes = desk.server.mailboxes();
    assert_eq!(mailboxes.len(), 1_101);
    mailboxes.dedup();
    assert_eq!(mailboxes.len(), 1_101, "one each");
}

#[tokio::test]
async fn an_announcement_that_is_killed_in_the_middle_loses_nobody_and_tells_nobody_twice() {
    let published = AtomicUsize::new(0);
    let dies = move |_: &Event| {
        (published.fetch_add(1, Ordering::Relaxed) % 270 == 269).then(|| Unavailable::passing("killed"))
    };
    let dying = Troubled::refusing(Arc::new(MemoryQueue::new()), dies);
    let desk = Desk::with(dying, |_| {}).await;
    let artist = desk.context.new_id();
    followers(&desk, artist, 1_000).await;
    desk.publish(EventPayload::TrackPublished(track(&desk, artist))).await;
    // Deaths are failures here, each with its wait; and mails go out between the attempts.
    for _ in 0..8 {
        desk.work_off().await;
        desk.clock.advance(Duration::from_secs(8 * 60 * 60));
    }
    let mut mailboxes = desk.server.mailboxes();
    assert_eq!(mailboxes.len(), 1_000);
    mailboxes.dedup();
    assert_eq!(mailboxes.len(), 1_000);
    assert_eq!(desk.queue.dead_letters("releases", 10).await.unwrap(), []);
}

#[tokio::test]
async fn who_becomes_an_artist_while_the_mailbox_is_proved_keeps_both() {
    let desk = Desk::new().await;
    let (account_id, artist_id) = (desk.context.new_id(), desk.context.new_id());
    let happens = |payload| {
        desk.clock.advance(Duration::from_secs(1));
        desk.context.event(payload)
    };
    let updated = |email_verified| AccountUpdated {
        account_id,
        email: email("nina"),
        email_verified,
        first_name: first_name(),
        artist_id: None,
        artist_name: None,
    };
    let before = happens(EventPayload::AccountUpdated(updated(false)));
    let proof = happens(EventPayload::AccountUpdated(updated(true)));
    let changed =
        RoleChanged { account_id, role: Role::Artist, artist_id: Some(artist_id), artist_name: None };
    let role = happens(EventPayload::RoleChanged(changed));
    // The proof is tried again, and so comes after what happened later.
    for event in [before, role, proof] {
        desk.notifications.handle(&event).await.unwrap();
    }
    let known = desk.store.recipient(account_id).await.unwrap().unwrap();
    assert!(known.email_verified, "{known:?}");
    assert_eq!(known.artist_id, Some(artist_id));
}
