//! "Inputs every endpoint must survive": whatever comes in, a coded 4xx goes out, nothing is
//! stored, and the process lives.

use axum::body::Body;
use futures::future::join_all;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Account, Answer, PASSWORD, World};

const NOWHERE: &str = "01890000-0000-7000-8000-000000000000";

/// An endpoint that takes JSON, with a body that it would accept.
struct Endpoint {
    path: &'static str,
    good: Value,
}

fn endpoints() -> Vec<Endpoint> {
    let log_in = json!({"email": "ada@example.com", "password": PASSWORD, "session": "token"});
    let sign_up = json!({
        "email": "new@example.com", "password": PASSWORD, "first_name": "N", "last_name": "N", "session": "token",
    });
    let mut sign_up_artist = sign_up.clone();
    sign_up_artist["artist_name"] = json!("N");
    vec![
        Endpoint { path: "/v1/auth/users/signup", good: sign_up },
        Endpoint { path: "/v1/auth/artists/signup", good: sign_up_artist },
        Endpoint { path: "/v1/auth/users/login", good: log_in.clone() },
        Endpoint { path: "/v1/auth/artists/login", good: log_in },
        Endpoint { path: "/v1/auth/refresh", good: json!({"refresh_token": "x"}) },
        Endpoint { path: "/v1/auth/email/verify", good: json!({"token": "x"}) },
        Endpoint {
            path: "/v1/auth/password/reset",
            good: json!({"token": "x", "password": "low tide, low water"}),
        },
        Endpoint {
            path: "/v1/auth/password/change",
            good: json!({"current_password": PASSWORD, "new_password": "low tide, low water"}),
        },
        Endpoint { path: "/v1/me/artist", good: json!({"artist_name": "N"}) },
        Endpoint {
            path: "/v1/playlists",
            good: json!({"title": "P", "description": "", "visibility": "public", "track_ids": []}),
        },
        Endpoint { path: "PLAYLIST/tracks", good: json!({"track_ids": [NOWHERE], "position": 0}) },
    ]
}

/// A world with one listener who has one playlist.
struct Scene {
    world: World,
    ada: Account,
    playlist: String,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new();
        let ada = world.listener("ada").await;
        let playlist = world.post("/v1/playlists", &ada.token, json!({"title": "P"})).await.json(201);
        let playlist = format!("/v1/playlists/{}", playlist["id"].as_str().unwrap());
        Self { world, ada, playlist }
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let path = path.replace("PLAYLIST", &self.playlist);
        self.world.post_raw(&path, &self.ada.token, body).await
    }

    /// Nothing is there but what [`Scene::new`] made, and the process answers.
    async fn assert_untouched(&self, context: &str) {
        assert_eq!(self.world.events().await, 2, "{context}");
        let lists = self.world.get("/v1/playlists", &self.ada.token).await.json(200);
        assert_eq!(lists["items"].as_array().unwrap().len(), 1, "{context}");
        assert_eq!(lists["items"][0]["version"], 1, "{context}");
        self.world.get("/health/live", "").await.json(200);
    }
}

#[track_caller]
fn assert_refused(answer: &Answer, context: &str) {
    assert!(answer.status.is_client_error(), "{context}: {} {}", answer.status, answer.text());
    answer.any_problem();
}

#[tokio::test]
async fn the_good_bodies_are_good() {
    for endpoint in endpoints() {
        let scene = Scene::new().await;
        let answer = scene.post(endpoint.path, endpoint.good.to_string()).await;
        let expected = match endpoint.path {
            "/v1/auth/artists/login" | "/v1/auth/refresh" => 401,
            // The track does not exist; the body is well-formed.
            "PLAYLIST/tracks" => 422,
            // No token in a mail looks like this.
            "/v1/auth/email/verify" | "/v1/auth/password/reset" => 422,
            "/v1/auth/password/change" => 204,
            "/v1/me/artist" => 200,
            "/v1/auth/users/login" => 200,
            _ => 201,
        };
        assert_eq!(answer.status, expected, "{} {}", endpoint.path, answer.text());
    }
}

