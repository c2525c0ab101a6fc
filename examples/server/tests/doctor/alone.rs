//! What is wrong without any server: nobody listens, a name is none, a setting cannot be meant.

use crate::{SECRET, nobody, support::Place, told};

#[test]
fn a_default_place_has_nothing_to_mend() {
    let told = told(&Place::new(), "");
    assert_eq!(told.ended.code, Some(0), "{:?}", told.ended);
    assert!(told.rows.iter().all(|row| matches!(row.state.as_str(), "ok" | "-")), "{:?}", told.ended);
}

#[test]
fn each_part_that_is_out_of_reach_is_told_beside_the_others() {
    let place = Place::new();
    let at = nobody();
    for (compiled, settings, part, what) in [
        (
            cfg!(feature = "postgres"),
            format!("database = \"postgres://ada:{SECRET}@{at}/music\"\n"),
            "database",
            "cannot reach the database",
        ),
        (
            cfg!(feature = "postgres"),
            format!("database = \"postgres://ada:{SECRET}@no-such-host.invalid/music\"\n"),
            "database",
            "cannot reach the database",
        ),
        (
            cfg!(feature = "mongodb"),
            format!(
                "database = \"mongodb://ada:{SECRET}@{at}/music\"\n[mongodb]\nconnect_timeout_secs = 1\n"
            ),
            "database",
            "cannot reach the database",
        ),
        (
            cfg!(feature = "rabbitmq"),
            format!("queue = \"amqp://ada:{SECRET}@{at}/music\"\n"),
            "queue",
            "out of reach",
        ),
        (
            cfg!(feature = "smtp"),
            format!("mailer = \"smtp://ada:{SECRET}@{at}\"\n"),
            "mailer",
            "smtp://***@127.0.0.1",
        ),
        (
            cfg!(feature = "smtp"),
            format!("mailer = \"smtp://ada:{SECRET}@no-such-host.invalid\"\n"),
            "mailer",
            "no-such-host.invalid",
        ),
        (cfg!(feature = "redis"), format!("sync = \"redis://:{SECRET}@{at}\"\n"), "sync", "out of reach"),
        (
            cfg!(feature = "google"),
            format!(
                "[google]\nissuer = \"http://{at}\"\nclient_id = \"app\"\nclient_secret = \"{SECRET}\"\n"
            ),
            "google",
            "issuer",
        ),
        (true, "media = \"file:///proc/nothing\"\n".to_owned(), "media", "/proc/nothing"),
        (true, "mailer = \"file:///proc/nothing\"\n".to_owned(), "mailer", "/proc/nothing"),
        (true, "database = \"sqlite:///proc/nothing/a.db\"\n".to_owned(), "database", ""),
        (true, "queue = \"carrier-pigeon:\"\n".to_owned(), "queue", "there is no adapter"),
        (true, "media = \"https://bucket.example\"\n".to_owned(), "media", "there is no adapter"),
        (
            true,
            "public_url = \"https://music.example.org/api\"\n".to_owned(),
            "public_url",
            "not the address",
        ),
    ] {
        if compiled {
            told(&place, &settings).assert_failed(part, what, "");
        }
    }
}

#[test]
fn what_can_be_read_on_the_way_is_worth_a_look() {
    let place = Place::new();
    let clear = told(&place, "public_url = \"http://music.example.org\"\n");
    clear.assert_row("public_url", "look", "not encrypted", "TLS");
    assert_eq!(clear.ended.code, Some(0), "{:?}", clear.ended);
    let origin =
        "public_url = \"https://music.example.org\"\n[http]\nallowed_origins = \"http://app.example.org\"\n";
    told(&place, origin).assert_row("public_url", "look", "http://app.example.org", "https");
}

/// Before anything is tried.
#[test]
fn settings_with_a_mistake_are_refused_as_at_a_start() {
    let place = Place::new();
    for (settings, what) in [
        ("databse = \"sqlite://x\"\n", "line 1: unknown field `databse`"),
        ("[smtp]\nca = \"x\"\n", "line 2: unknown field `ca`"),
        ("mailer = \"hunter2\"\n", "line 1: a URL is expected"),
        ("[gmail]\nclient_secret = [\"hunter2\"]\n", "line 2: invalid type"),
        ("[http]\nallowed_origins = \"*\"\n", "line 2: `*` is no origin"),
    ] {
        place.file("moodify.toml", settings);
        let ended = place.run(&["doctor"]);
        ended.assert_told(what, "correct that line");
        assert!(ended.stdout.is_empty() && !ended.stderr.contains(SECRET), "{ended:?}");
    }
}
