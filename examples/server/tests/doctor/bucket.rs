//! A bucket that is there and does not do all that is needed. What the store itself does not know (rights, regions,
//! CORS) somebody in between says in its place, in the words of S3.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use crate::{
    SECRET, nobody,
    s3_server::{self, KEY, S3Server},
    support::Place,
    told, told_with,
};

const ORIGIN: &str = "https://app.example.org";

/// What is answered to requests that begin with this.
type Instead = (&'static str, String);

/// The address of somebody before this store.
fn before(store: &str, instead: Vec<Instead>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let store = store.trim_start_matches("http://").to_owned();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, store, instead) = (client.unwrap(), store.clone(), instead.clone());
            thread::spawn(move || pass_on(client, &store, &instead));
        }
    });
    url
}

/// One request a connection, so that each is looked at.
fn pass_on(mut client: TcpStream, store: &str, instead: &[Instead]) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read_exact(&mut byte).is_err() {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    if let Some((_, answer)) = instead.iter().find(|(method, _)| head.starts_with(method)) {
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        if client.read_exact(&mut body).is_ok() {
            // Who asked may have gone.
            let _ = client.write_all(answer.as_bytes());
        }
        return;
    }
    let mut behind = TcpStream::connect(store).unwrap();
    let head = format!("{}\r\nConnection: close\r\n\r\n", head.trim_end());
    behind.write_all(head.as_bytes()).unwrap();
    let (mut sent, mut taken) = (client.try_clone().unwrap(), behind.try_clone().unwrap());
    thread::spawn(move || io::copy(&mut sent, &mut taken));
    let _ = io::copy(&mut behind, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    let _ = behind.shutdown(Shutdown::Both);
}

/// A refusal in S3's words.
fn refusal(status: &str, more: &str, code: &str) -> String {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>words</Message></Error>");
    let head = format!("HTTP/1.1 {status}\r\n{more}Content-Type: application/xml\r\nConnection: close\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The same to a request whose answer has no body.
fn bare(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn settings(url: &str) -> String {
    format!("media = \"{}\"\n[http]\nallowed_origins = \"{ORIGIN}\"\n", S3Server::media_at(url))
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", s3_server::SECRET)];

#[test]
fn a_bucket_without_region_credentials_or_server_is_told() {
    let place = Place::new();
    let keys = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    told_with(&place, "media = \"s3://music\"\n", &keys).assert_failed(
        "media",
        "in which region",
        "AWS_REGION",
    );
    let media = settings(&format!("http://{}", nobody()));
    told(&place, &media).assert_failed("media", "no credentials for S3", "AWS_ACCESS_KEY_ID");
    let told = told_with(&place, &media, &keys);
    told.assert_failed("media", "", "");
    told.assert_row("cors", "-", "it needs media", "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_bucket_refuses_is_told() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    let region = "x-amz-bucket-region: us-west-2\r\n";
    let date = "Date: Sun, 22 Nov 2026 08:00:00 GMT\r\n";
    for (instead, what, fix) in [
        (
            vec![("PUT", refusal("403 Forbidden", "", "AccessDenied"))],
            "S3 refuses it (AccessDenied",
            "docs/operations.md",
        ),
        (
            vec![("DELETE", refusal("403 Forbidden", "", "AccessDenied"))],
            "S3 refuses it (AccessDenied",
            "docs/operations.md",
        ),
        (
            vec![
                ("HEAD", bare("301 Moved Permanently", region)),
                ("GET", refusal("301 Moved Permanently", region, "PermanentRedirect")),
            ],
            "another region, us-west-2",
            "set region",
        ),
        (
            vec![
                ("HEAD", bare("403 Forbidden", date)),
                ("GET", refusal("403 Forbidden", date, "RequestTimeTooSkewed")),
            ],
            "clock is wrong",
            "set the clock",
        ),
    ] {
        let told = told_with(&place, &settings(&before(&s3.url, instead)), &KEYS);
        told.assert_failed("media", what, fix);
        assert!(!format!("{:?}", told.ended).contains(s3_server::SECRET), "{:?}", told.ended);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_pages_may_send_to_a_bucket_is_told() {
    let Some(s3) = S3Server::start().await else { return };
    let place = Place::new();
    // This store has no CORS at all.
    let none = told_with(&place, &settings(&s3.url), &KEYS);
    none.assert_row("media", "ok", "s3://music", "");
    none.assert_row("cors", "look", &format!("pages of {ORIGIN} may not send"), "the bucket's CORS");
    assert_eq!(none.ended.code, Some(0), "whoever uploads through the API needs none: {:?}", none.ended);

    let allowed = format!(
        "Access-Control-Allow-Origin: {ORIGIN}\r\nAccess-Control-Allow-Methods: PUT\r\n\
         Access-Control-Allow-Headers: content-type\r\n"
    );
    let url = before(&s3.url, vec![("OPTIONS", bare("200 OK", &allowed))]);
    told_with(&place, &settings(&url), &KEYS).assert_row("cors", "ok", ORIGIN, "");
    let other = allowed.replace("app.", "other.");
    let url = before(&s3.url, vec![("OPTIONS", bare("200 OK", &other))]);
    let only = "allows \"https://other.example.org\" only";
    told_with(&place, &settings(&url), &KEYS).assert_row("cors", "look", only, "CORS");
    let url = before(&s3.url, vec![("OPTIONS", bare("503 Slow Down", ""))]);
    let asked = "could not be asked whether pages";
    told_with(&place, &settings(&url), &KEYS).assert_row("cors", "look", asked, "again later");

    let nobody_said = format!("media = \"{}\"\n", S3Server::media_at(&s3.url));
    told_with(&place, &nobody_said, &KEYS).assert_row("cors", "-", "http.allowed_origins", "");
}