#[tokio::test]
async fn wrong_values_in_every_field() {
    let scene = Scene::new().await;
    let long = "x".repeat(10_000);
    let values = [
        json!({"$ne": null}),
        json!({"$gt": ""}),
        json!([["nested"]]),
        json!(true),
        json!(-1.5),
        json!(1e300),
        json!(long),
        json!("a\u{0}b"),
        json!("a\r\nBcc:e"),
        json!("\u{202e}gpj.exe"),
        json!("\u{1f3b5}".repeat(3_000)),
    ];
    for endpoint in endpoints() {
        for field in endpoint.good.as_object().unwrap().keys() {
            for value in &values {
                let mut body = endpoint.good.clone();
                body[field] = value.clone();
                let context = format!("{} {field}={:.60}", endpoint.path, value.to_string());
                assert_refused(&scene.post(endpoint.path, body.to_string()).await, &context);
            }
        }
        scene.assert_untouched(endpoint.path).await;
    }
}

#[tokio::test]
async fn fields_that_are_missing_unknown_or_there_twice() {
    let scene = Scene::new().await;
    for Endpoint { path, good } in endpoints() {
        let fields = good.as_object().unwrap();
        let mut unknown = good.clone();
        unknown["is_admin"] = json!(true);
        let errors = scene.post(path, unknown.to_string()).await.field_errors();
        assert_eq!(errors, [("/is_admin".to_owned(), "unknown_field".to_owned())], "{path}");
        for (field, value) in fields {
            let twice = good.to_string().replacen('{', &format!("{{\"{field}\":{value},"), 1);
            let errors = scene.post(path, twice).await.field_errors();
            assert_eq!(errors, [(format!("/{field}"), "duplicate_field".to_owned())], "{path}");
        }
        let errors = scene.post(path, "{}").await.field_errors();
        assert_eq!(errors[0].1, "required", "{path}");
        scene.assert_untouched(path).await;
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let scene = Scene::new().await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for Endpoint { path, good } in endpoints() {
        let good = good.to_string();
        let mut invalid_utf8 = good.clone().into_bytes();
        invalid_utf8.splice(2..3, [0xff]);
        let bodies: Vec<(&str, Vec<u8>, u16)> = vec![
            ("empty", Vec::new(), 400),
            ("null", b"null".to_vec(), 422),
            ("array", b"[]".to_vec(), 422),
            ("text", b"\"x\"".to_vec(), 422),
            ("cut off", good.as_bytes()[..good.len() - 1].to_vec(), 400),
            ("more behind", format!("{good}{good}").into_bytes(), 400),
            ("invalid UTF-8", invalid_utf8, 400),
            ("lone surrogate", br#"{"email":"\ud800"}"#.to_vec(), 0),
            ("raw NUL", b"{\"email\":\"\0\"}".to_vec(), 0),
            ("byte order mark", [b"\xef\xbb\xbf", good.as_bytes()].concat(), 400),
            ("not a number", br#"{"position":NaN}"#.to_vec(), 0),
            ("deep array", deep.clone().into_bytes(), 422),
            ("deep object", deep_object.clone().into_bytes(), 422),
            ("100 KB", vec![b' '; 100_000], 413),
        ];
        for (name, body, status) in bodies {
            let answer = scene.post(path, body).await;
            assert_refused(&answer, name);
            // 0: whether the name or the value is refused first depends on the endpoint.
            if status != 0 {
                assert_eq!(answer.status.as_u16(), status, "{path} {name}");
            }
        }
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "",
            "\u{e4}",
        ] {
            let path = path.replace("PLAYLIST", &scene.playlist);
            let request = scene.world.request(Method::POST, &path, &scene.ada.token);
            let request = request.header("content-type", content_type).body(Body::from(good.clone()));
            let answer = scene.world.send(request.unwrap()).await;
            answer.problem(415, "unsupported_media_type");
        }
        scene.assert_untouched(path).await;
    }
}

#[tokio::test]
async fn people_write_as_they_like() {
    let scene = Scene::new().await;
    for title in [
        "\u{1f3b5}\u{1f469}\u{200d}\u{1f3a4}",
        "Cafe\u{301}",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
        "夜に駆ける",
        "' OR 1=1 --",
        "{\"$ne\":1}",
        "<script>",
    ] {
        let playlist =
            scene.world.post("/v1/playlists", &scene.ada.token, json!({"title": title})).await.json(201);
        let expected = title.replace("e\u{301}", "\u{e9}");
        assert_eq!(playlist["title"], expected);
    }
}

#[tokio::test]
async fn nobody_signs_up_as_a_link() {
    let world = World::new();
    for (first_name, last_name) in [("http://evil.example/win", "N"), ("N", "Go to evil.example")] {
        let body = json!({
            "email": "victim@example.com", "password": PASSWORD, "first_name": first_name, "last_name": last_name,
        });
        let errors = world.post("/v1/auth/users/signup", "", body).await.field_errors();
        let field = if last_name == "N" { "/first_name" } else { "/last_name" };
        assert_eq!(errors, [(field.to_owned(), "looks_like_link".to_owned())]);
    }
    assert_eq!(world.events().await, 0);
    let ada = world.listener("ada").await;
    let errors =
        world.patch("/v1/me", &ada.token, json!({"first_name": "www.evil.example"})).await.field_errors();
    assert_eq!(errors, [("/first_name".to_owned(), "looks_like_link".to_owned())]);
}

#[tokio::test]
async fn searches_take_any_text() {
    let scene = Scene::new().await;
    for q in [
        "%00",
        "%F0%9F%8E%B5",
        "cafe%CC%81",
        "%7B%22%24ne%22%3Anull%7D",
        "%27%20OR%201%3D1--",
        "%E2%80%AE",
        "%25%5F*",
        "%ff",
    ] {
        let answer = scene.world.get(&format!("/v1/tracks?q={q}"), &scene.ada.token).await;
        assert_eq!(answer.json(200)["items"], json!([]), "{q}");
    }
    let long = format!("/v1/tracks?q={}", "x".repeat(10_000));
    assert_eq!(scene.world.get(&long, &scene.ada.token).await.field_errors()[0].1, "too_long");
    for query in ["q[$ne]=1", "%00=1", "limit=%7B%7D", "cursor=..%2F", "artist_id[]=x", "&&=&"] {
        let answer = scene.world.get(&format!("/v1/tracks?{query}"), &scene.ada.token).await;
        assert_refused(&answer, query);
    }
}

#[tokio::test]
async fn path_segments_that_name_nothing() {
    let scene = Scene::new().await;
    let token = &scene.ada.token;
    for id in [
        "x",
        "..",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff",
        "%0d%0aSet-Cookie:x",
        "%F0%9F%8E%B5",
        "0",
        "01890000000070008000000000000000",
        "01890000-0000-7000-8000-00000000000G",
        "%7B01890000-0000-7000-8000-000000000000%7D",
        &NOWHERE.to_uppercase().replace('0', "A"),
        &"x".repeat(5_000),
        NOWHERE,
    ] {
        for path in
            [format!("/v1/tracks/{id}"), format!("/v1/tracks/{id}/audio"), format!("/v1/playlists/{id}")]
        {
            assert_eq!(scene.world.get(&path, token).await.any_problem()["status"], 404, "{path}");
        }
        for path in [format!("/v1/tracks/{id}"), format!("/v1/me/sessions/{id}")] {
            assert_eq!(scene.world.delete(&path, token).await.any_problem()["status"], 404, "{path}");
        }
        let entry = format!("{}/tracks/{id}", scene.playlist);
        assert_eq!(scene.world.delete(&entry, token).await.any_problem()["status"], 404, "{entry}");
        let body = json!({"track_ids": [NOWHERE]}).to_string();
        let answer = scene.world.post_raw(&format!("/v1/playlists/{id}/tracks"), token, body).await;
        assert_eq!(answer.any_problem()["status"], 404, "{id}");
    }
    scene.assert_untouched("paths").await;
}

#[tokio::test]
async fn a_hundred_identical_sign_ups_make_one_account() {
    let world = World::new();
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "A", "last_name": "L"});
    let sign_up = || world.post("/v1/auth/users/signup", "", body.clone());
    let answers = join_all((0..100).map(|_| sign_up())).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(created, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        match answer.status.as_u16() {
            409 => answer.problem(409, "email_taken"),
            _ => {
                assert!(!answer.header("retry-after").is_empty());
                answer.problem(429, "rate_limited")
            }
        };
    }
    assert_eq!(world.events().await, 2);
}

#[tokio::test]
async fn headers_full_of_rubbish() {
    let scene = Scene::new().await;
    let rubbish: [&[u8]; 5] = [b"\xff\xfe", b"'; DROP TABLE x; --", b"{\"$ne\":null}", &[b'x'; 10_000], b""];
    for name in [
        "x-request-id",
        "if-match",
        "if-none-match",
        "range",
        "if-range",
        "origin",
        "accept",
        "accept-language",
        "cookie",
    ] {
        for value in rubbish {
            let request = Request::get(&scene.playlist)
                .header("authorization", format!("Bearer {}", scene.ada.token))
                .header(name, value);
            let answer = scene.world.send(request.body(Body::empty()).unwrap()).await;
            assert!(!answer.status.is_server_error(), "{name}");
        }
    }
}
