//! Keys of services apart: whether they are published where it is said, by whom they are meant to be.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::{nobody, support::Place, told};

/// All four with databases of their own, whose keys stand there.
fn apart(jwks: &str) -> String {
    let databases =
        ["auth", "music", "notification", "sync"].map(|name| format!("{name} = \"sqlite://{name}.db\"\n"));
    format!("[accounts]\njwks_url = \"{jwks}\"\n[databases]\n{}", databases.concat())
}

/// Whoever asks here gets this.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.extend(byte);
            }
            // Who asked may have gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn keys_that_are_not_where_they_are_looked_for_are_told() {
    let place = Place::new();
    for (jwks, what) in [
        (format!("http://{}/.well-known/jwks.json", nobody()), "does not answer"),
        (answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "answered 404"),
        (answering("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"), "answered no JWKS"),
        (answering("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}"), "has no Ed25519 key"),
    ] {
        let told = told(&place, &apart(&jwks));
        told.assert_failed("jwks", what, "accounts.jwks_url");
        // Whatever else is wrong is told beside it.
        told.assert_row("queue", "FAIL", "no event gets from one database to another", "MOODIFY_QUEUE");
    }
}

#[test]
fn keys_of_another_deployment_are_told() {
    let (ours, other) = (Place::new(), Place::new());
    // Its first start makes our keys; another one publishes its own.
    let own = ours.serve(&["auth", "--database", "sqlite://auth.db"]);
    let foreign = other.serve(&["auth"]);
    let jwks = |url: &str| apart(&format!("{url}/.well-known/jwks.json"));
    told(&ours, &jwks(&own.url)).assert_row("jwks", "ok", "keys of the auth service", "");
    let told = told(&ours, &jwks(&foreign.url));
    told.assert_failed("jwks", "of which the auth service's database has none", "another deployment's");
    told.assert_row("keys", "ok", "the newest from", "");
}
