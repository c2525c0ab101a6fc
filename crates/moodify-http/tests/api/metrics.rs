//! `/metrics`: what is counted, and who may read it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use http::{Method, Request};
use moodify_core::model::TraceContext;
use moodify_core::port::{Measurement, Meter, Tracer};
use moodify_http::{Metrics, MetricsPage, Services};

use crate::direct_uploads;
use crate::support::{Form, World, sample};

/// A page with one line.
struct Page;

#[async_trait]
impl MetricsPage for Page {
    async fn render(&self) -> String {
        "moodify_lines 1\n".to_owned()
    }
}

const TOKEN: &str = "a token that only Prometheus knows";

fn world(token: Option<&str>) -> World {
    World::with(|config| {
        config.metrics = Some(Metrics { page: Arc::new(Page), token: token.map(Into::into) });
    })
}

#[tokio::test]
async fn the_page_is_there_only_if_it_is_configured() {
    World::new().get("/metrics", "").await.problem(404, "not_found");
    let answer = world(None).get("/metrics", "").await;
    assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "moodify_lines 1\n"));
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for services in [Services::AUTH, Services::MUSIC, Services::NOTIFICATION, Services::SYNC] {
        let world = World::with(|config| {
            config.services = services;
            config.metrics = Some(Metrics { page: Arc::new(Page), token: None });
        });
        assert_eq!(world.get("/metrics", "").await.status, 200, "{services:?}");
    }
}

#[tokio::test]
async fn a_page_with_a_token_is_for_its_holder() {
    let world = world(Some(TOKEN));
    let nina = world.artist("Nina").await;
    world.get("/metrics", "").await.problem(401, "unauthorized");
    for wrong in [&nina.token, "x", &TOKEN[1..], &format!("{TOKEN}x"), &TOKEN.to_uppercase()] {
        let answer = world.get("/metrics", wrong).await;
        answer.problem(401, "invalid_token");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
    }
    assert_eq!(world.get("/metrics", TOKEN).await.status, 200);
    let answer = world.get(&format!("/metrics?token={}", TOKEN.replace(' ', "+")), "").await;
    answer.problem(401, "unauthorized");
}

/// Remembers requests and uploads, and from where spans were resumed.
#[derive(Default)]
struct Watch {
    seen: Mutex<Vec<String>>,
    resumed: Mutex<Vec<TraceContext>>,
}

impl Watch {
    fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Meter for Watch {
    fn record(&self, measurement: Measurement<'_>) {
        let line = match measurement {
            Measurement::Request { method, route, status, .. } => format!("{method} {route} {status}"),
            other => format!("{other:?}"),
        };
        self.seen.lock().unwrap().push(line);
    }
}

impl Tracer for Watch {
    fn current(&self) -> Option<TraceContext> {
        None
    }

    fn resume(&self, _: &tracing::Span, from: &TraceContext) {
        self.resumed.lock().unwrap().push(*from);
    }

