//! New keys, made beside a running server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::json;
use support::{
    Place,
    http::{get, post},
};

fn states(place: &Place, args: &[&str]) -> Vec<(String, String)> {
    let ended = place.run(args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let state = |line: &str| {
        let purpose = line.split_whitespace().next().unwrap().to_owned();
        let state = line.split_once("Z  ").map_or(line, |(_, state)| state);
        Some((purpose, state.split(" 20").next().unwrap().to_owned()))
    };
    ended.stdout.lines().filter(|line| !line.starts_with("Old keys")).filter_map(state).collect()
}

fn of(states: &[(String, String)], purpose: &str) -> Vec<String> {
    states.iter().filter(|(of, _)| of == purpose).map(|(_, state)| state.clone()).collect()
}

#[test]
fn keys_rotate_while_the_server_runs_and_nobody_is_signed_out() {
    let place = Place::new();
    let server = place.serve(&["all"]);
    let person = json!({
        "email": "ada@example.org", "password": "low water at the pier", "first_name": "Ada", "last_name": "Tide"
    });
    let session = post(&server.url, "/v1/auth/users/signup", &person);
    assert_eq!(session.status, 201, "{session:?}");
    let session = session.json();
    assert_eq!(of(&states(&place, &["keys", "list"]), "access-token"), ["signs"]);

    let after = states(&place, &["keys", "rotate"]);
    assert_eq!(of(&after, "access-token"), ["signs from", "signs"]);
    assert_eq!(of(&after, "refresh-token"), ["signs from", "signs"]);
    assert_eq!(of(&after, "media-url").len(), 1);
    let after = states(&place, &["keys", "rotate", "--purpose", "access-token"]);
    assert_eq!(of(&after, "access-token"), ["signs from", "signs from", "signs"]);
    assert_eq!(of(&after, "refresh-token").len(), 2);

    // It comes back at another port.
    drop(server);
    let server = place.serve(&["all"]);
    let published = get(&server.url, "/.well-known/jwks.json", "").json();
    assert_eq!(published["keys"].as_array().unwrap().len(), 3);
    let next = post(&server.url, "/v1/auth/refresh", &json!({"refresh_token": session["refresh_token"]}));
    assert_eq!(next.status, 200, "{next:?}");
    let me = get(&server.url, "/v1/me", session["access_token"].as_str().unwrap());
    assert_eq!(me.status, 200, "{me:?}");
}
