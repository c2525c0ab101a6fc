//! From a commit to a mailbox, by the built program, while what it needs is stopped, killed, slow and refusing. Each
//! function here is a row of docs/faults.md; each runs on every way to deploy it that it makes sense on.
#![cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "smtp"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "../js/mail_server.rs"]
mod mail_server;
mod stack;
#[path = "../support/mod.rs"]
mod support;

use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use stack::{Database, MAILS_EACH, Stack, people, sign_up, sign_up_all, until};

/// So many sign up while the broker is away: 1,000 in the promise. Each costs a password hash.
const AWAY: &str = "BROKER_AWAY_SIGN_UPS";
/// So many good ones stand around one that is refused.
const GOOD: usize = 100;

macro_rules! rows {
    ($($deployment:ident: $($row:ident)*;)*) => {$(
        mod $deployment {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $row() {
                    let Some(stack) = super::Stack::$deployment().await else { return };
                    Box::pin(super::$row(&stack)).await;
                }
            )*
        }
    )*};
}

rows! {
    on_sqlite: a_consumer_dies_before_it_sends a_mail_server_in_trouble_holds_up_nobody_else
        one_refused_mailbox_among_a_hundred;
    on_postgresql: nobody_who_signs_up_waits_for_the_broker a_relay_dies_before_it_publishes
        a_consumer_dies_before_it_sends a_mail_server_in_trouble_holds_up_nobody_else
        one_refused_mailbox_among_a_hundred;
    on_mongodb: nobody_who_signs_up_waits_for_the_broker a_relay_dies_before_it_publishes
        a_consumer_dies_before_it_sends a_mail_server_in_trouble_holds_up_nobody_else
        one_refused_mailbox_among_a_hundred;
}

/// How many events they cause: one for each mail.
fn all_of(names: &[String]) -> u64 {
    (names.len() * MAILS_EACH) as u64
}

/// It is away while many sign up, and then killed and started again while others do: all are answered 201, and as many
/// mails come afterwards. Relay and consumers find it again by themselves, each time.
async fn nobody_who_signs_up_waits_for_the_broker(stack: &Stack) {
    let server = stack.serve("all");
    let count = std::env::var(AWAY).map_or(100, |count| count.parse().unwrap());
    let mut names = people("away", count);
    stack.broker().stop();
    sign_up_all(&server, &names);
    assert!(stack.welcomed().await.is_empty(), "without a broker nobody hears of them");
    stack.broker().start_again();
    for round in 0..2 {
        let more = people(&format!("restart{round}-"), 10);
        let (first, second) = more.split_at(5);
        sign_up_all(&server, first);
        stack.broker().stop();
        sign_up_all(&server, second);
        stack.broker().start_again();
        names.extend(more);
    }
    let log = stack.ends_well(vec![server], &names, 0).await;
    assert!(log.contains("connected to the broker"), "{log}");
}

/// Committed and answered, and killed before it can be published.
async fn a_relay_dies_before_it_publishes(stack: &Stack) {
    let auth = stack.serve("auth");
    stack.broker().stop();
    let names = people("ada", 3);
    sign_up_all(&auth, &names);
    auth.kill();
    assert_eq!(stack.backlog().await, all_of(&names));
    stack.broker().start_again();
    stack.let_leases_run_out().await;
    let servers = vec![stack.serve("auth"), stack.serve("notification")];
    stack.ends_well(servers, &names, 0).await;
}

/// Killed when the broker has confirmed and the note of that is not made: published twice, and sent once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_dies_before_its_note_on_postgresql() {
    let Some(stack) = Stack::on_postgresql().await else { return };
    let Database::Postgres(postgres) = &stack.database else { panic!("another database") };
    let (auth, notification) = (stack.serve("auth"), stack.serve("notification"));
    postgres.sql(
        "moodify",
        "CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
         CREATE TRIGGER not_now BEFORE DELETE ON outbox EXECUTE FUNCTION not_now()",
    );
    let names = people("ada", 3);
    sign_up_all(&auth, &names);
    stack.are_welcomed(&names).await;
    auth.kill();
    postgres.sql("moodify", "DROP TRIGGER not_now ON outbox");
    assert_eq!(stack.backlog().await, all_of(&names), "published, and nobody knows");
    stack.let_leases_run_out().await;
    stack.ends_well(vec![stack.serve("auth"), notification], &names, 0).await;
}

