//! A MongoDB that lets nobody in, or not far enough, or holds what another version wrote.

use mongodb::{
    Client,
    bson::{Document, doc},
};

use crate::{
    SECRET,
    support::{Place, mongodb as server},
    told,
};

fn settings(url: &str) -> String {
    format!("database = \"{url}\"\n[mongodb]\nconnect_timeout_secs = 2\n")
}

/// Does this in a database, as its owner.
#[tokio::main]
async fn in_database(url: &str, commands: &[Document]) {
    let client = Client::with_uri_str(url).await.unwrap();
    let database = client.default_database().unwrap();
    for command in commands {
        database.run_command(command.clone()).await.unwrap();
    }
    drop(database);
    client.shutdown().await;
}

#[test]
fn a_server_that_is_no_replica_set_or_no_server_is_told() {
    let Some(alone) = server::Server::standalone() else { return };
    let place = Place::new();
    told(&place, &settings(&alone.url("music"))).assert_failed(
        "database",
        "has no transactions",
        "rs.initiate()",
    );
    let tls = format!("{}?tls=true", alone.url("music"));
    told(&place, &settings(&tls)).assert_failed("database", "", "");
    let none = format!("mongodb://ada:{SECRET}@no-such-host.invalid/music");
    told(&place, &settings(&none)).assert_failed("database", "cannot reach the database", "this machine may");
}

#[test]
fn a_log_in_that_is_refused_is_told() {
    let Some(mut server) = server::Server::start() else { return };
    let role = doc! { "role": "readWrite", "db": "music" };
    in_database(&server.url("admin"), &[doc! { "createUser": "ada", "pwd": "right", "roles": [role] }]);
    server.kill();
    server.start_again_with(&["--auth"]);
    let place = Place::new();
    for (user, password) in [("ada", SECRET), ("nobody", SECRET)] {
        let url = server.url("music").replace("mongodb://", &format!("mongodb://{user}:{password}@"));
        let told = told(&place, &settings(&format!("{url}?authSource=admin")));
        told.assert_failed("database", "refuses the log-in", "authSource");
    }
}

#[test]
fn a_database_of_another_version_is_told() {
    let Some(server) = server::Server::start() else { return };
    let place = Place::new();
    let url = server.url("music");
    assert_eq!(place.run(&["migrate", "--database", &url]).code, Some(0));
    for (version, what, fix) in [
        (9999_i64, "newer version of Moodify", "start that version"),
        (0, "older version", "moodify migrate"),
    ] {
        let set = doc! { "q": {}, "u": { "$set": { "version": version } } };
        in_database(&url, &[doc! { "update": "schema", "updates": [set] }]);
        let told = told(&place, &settings(&url));
        told.assert_failed("database", what, fix);
        told.assert_row("queue", "-", "it needs the database", "");
    }
}
