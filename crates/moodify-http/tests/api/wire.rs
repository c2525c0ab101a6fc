//! What only shows on a real connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{Form, World, sample};

/// Serves a world on a real port until the test ends.
async fn serve(world: &World) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Writes a whole request, and only then reads the answer, as simple clients do.
async fn exchange(address: SocketAddr, head: String, body: Vec<u8>) -> String {
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

fn post(path: &str, token: &str, content_type: &str, len: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {content_type}\r\n\
         content-length: {len}\r\nconnection: close\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_reach_clients_that_are_still_writing() {
    let world = World::new();
    let (nina, ada) = (world.artist("Nina").await, world.listener("ada").await);
    let address = serve(&world).await;
    let multipart = "multipart/form-data; boundary=a-boundary-that-no-sample-holds";
    let large = Form::new().text("bogus", "x").file("audio", &vec![0; 20_000_000]).body();
    for (path, token, content_type, code) in [
        ("/v1/tracks", ada.token.as_str(), multipart, "artist_only"),
        ("/v1/tracks", nina.token.as_str(), multipart, "validation_failed"),
        ("/v1/tracks", "nonsense", multipart, "invalid_token"),
        ("/v1/tracks", nina.token.as_str(), "text/plain", "unsupported_media_type"),
        ("/v1/playlists", nina.token.as_str(), "application/json", "payload_too_large"),
        ("/v1/nothing", nina.token.as_str(), "application/json", "not_found"),
    ] {
        let head = post(path, token, content_type, large.len());
        let answer = exchange(address, head, large.clone()).await;
        assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{code}: {answer}");
    }
    assert_eq!(world.media_keys().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_another_client_is_cut_off_without_a_trace() {
    let world = World::new();
    let nina = world.artist("Nina").await;
    let address = serve(&world).await;
    let body = Form::new().text("title", "T").file("audio", &sample("cbr-stereo-id3v23.mp3")).body();
    let head = post(
        "/v1/tracks",
        &nina.token,
        "multipart/form-data; boundary=a-boundary-that-no-sample-holds",
        body.len(),
    );
    let cut = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body[..50_000]).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let answer = tokio::task::spawn_blocking(cut).await.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 5") && !answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!((world.media_keys().await.len(), world.tracks(&nina).await), (0, 0));
}
