//! Uploads that end otherwise: given up, forgotten, deleted, too many.

use std::time::Duration;

use moodify_core::Config;
use moodify_core::port::{Clock, Outbox, UploadStore};
use moodify_core::service::delivery::Handler;
use serde_json::json;

use super::{
    DAY, MINUTE, announced, ask, begin, complete, path, send, send_part, tune, upload, with_places, work,
    world,
};
use crate::support::World;

#[tokio::test]
async fn an_artist_has_so_many_under_way_and_aborting_frees_a_place_when_the_addresses_are_over() {
    let world = with_places(2);
    let (nina, otto) = (world.artist("Nina").await, world.artist("Otto").await);
    let file = tune();
    let first = begin(&world, &nina, announced(&file)).await;
    upload(&world, &nina, announced(&file), &file).await;
    // A track holds no place.
    let second = begin(&world, &nina, announced(&file)).await;
    let full = async || world.post("/v1/uploads", &nina.token, announced(&file)).await;
    full().await.problem(409, "too_many_uploads");
    begin(&world, &otto, announced(&file)).await;
    world.delete(&path(&first), &nina.token).await.empty(204);
    world.get(&path(&first), &nina.token).await.problem(404, "upload_not_found");
    complete(&world, &nina, &first).await.problem(404, "upload_not_found");
    // Who begins and aborts all the time could fill the store by addresses that still work.
    full().await.problem(409, "too_many_uploads");
    world.clock.advance(15 * MINUTE);
    begin(&world, &nina, announced(&file)).await;
    full().await.problem(409, "too_many_uploads");
    assert_eq!(ask(&world, &nina, &second).await["status"], "open");
}

#[tokio::test]
async fn aborted_uploads_leave_nothing_even_of_what_comes_late() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    let parts = upload["parts"].as_array().unwrap();
    send_part(&world, &parts[0], &file).await;
    world.delete(&path(&upload), &nina.token).await.empty(204);
    world.delete(&path(&upload), &nina.token).await.problem(404, "upload_not_found");
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    // The address is signed, and works to its end.
    send_part(&world, &parts[1], &file).await;
    work(&world).await;
    assert_eq!(world.media_keys().await.len(), 1);
    world.clock.advance(75 * MINUTE);
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    let id = upload["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.store.upload(id).await.unwrap(), None);
}

#[tokio::test]
async fn abandoned_uploads_are_given_up_after_a_day_and_forgotten_after_a_week() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let upload = begin(&world, &nina, announced(&file)).await;
    send_part(&world, &upload["parts"][0], &file).await;
    world.clock.advance(DAY - Duration::from_secs(1));
    work(&world).await;
    assert_eq!(ask(&world, &nina, &upload).await["status"], "open");
    world.clock.advance(Duration::from_secs(1));
    work(&world).await;
    let expired = ask(&world, &nina, &upload).await;
    assert_eq!((&expired["status"], &expired["rejected_reason"]), (&json!("rejected"), &json!("expired")));
    assert_eq!(complete(&world, &nina, &upload).await.json(202)["status"], "rejected");
    assert_eq!(world.media_keys().await, []);
    world.clock.advance(7 * DAY);
    work(&world).await;
    world.get(&path(&upload), &nina.token).await.problem(404, "upload_not_found");
}

#[tokio::test]
async fn a_finished_upload_is_no_longer_aborted() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let ready = upload(&world, &nina, announced(&file), &file).await;
    world.delete(&path(&ready), &nina.token).await.problem(409, "upload_finished");
    let rejected = upload(&world, &nina, announced(b"<html>"), b"<html>").await;
    world.delete(&path(&rejected), &nina.token).await.empty(204);
    // One that waits to be looked at is.
    let waiting = begin(&world, &nina, announced(&file)).await;
    send(&world, &waiting, &file).await;
    complete(&world, &nina, &waiting).await.json(202);
    world.delete(&path(&waiting), &nina.token).await.empty(204);
    work(&world).await;
    assert_eq!(world.tracks(&nina).await, 1);
    assert_eq!(world.media_keys().await.len(), 3);
}

#[tokio::test]
async fn the_uploads_of_a_deleted_account_go_whatever_was_sent() {
    let world = world();
    let nina = world.artist("Nina").await;
    let file = tune();
    let open = begin(&world, &nina, announced(&file)).await;
    send_part(&world, &open["parts"][0], &file).await;
    let completed = begin(&world, &nina, announced(&file)).await;
    send(&world, &completed, &file).await;
    complete(&world, &nina, &completed).await.json(202);
    world.delete("/v1/me", &nina.token).await.empty(204);
    for event in world.store.lease(100, world.clock.now(), Duration::ZERO).await.unwrap() {
        // It asks to be told once more when the last token has expired.
        let _ = world.moodify.catalog().handle(&event).await;
    }
    complete(&world, &nina, &open).await.problem(401, "invalid_token");
    world.post("/v1/uploads", &nina.token, announced(&file)).await.problem(401, "invalid_token");
    work(&world).await;
    assert_eq!(world.media_keys().await, []);
    assert_eq!(world.tracks(&nina).await, 0);
    world.clock.advance(75 * MINUTE);
    work(&world).await;
    for upload in [open, completed] {
        let id = upload["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.store.upload(id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_upload_for_which_there_never_is_room_is_rejected_in_the_end_and_frees_its_place() {
    let configure = |config: &mut Config| {
        config.accounts.access_token_ttl = 30 * DAY;
        config.catalog.direct_uploads = 1;
        config.catalog.uploads_at_once = 1;
    };
    let world = World::build(configure, |_| ());
    let nina = world.artist("Nina").await;
    let file = tune();
    // One that goes on all the time.
    let caller = world.moodify.accounts().authenticate(&nina.token).await.unwrap();
    let _endless = world.moodify.catalog().begin_upload(&caller).unwrap();
    let upload = begin(&world, &nina, announced(&file)).await;
    send(&world, &upload, &file).await;
    complete(&world, &nina, &upload).await.json(202);
    for _ in 0..23 {
        work(&world).await;
        world.clock.advance(60 * MINUTE);
    }
    work(&world).await;
    assert_eq!(ask(&world, &nina, &upload).await["status"], "processing");
    world.post("/v1/uploads", &nina.token, announced(&file)).await.problem(409, "too_many_uploads");
    for _ in 0..14 {
        world.clock.advance(60 * MINUTE);
        work(&world).await;
    }
    let given_up = ask(&world, &nina, &upload).await;
    let expected = (&json!("rejected"), &json!("not_checked"));
    assert_eq!((&given_up["status"], &given_up["rejected_reason"]), expected);
    assert_eq!(world.media_keys().await, []);
    begin(&world, &nina, announced(&file)).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_place_for_longer() {
    let world = with_places(1);
    let nina = world.artist("Nina").await;
    let file = tune();
    let today = world.clock.now();
    world.clock.advance(20 * DAY);
    let upload = begin(&world, &nina, announced(&file)).await;
    send(&world, &upload, &file).await;
    complete(&world, &nina, &upload).await.json(202);
    world.clock.set(today);
    world.delete(&path(&upload), &nina.token).await.empty(204);
    world.post("/v1/uploads", &nina.token, announced(&file)).await.problem(409, "too_many_uploads");
    world.clock.advance(16 * MINUTE);
    begin(&world, &nina, announced(&file)).await;
    work(&world).await;
    world.clock.advance(75 * MINUTE);
    work(&world).await;
    let id = upload["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.store.upload(id).await.unwrap(), None);
}
