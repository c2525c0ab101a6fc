use std::time::Duration;

use moodify_core::Services;
use moodify_core::model::Mail;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Runs the services until so many welcome mails are out, then stops them in order.
async fn mails(world: &World, count: usize) -> Vec<Mail> {
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (moodify, stop) = (world.moodify.clone(), stop.clone());
        async move { moodify.run(Services::ALL, stop).await }
    });
    tokio::time::timeout(Duration::from_secs(30), async {
        while welcomes(world).len() < count {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the mails go out");
    stop.cancel();
    running.await.unwrap().unwrap();
    welcomes(world)
}

/// The request to verify the address is another mail, with another event.
fn welcomes(world: &World) -> Vec<Mail> {
    let mut sent = world.mailer.sent();
    sent.retain(|mail| mail.message_id.as_str().contains(".welcome@"));
    sent
}

#[tokio::test]
async fn a_sign_up_ends_in_one_welcome_mail() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    world.sign_up("ada@example.com").await;
    let mails = mails(&world, 1).await;
    let [mail] = mails.as_slice() else { panic!("one mail, not {}", mails.len()) };
    assert_eq!(mail.subject, "Welcome to Moodify");
    assert_eq!(mail.to.email.as_str(), "ada@example.com");
    assert!(mail.text.starts_with("Hello Ada,\n"), "{}", mail.text);
    assert!(mail.text.contains("https://moodify.example/"));
    assert!(
        mail.html.contains("Hello Ada")
            && mail.html.contains("href=\"https:&#x2f;&#x2f;moodify.example&#x2f;\"")
    );
    assert!(
        mail.html.starts_with("<!doctype html>") && !mail.html.contains("<mj-") && !mail.html.contains("{{")
    );
    assert!(mail.message_id.as_str().ends_with(".welcome@localhost.localdomain>"));
}

#[tokio::test]
async fn names_stay_text_in_mails() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    let hostile = "<img src=x onerror=alert(1)> {{ 7*7 }} </mj-text> & \u{5E9}";
    let mut request = world.request("eve@example.com", Some(hostile));
    request.first_name = moodify_core::model::PersonName::parse("<b>Eve {{ 7*7 }} {% raw %}").unwrap();
    world.moodify.accounts().sign_up(request).await.unwrap();
    let mail = mails(&world, 1).await.remove(0);
    assert!(!mail.html.contains("<img src=x"), "{}", mail.html);
    assert!(!mail.html.contains("<b>Eve"));
    assert!(mail.html.contains("{{ 7*7 }}") && mail.html.contains("&lt;b&gt;Eve"));
    assert!(mail.text.contains("<b>Eve {{ 7*7 }} {% raw %}"));
    assert_eq!(mail.to.name, "<b>Eve {{ 7*7 }} {% raw %}");
    // Nobody has proved this mailbox: no name that may read like a link goes there.
    for part in [&mail.html, &mail.text, &mail.subject] {
        assert!(!part.contains("onerror"), "{part}");
    }
}

#[tokio::test]
async fn mails_wait_for_a_process_that_runs_the_service() {
    let world = World::new();
    world.moodify.declare_consumers().await.unwrap();
    for n in 0..20 {
        world.sign_up(&format!("listener{n}@example.com")).await;
    }
    assert!(world.mailer.sent().is_empty());
    let mut receivers: Vec<String> =
        mails(&world, 20).await.into_iter().map(|mail| mail.to.email.to_string()).collect();
    receivers.sort_unstable();
    receivers.dedup();
    assert_eq!(receivers.len(), 20);
}
