//! The example as a reader would start it, and as the README shows it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Ends the program with the test.
struct App(Child);

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_own_route_and_moodify_answer_at_one_address() {
    let program = env!("CARGO_BIN_EXE_moodify-embed");
    let mut app = App(Command::new(program).arg("127.0.0.1:0").stderr(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(app.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().last().expect("the address").trim_end_matches('/').to_owned();

    let client = reqwest::Client::new();
    let hello = client.get(format!("{url}/hello")).send().await.unwrap();
    assert_eq!(hello.text().await.unwrap(), "hello from my own app");

    let body = json!({"email": "ada@example.com", "password": "correct horse battery staple",
        "first_name": "Ada", "last_name": "Lovelace"});
    let signed_up = client.post(format!("{url}/v1/auth/users/signup")).json(&body).send().await.unwrap();
    assert_eq!(signed_up.status(), 201);
    let session: Value = signed_up.json().await.unwrap();
    let token = session["access_token"].as_str().unwrap();
    let tracks = client.get(format!("{url}/v1/tracks")).bearer_auth(token).send().await.unwrap();
    assert_eq!(tracks.json::<Value>().await.unwrap(), json!({"items": [], "next_cursor": null}));
}

#[test]
fn the_readme_shows_this_very_code() {
    let readme = include_str!("../../../README.md");
    let code = include_str!("../src/main.rs");
    assert!(readme.contains(code), "copy examples/embed/src/main.rs into the README");
    let body = code.lines().skip_while(|line| !line.starts_with("#[tokio::main]"));
    assert!(body.count() <= 20, "the example is to stay small");
}
