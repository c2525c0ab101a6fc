//! Every operation of the OpenAPI document, attacked from a table: a route that is new tomorrow is
//! attacked tomorrow. Whatever comes in, the answer is a coded 4xx, or a success where it is legal.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Request, StatusCode};
use moodify_adapters::files::FileMediaStore;
use moodify_adapters::sql::{SqlStore, SqliteConfig};
use moodify_core::MoodifyBuilder;
use moodify_core::memory::SystemRng;
use serde_json::{Map, Value, json};

use crate::contract::{Contract, METHODS, NOWHERE, Operation, name};
use crate::postgres::Slot;
use crate::support::{Account, Answer, World};

fn hostile_values() -> Vec<Value> {
    vec![
        json!({"$ne": null}),
        json!({"$gt": ""}),
        json!({}),
        json!([]),
        json!([["nested"]]),
        json!([null, {"$ne": 1}]),
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(-1.5),
        json!(1e300),
        json!(2_147_483_648_u64),
        json!(4_294_967_295_u64),
        json!(4_294_967_296_u64),
        json!(9_007_199_254_740_993_u64),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("x".repeat(10_000)),
        json!("\u{1f3b5}".repeat(3_000)),
        json!("e\u{301}".repeat(300)),
        json!("a\u{0}b"),
        json!("a\r\nBcc: eve@example.com"),
        json!("\u{202e}gpj.exe"),
        json!("\u{5e9}\u{5dc}\u{5d5}\u{5dd}"),
        json!("../../../etc/passwd"),
        json!("' OR 1=1 --"),
        json!("{\"$ne\": null}"),
        json!("<script>alert(1)</script>"),
        json!("//evil.example.com"),
        json!("/\\evil"),
        json!(NOWHERE),
        json!([NOWHERE, NOWHERE]),
        json!("9999-12-31T23:59:59.999999999Z"),
        json!("-009999-01-01T00:00:00Z"),
    ]
}

/// Encoded for an address.
fn hostile_words() -> Vec<String> {
    let words = [
        "",
        "%00",
        "a%00b",
        "%ff",
        "%c3%28",
        "%F0%9F%8E%B5",
        "cafe%CC%81",
        "%E2%80%AE",
        "%7B%22%24ne%22%3Anull%7D",
        "%27%20OR%201%3D1--",
        "%25_%2a",
        "..",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%2F%2Fevil",
        "%5Cevil",
        "a%0d%0aSet-Cookie:%20x=y",
        "-1",
        "0",
        "1",
        "101",
        "1e9",
        "1.5",
        "99999999999999999999",
        "null",
        "undefined",
        "true",
        "[]",
        "NaN",
        "01890000-0000-7000-8000-00000000000G",
        "01890000000070008000000000000000",
        "%7B01890000-0000-7000-8000-000000000000%7D",
        "9999-12-31",
        "0000-00-00",
        "2026-13-45T00:00:00Z",
        NOWHERE,
    ];
    words.map(str::to_owned).into_iter().chain(["x".repeat(5_000), "%F0%9F%8E%B5".repeat(400)]).collect()
}

/// Somebody who may do everything, and one operation that is done to.
struct Attack<'a> {
    world: World,
    nina: Account,
    operation: &'a Operation,
    asked: usize,
}

impl<'a> Attack<'a> {
    /// `name` is of nobody who is there already.
    async fn on(operation: &'a Operation, world: World, name: &str) -> Self {
        let nina = world.artist(name).await;
        Self { world, nina, operation, asked: 0 }
    }

    async fn run(mut self) -> usize {
        self.headers().await;
        self.queries().await;
        if let Some(good) = &self.operation.json {
            self.bodies(good).await;
            self.fields(good).await;
        }
        if self.operation.multipart {
            self.forms().await;
        }
        if !self.operation.path_parameters.is_empty() {
            self.paths().await;
        }
        self.world.get("/health/live", "").await.json(200);
        self.asked
    }

    /// The address with every parameter replaced by this.
    fn path(&self, word: &str) -> String {
        let names = self.operation.path_parameters.iter();
        names.fold(self.operation.path.clone(), |path, name| path.replace(&format!("{{{name}}}"), word))
    }

    fn request(&self, path: &str) -> http::request::Builder {
        let request = Request::builder().method(self.operation.method.clone()).uri(path);
        request.header("authorization", format!("Bearer {}", self.nina.token))
    }

    async fn send(&mut self, request: Request<Body>, what: &str) -> Answer {
        let answer = self.world.send(request).await;
        let Operation { method, path, .. } = self.operation;
        let context = || format!("{method} {path} {what:.200}: {} {:.300}", answer.status, answer.text());
        assert!(!answer.status.is_server_error(), "{}", context());
        if answer.status.is_client_error() {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{}", context());
            answer.any_problem();
        }
        self.asked += 1;
        answer
    }