/// The same where a note cannot be held up: it is taken back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_dies_before_its_note_on_mongodb() {
    let Some(stack) = Stack::on_mongodb().await else { return };
    let Database::Mongodb(server) = &stack.database else { panic!("another database") };
    let (auth, notification) = (stack.serve("auth"), stack.serve("notification"));
    stack.broker().stop();
    let names = people("ada", 3);
    sign_up_all(&auth, &names);
    let client = mongodb::Client::with_uri_str(server.url("moodify")).await.unwrap();
    let outbox = client.default_database().unwrap().collection::<Document>("outbox");
    let mut events = Vec::new();
    let mut cursor = outbox.find(doc! {}).await.unwrap();
    while cursor.advance().await.unwrap() {
        let mut event = cursor.deserialize_current().unwrap();
        event.insert("leased_until", 0_i64);
        events.push(event);
    }
    // The client waits for its end before its own.
    drop(cursor);
    assert_eq!(events.len() as u64, all_of(&names));
    stack.broker().start_again();
    stack.are_welcomed(&names).await;
    until("all is published", async || stack.backlog().await == 0).await;
    auth.kill();
    outbox.insert_many(events).await.unwrap();
    client.shutdown().await;
    stack.ends_well(vec![stack.serve("auth"), notification], &names, 0).await;
}

/// Killed with a mail in its hands that the mail server has not taken: another one sends it.
async fn a_consumer_dies_before_it_sends(stack: &Stack) {
    let (auth, notification) = (stack.serve("auth"), stack.serve("notification"));
    stack.mailbox.control(json!({ "hold": true })).await;
    let names = people("ada", 2);
    sign_up_all(&auth, &names);
    until("it is at it", async || stack.mailbox.seen().await.held > 0).await;
    notification.kill();
    stack.mailbox.control(json!({ "hold": false })).await;
    stack.let_leases_run_out().await;
    stack.ends_well(vec![auth, stack.serve("notification")], &names, 0).await;
}

/// Some mailboxes are greylisted and some get no answer; then it hangs up on everybody. Nobody who signs up hears of
/// it, the others get their mails meanwhile, and what failed is tried again on schedule, until it works.
async fn a_mail_server_in_trouble_holds_up_nobody_else(stack: &Stack) {
    let server = stack.serve("all");
    let troubled = ["later", "stuck"].map(str::to_owned);
    let good = people("good", 10);
    sign_up_all(&server, &troubled);
    sign_up_all(&server, &good);
    stack.are_welcomed(&good).await;
    assert_eq!(stack.welcomed().await.len(), good.len());
    // Who is cut off when the whole mail is there does not know whether it was taken: that is another row.
    stack.all_mails_have_come(&good).await;
    stack.mailbox.control(json!({ "down": true, "hang_up": true })).await;
    let patient = people("patient", 2);
    sign_up_all(&server, &patient);
    until("it has hung up", async || stack.mailbox.seen().await.turned_away > 0).await;
    stack.mailbox.control(json!({ "down": false, "lenient": true })).await;
    let names = [&troubled[..], &good[..], &patient[..]].concat();
    let log = stack.ends_well(vec![server], &names, 0).await;
    assert!(log.contains("to be tried again") && log.contains("4.7.1 greylisted"), "{log}");
    assert!(!log.contains("given up"), "{log}");
}

/// What is refused for good is kept with the server's words, and stands in nobody's way.
async fn one_refused_mailbox_among_a_hundred(stack: &Stack) {
    let server = stack.serve("all");
    let names = people("good", GOOD);
    let (before, after) = names.split_at(GOOD / 2);
    sign_up_all(&server, before);
    sign_up(&server, "refused");
    sign_up_all(&server, after);
    stack.ends_well(vec![server], &names, MAILS_EACH as u64).await;
    let listed = stack.place.run(&["dead-letters", "list", "--json"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let letters: Vec<Value> = listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len(), MAILS_EACH, "{listed:?}");
    for letter in letters {
        assert!(letter["reason"].as_str().unwrap().contains("5.1.1 nobody of that name"), "{letter}");
    }
}
