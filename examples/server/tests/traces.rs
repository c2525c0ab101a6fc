//! A sign-up can be followed into its mail, in a collector of OpenTelemetry.
#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, Span},
};
use prost::Message;
use serde_json::json;
use support::{
    Place, Server,
    http::{Open, post},
    wait_for,
};

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "low water at the pier";

#[test]
fn a_sign_up_is_followed_into_its_mail() {
    let place = Place::new();
    let collector = Collector::start();
    let server = serve(&place, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]);
    let token = sign_up(&server);
    wait_for("its mails", || {
        let files = fs::read_dir(place.path().join("data/mail")).unwrap();
        let mails = files.filter(|file| {
            file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "eml")
        });
        // A welcome, and the proof of the mailbox.
        mails.count() == 2
    });
    // Nobody stands before this server: what a request says of its trace is not believed.
    let foreign = "GET /v1/me?access_token=my-secret HTTP/1.1\r\n\
                   traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    Open::begin(&server.url, &format!("{foreign}\r\nAuthorization: Bearer {token}"), 0).answer();
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");

    let spans = collector.spans();
    let [sign_up] = named(&spans, "POST /v1/auth/users/signup")[..] else { panic!("{spans:#?}") };
    let (delivered, mails) = (named(&spans, "deliver"), named(&spans, "send_mail"));
    for deliver in &delivered {
        assert_eq!((&deliver.trace_id, &deliver.parent_span_id), (&sign_up.trace_id, &sign_up.span_id));
    }
    // Beside those of the mails there may be music's, which hears of the account too.
    assert_eq!(mails.len(), 2, "{spans:#?}");
    assert_ne!(mails[0].parent_span_id, mails[1].parent_span_id);
    for mail in mails {
        assert_eq!(mail.trace_id, sign_up.trace_id);
        assert!(delivered.iter().any(|deliver| deliver.span_id == mail.parent_span_id), "{spans:#?}");
    }
    assert!(sign_up.parent_span_id.is_empty());
    let [me] = named(&spans, "GET /v1/me")[..] else { panic!("{spans:#?}") };
    assert_ne!(me.trace_id, sign_up.trace_id);
    assert!(me.parent_span_id.is_empty(), "{me:#?}");

    let told = format!("{:?}", collector.batches());
    assert!(told.contains("service.name") && told.contains("\"moodify\""), "{told}");
    for secret in [EMAIL, PASSWORD, &token, "my-secret"] {
        assert!(!told.contains(secret), "{secret} is in {told}");
    }
}

#[test]
fn behind_a_gateway_its_trace_goes_on() {
    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    let place = Place::new();
    let collector = Collector::start();
    let endpoint = format!("{}/v1/traces", collector.url);
    let variables =
        [("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*endpoint), ("MOODIFY_TELEMETRY_TRUST_TRACEPARENT", "true")];
    let server = serve(&place, &variables);
    let head = format!("GET /health/live HTTP/1.1\r\ntraceparent: 00-{TRACE}-b7ad6b7169203331-01");
    assert_eq!(Open::begin(&server.url, &head, 0).answer().status, 200);
    server.terminate();
    assert_eq!(server.ended().0, Some(0));
    let spans = collector.spans();
    let [request] = named(&spans, "GET /health/live")[..] else { panic!("{spans:#?}") };
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), "b7ad6b7169203331");
}

#[test]
fn a_collector_that_is_down_disturbs_nothing() {
    let place = Place::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = serve(&place, &[("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{gone}"))]);
    sign_up(&server);
    server.terminate();
    assert_eq!(server.ended().0, Some(0));

    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://ada:hunter2@collector.example");
    let ended = support::Ended::from(command.output().unwrap());
    ended.assert_told("OTEL_EXPORTER_OTLP_ENDPOINT is not an address that begins with http://", "collector");
    assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");

    serve(&place, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://x.example"), ("OTEL_SDK_DISABLED", "true")]);
}

fn serve(place: &Place, variables: &[(&str, &str)]) -> Server {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50").envs(variables.iter().copied());
    Server::start(&mut command)
}

fn sign_up(server: &Server) -> String {
    let ada = json!({"email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "Tide"});
    let session = post(&server.url, "/v1/auth/users/signup", &ada);
    assert_eq!(session.status, 201, "{session:?}");
    session.json()["access_token"].as_str().unwrap().to_owned()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes spans over OTLP as a real collector does, and keeps them.
struct Collector {
    url: String,
    taken: Arc<Mutex<Vec<ResourceSpans>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let batches = taken.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let batch = take(stream.unwrap());
                batches.lock().unwrap().extend(batch.resource_spans);
            }
        });
        Self { url, taken }
    }

    fn batches(&self) -> Vec<ResourceSpans> {
        self.taken.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self.batches().into_iter().flat_map(|batch| batch.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// One request of one connection.
fn take(stream: TcpStream) -> ExportTraceServiceRequest {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces ") && head.contains("application/x-protobuf"), "{head}");
    let len = head.split("content-length: ").nth(1).unwrap().split('\r').next().unwrap();
    let mut body = vec![0; len.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reader.into_inner().write_all(answer).unwrap();
    ExportTraceServiceRequest::decode(&*body).unwrap()
}