    async fn send_json(&mut self, body: impl Into<Body>, what: &str) -> StatusCode {
        let path = self.path(NOWHERE);
        let request = self.request(&path).header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap(), what).await.status
    }

    /// Refused for this, unless something else is wrong with the request already.
    async fn refused(&mut self, body: impl Into<Body>, what: &str, status: u16) {
        let found = self.send_json(body, what).await.as_u16();
        let elsewhere = !self.operation.path_parameters.is_empty() && matches!(found, 403 | 404 | 412 | 428);
        let Operation { method, path, .. } = self.operation;
        assert!(found == status || elsewhere, "{method} {path} {what}: {found} instead of {status}");
    }

    async fn paths(&mut self) {
        for word in hostile_words() {
            let path = self.path(&word);
            let request = self.request(&path).header("content-type", "application/json");
            self.send(request.body(Body::from("{}")).unwrap(), &path).await;
        }
    }

    async fn queries(&mut self) {
        for name in &self.operation.query {
            let words = hostile_words().into_iter().map(|word| format!("{name}={word}"));
            let odd =
                [name.clone(), format!("{name}=1&{name}=2"), format!("{name}[$ne]=1"), format!("{name}[]=1")];
            for query in words.chain(odd) {
                let path = format!("{}?{query}", self.path(NOWHERE));
                let request = self.request(&path).body(Body::empty()).unwrap();
                self.send(request, &path).await;
            }
        }
        for query in ["unknown=1", "&&&", "=", "%", "%zz", "a=b=c", "?"] {
            let path = format!("{}?{query}", self.path(NOWHERE));
            self.send(self.request(&path).body(Body::empty()).unwrap(), &path).await;
        }
    }

    async fn fields(&mut self, good: &Map<String, Value>) {
        for field in good.keys() {
            for value in hostile_values() {
                let mut body = good.clone();
                body.insert(field.clone(), value);
                let body = Value::Object(body).to_string();
                self.send_json(body.clone(), &body).await;
            }
            let value = &good[field];
            if value.is_u64() {
                let mut body = good.clone();
                body.insert(field.clone(), json!(2_147_483_648_u64));
                let refused = self.send_json(Value::Object(body).to_string(), "more than int32").await;
                assert_eq!(refused, 422, "{} {field}", self.operation.path);
            }
            let text = Value::Object(good.clone()).to_string();
            let twice = text.replacen('{', &format!("{{\"{field}\":{value},"), 1);
            self.refused(twice, "duplicate field", 422).await;
        }
        let mut unknown = good.clone();
        unknown.insert("is_admin".to_owned(), json!(true));
        self.refused(Value::Object(unknown).to_string(), "unknown field", 422).await;
    }

    async fn bodies(&mut self, good: &Map<String, Value>) {
        let text = Value::Object(good.clone()).to_string();
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for (what, body, status) in [
            ("empty", String::new(), 400),
            ("null", "null".to_owned(), 422),
            ("array", "[]".to_owned(), 422),
            ("array of one", format!("[{text}]"), 422),
            ("text", "\"x\"".to_owned(), 422),
            ("number", "1".to_owned(), 422),
            ("cut off", text[..text.len() - 1].to_owned(), 400),
            ("more behind", format!("{text}{text}"), 400),
            ("byte order mark", format!("\u{feff}{text}"), 400),
            ("no JSON", "email=ada&password=x".to_owned(), 400),
            ("XML", "<?xml version=\"1.0\"?><!DOCTYPE x SYSTEM \"file:///etc/passwd\">".to_owned(), 400),
            ("deep array", deep("[", "]"), 422),
            ("deep object", deep("{\"a\":", "}"), 422),
            ("oversized", " ".repeat(100_000), 413),
            ("oversized value", format!("{{\"x\":\"{}\"}}", "x".repeat(100_000)), 413),
        ] {
            self.refused(body, what, status).await;
        }
        self.send_json(b"{\"\xff\":1}".to_vec(), "no UTF-8").await;
        for content_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "application/json; charset=utf-16",
            "",
            "x",
        ] {
            let path = self.path(NOWHERE);
            let request = self.request(&path).header("content-type", content_type);
            let answer = self.send(request.body(Body::from(text.clone())).unwrap(), content_type).await;
            let elsewhere =
                !self.operation.path_parameters.is_empty() && matches!(answer.status.as_u16(), 403 | 404);
            assert!(
                answer.status == 415 || elsewhere,
                "{} {content_type}: {}",
                self.operation.path,
                answer.status
            );
        }
    }

    async fn forms(&mut self) {
        let path = self.path(NOWHERE);
        for (content_type, body) in [
            ("multipart/form-data", ""),
            ("multipart/form-data; boundary=", ""),
            ("multipart/form-data; boundary=x", ""),
            ("multipart/form-data; boundary=x", "--x--"),
            ("multipart/form-data; boundary=x", "--x\r\n\r\n--x--\r\n"),
            (
                "multipart/form-data; boundary=x",
                "--x\r\ncontent-disposition: form-data; name=\"\0\"\r\n\r\na\r\n--x--",
            ),
            (
                "multipart/form-data; boundary=x",
                "--x\r\ncontent-disposition: form-data; name=\"audio\"; filename=\"../../a\0\"\r\n\r\n\r\n--x--",
            ),
            ("multipart/form-data; boundary=\"\u{e4}\"", "--x--"),
            ("application/json", "{}"),
        ] {
            let request = self.request(&path).header("content-type", content_type.as_bytes());
            let answer = self.send(request.body(Body::from(body)).unwrap(), content_type).await;
            assert!(answer.status.is_client_error(), "{content_type} {body}: {}", answer.status);
        }
    }

    async fn headers(&mut self) {
        let path = self.path(NOWHERE);
        let huge = format!("Bearer {}", "x".repeat(100_000));
        for token in [
            "",
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            "Bearer null",
            "Bearer a.b.c",
            "Bearer eyJhbGciOiJub25lIn0..",
            &huge,
            "\u{e4}",
        ] {
            let request = Request::builder().method(self.operation.method.clone()).uri(&path);
            let request = request.header("authorization", HeaderValue::from_bytes(token.as_bytes()).unwrap());
            let answer = self.send(request.body(Body::empty()).unwrap(), token).await;
            assert!(
                !self.operation.needs_token || answer.status == 401,
                "{path} {token:.30}: {}",
                answer.status
            );
        }
        let rubbish = [
            "\u{e4}",
            "'; DROP TABLE x; --",
            "{\"$ne\":null}",
            "\"0\"",
            "\"18446744073709551616\"",
            "*",
            &huge,
        ];
        for header in
            ["if-match", "if-none-match", "range", "origin", "cookie", "host", "x-forwarded-for", "accept"]
        {
            for value in rubbish {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                let request =
                    self.request(&path).header("content-type", "application/json").header(header, value);
                self.send(request.body(Body::from("{}")).unwrap(), header).await;
            }
        }
        let request = self.request(&path).header("host", "a.example").header("host", "b.example");
        self.send(request.body(Body::empty()).unwrap(), "two hosts").await.problem(400, "ambiguous_host");
    }
}