    fn describe(&self, _: &tracing::Span, _: &str) {}
}

#[tokio::test]
async fn requests_are_counted_by_their_pattern() {
    let watch = Arc::new(Watch::default());
    let world = World::watched(watch.clone(), |_| ());
    world.get("/v1/tracks/019b76da-a800-7000-8000-000000000000", "").await;
    world.get("/nobody@example.com/../../etc/passwd", "").await;
    world.get("/socket.io/?EIO=4", "").await;
    let odd = world.request(Method::from_bytes(b"BREW").unwrap(), "/v1/me", "").body(Body::empty()).unwrap();
    world.send(odd).await;
    let expected = ["GET /v1/tracks/{track_id} 401", "GET  404", "GET /socket.io/ 404", "OTHER /v1/me 405"];
    assert_eq!(watch.seen(), expected);
}

#[tokio::test]
async fn uploads_are_counted_with_why_they_were_refused() {
    let watch = Arc::new(Watch::default());
    let world = World::watched(watch.clone(), |_| ());
    let nina = world.artist("Nina").await;
    watch.seen();
    let mp3 = sample("cbr-mono-id3v1.mp3");
    let good = Form::new().text("title", "Slow Tide").file("audio", &mp3);
    world.send(good.upload(&nina.token)).await.json(201);
    let stored = format!("UploadStored {{ bytes: {} }}", mp3.len());
    assert_eq!(watch.seen(), [stored.as_str(), "POST /v1/tracks 201"]);
    for (file, reason) in [(&b""[..], "empty_file"), (b"<html>", "unsupported_media")] {
        let bad = Form::new().text("title", "Slow Tide").file("audio", file);
        world.send(bad.upload(&nina.token)).await.problem(422, "validation_failed");
        let refused = format!("UploadRefused {{ reason: {reason:?} }}");
        assert_eq!(watch.seen(), [refused.as_str(), "POST /v1/tracks 422"]);
    }
}

#[tokio::test]
async fn every_refused_upload_is_counted_once() {
    let watch = Arc::new(Watch::default());
    let world = World::watched(watch.clone(), |_| ());
    let (nina, ada) = (world.artist("Nina").await, world.listener("Ada").await);
    let caller = world.moodify.accounts().authenticate(&nina.token).await.unwrap();
    let tune = sample("cbr-mono-id3v1.mp3");
    let form = || Form::new().text("title", "Slow Tide").file("audio", &tune);
    let open = Form::upload_of(&nina.token, Body::from(form().open()));
    let mut announced = form().upload(&nina.token);
    announced.headers_mut().insert("content-length", "99999999999".parse().unwrap());
    let mut text = form().upload(&nina.token);
    text.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    for (request, status, reason) in [
        (announced, 413, "too_large"),
        (text, 415, "unsupported_media_type"),
        (open, 400, "body_broken_off"),
        (Form::upload_of(&nina.token, Body::from("no form")), 400, "malformed_multipart"),
        (form().text("lyrics", "La").upload(&nina.token), 422, "unknown_field"),
        (form().text("title", "Again").upload(&nina.token), 422, "duplicate_field"),
        (form().file("audio", &tune).upload(&nina.token), 422, "duplicate_field"),
        (form().text("visibility", "secret").upload(&nina.token), 422, "invalid_visibility"),
        (Form::new().text("title", "Silence").upload(&nina.token), 422, "required"),
        (form().upload(&ada.token), 403, "artist_only"),
    ] {
        watch.seen();
        assert_eq!(world.send(request).await.status, status, "{reason}");
        let refused = format!("UploadRefused {{ reason: {reason:?} }}");
        assert_eq!(watch.seen(), [refused, format!("POST /v1/tracks {status}")]);
    }
    let _going_on: Vec<_> = (0..3).map(|_| world.moodify.catalog().begin_upload(&caller).unwrap()).collect();
    world.send(form().upload(&nina.token)).await.problem(429, "rate_limited");
    assert_eq!(watch.seen(), ["UploadRefused { reason: \"busy\" }", "POST /v1/tracks 429"]);
}

#[tokio::test]
async fn only_a_gateway_decides_which_trace_a_request_belongs_to() {
    const PLACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (trusted, given, resumed) in [
        (false, vec![PLACE], false),
        (true, vec![PLACE], true),
        (true, vec![PLACE, PLACE], false),
        (true, vec!["nonsense"], false),
        (true, vec![], false),
    ] {
        let watch = Arc::new(Watch::default());
        let world = World::watched(watch.clone(), |config| config.trust_traceparent = trusted);
        let request = Request::get("/health/live");
        let request = given.iter().fold(request, |request, value| request.header("traceparent", *value));
        world.send(request.body(Body::empty()).unwrap()).await.json(200);
        let seen: Vec<String> = watch.resumed.lock().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(seen == [PLACE], resumed, "{trusted} {given:?}");
    }
}

#[tokio::test]
async fn every_direct_upload_is_counted_once_by_how_it_ends() {
    let watch = Arc::new(Watch::default());
    let world = World::watched(watch.clone(), |_| ());
    let nina = world.artist("Nina").await;
    let tune = sample("cbr-mono-id3v1.mp3");
    let counted =
        || -> Vec<String> { watch.seen().into_iter().filter(|seen| seen.starts_with("Upload")).collect() };
    direct_uploads::upload(&world, &nina, direct_uploads::announced(&tune), &tune).await;
    assert_eq!(counted(), [format!("UploadStored {{ bytes: {} }}", tune.len())]);
    let page = b"<html>";
    direct_uploads::upload(&world, &nina, direct_uploads::announced(page), page).await;
    assert_eq!(counted(), ["UploadRefused { reason: \"unsupported_media\" }"]);
    let aborted = direct_uploads::begin(&world, &nina, direct_uploads::announced(&tune)).await;
    world.delete(&direct_uploads::path(&aborted), &nina.token).await.empty(204);
    direct_uploads::work(&world).await;
    assert_eq!(counted(), ["UploadRefused { reason: \"aborted\" }"]);
}