/// Attacks every operation in a world of its own, over stores that may be the same.
async fn attack(world: impl Fn() -> World) {
    let operations = Contract::read().operations();
    assert!(operations.len() >= 20, "the document has shrunk to {}", operations.len());
    let mut asked = 0;
    for (n, operation) in operations.iter().enumerate() {
        asked += Attack::on(operation, world(), &format!("nina{n}")).await.run().await;
    }
    assert!(asked > 100 * operations.len(), "only {asked} requests");
}

#[tokio::test]
async fn every_operation_survives_every_hostile_input() {
    attack(World::new).await;
}

#[tokio::test]
async fn so_it_does_over_a_database_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig::new(folder.path().join("moodify.db"));
    attack_over(Arc::new(SqlStore::connect(&config.into()).await.unwrap()), folder.path()).await;
}

#[tokio::test]
async fn so_it_does_over_postgresql() {
    let Some((store, _slot)) = Slot::take().await else { return };
    attack_over(store, tempfile::tempdir().unwrap().path()).await;
}

async fn attack_over(store: Arc<SqlStore>, folder: &Path) {
    let media = Arc::new(FileMediaStore::open(folder.join("media")).unwrap());
    // Worlds with one store have no identifier in common.
    let stored = |builder: MoodifyBuilder| builder.store(store.clone()).media(media.clone());
    attack(|| World::over(|builder| stored(builder).rng(Arc::new(SystemRng)))).await;
    store.close().await;
}

#[tokio::test]
async fn every_path_refuses_the_methods_that_it_does_not_have() {
    let contract = Contract::read();
    let world = World::new();
    for (path, item) in contract.0["paths"].as_object().unwrap() {
        let address: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { NOWHERE } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in METHODS {
            if item.get(name(&method)).is_some() {
                continue;
            }
            let request = Request::builder().method(method.clone()).uri(&address);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            answer.problem(405, "method_not_allowed");
            let allow = answer.header("allow");
            let documented = METHODS.iter().filter(|method| item.get(name(method)).is_some());
            for allowed in documented {
                assert!(allow.split(',').any(|found| found.trim() == allowed.as_str()), "{path}: {allow}");
            }
        }
    }
}
