//! The HTTP side of every load. Moodify and its peer have the same paths and the same fields.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use reqwest::{Client as Http, RequestBuilder, multipart};
use serde_json::{Value, json};

/// Where the services of a subject are. In one process they are all the same.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) auth: String,
    pub(crate) music: String,
    pub(crate) sync: String,
}

/// Somebody who may be signed in.
#[derive(Clone)]
pub(crate) struct Client {
    http: Http,
    at: Addresses,
    token: String,
}

pub(crate) const PASSWORD: &str = "a quiet harbour at dawn";

impl Client {
    pub(crate) fn new(at: Addresses) -> Result<Self> {
        let http = Http::builder().tcp_nodelay(true).pool_max_idle_per_host(1024).build()?;
        Ok(Self { http, at, token: String::new() })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn with_token(&self, token: String) -> Self {
        Self { token, ..self.clone() }
    }

    /// A new listener.
    pub(crate) async fn sign_up(&self, email: &str) -> Result<Self> {
        let body = json!({"email": email, "password": PASSWORD, "first_name": "Bench", "last_name": "Mark"});
        self.session("users/signup", &body).await
    }

    /// A new artist.
    pub(crate) async fn sign_up_artist(&self, email: &str) -> Result<Self> {
        let body = json!({"email": email, "password": PASSWORD, "first_name": "Bench", "last_name": "Mark",
            "artist_name": "The Benchmarks"});
        self.session("artists/signup", &body).await
    }

    pub(crate) async fn log_in(&self, email: &str) -> Result<Self> {
        self.session("users/login", &json!({"email": email, "password": PASSWORD})).await
    }

    /// Tries a wrong password; being turned away is what is expected.
    pub(crate) async fn log_in_wrongly(&self, email: &str) -> Result<()> {
        let url = format!("{}/v1/auth/users/login", self.at.auth);
        let body = json!({"email": email, "password": "not the password at all"});
        let status = self.http.post(url).json(&body).send().await?.status();
        ensure!(matches!(status.as_u16(), 401 | 429 | 503), "a wrong password got {status}");
        Ok(())
    }

    async fn session(&self, path: &str, body: &Value) -> Result<Self> {
        let url = format!("{}/v1/auth/{path}", self.at.auth);
        let answer = answer(self.http.post(url).json(body)).await?;
        let token = answer["access_token"].as_str().context("no access token")?;
        Ok(self.with_token(token.to_owned()))
    }

    /// Whether it lives; asked of the auth service, which floods hit.
    pub(crate) async fn liveness(&self) -> Result<()> {
        let url = format!("{}/health/live", self.at.auth);
        self.http.get(url).send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    /// Changes a name: the cheapest request that leaves an event.
    pub(crate) async fn rename(&self, first_name: &str) -> Result<()> {
        let request = self.http.patch(format!("{}/v1/me", self.at.auth)).bearer_auth(&self.token);
        answer(request.json(&json!({"first_name": first_name}))).await.map(drop)
    }

    /// How many events wait in the outbox; `None` when the database is too busy to tell.
    pub(crate) async fn outbox(&self) -> Result<Option<u64>> {
        self.metric(&self.at.auth, "moodify_outbox_events").await.context("no size of the outbox")
    }

    /// How many events the music service has handled.
    pub(crate) async fn handled_by_music(&self) -> Result<u64> {
        let handled = "moodify_deliveries_total{consumer=\"music\",outcome=\"handled\"}";
        // What was not counted yet is not there.
        Ok(self.metric(&self.at.music, handled).await?.unwrap_or(0))
    }

    /// The value of a metric of a service, if it tells it.
    async fn metric(&self, service: &str, name: &str) -> Result<Option<u64>> {
        let text =
            self.http.get(format!("{service}/metrics")).send().await?.error_for_status()?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map(|value| value.parse().with_context(|| format!("{name} is {value}"))).transpose()
    }

    /// Uploads a track and returns its id.
    pub(crate) async fn upload(&self, title: &str, audio: Vec<u8>, cover: Option<Vec<u8>>) -> Result<String> {
        let audio = multipart::Part::bytes(audio).file_name("tune.mp3").mime_str("audio/mpeg")?;
        let mut form = multipart::Form::new().text("title", title.to_owned()).part("audio", audio);
        if let Some(cover) = cover {
            form = form
                .part("cover", multipart::Part::bytes(cover).file_name("cover.jpg").mime_str("image/jpeg")?);
        }
        let url = format!("{}/v1/tracks", self.at.music);
        let track = answer(self.http.post(url).bearer_auth(&self.token).multipart(form)).await?;
        Ok(track["id"].as_str().context("a track without an id")?.to_owned())
    }

    pub(crate) async fn create_playlist(&self, track_ids: &[String]) -> Result<String> {
        let url = format!("{}/v1/playlists", self.at.music);
        let body = json!({"title": "Benchmarks", "track_ids": track_ids});
        let playlist = answer(self.http.post(url).bearer_auth(&self.token).json(&body)).await?;
        Ok(playlist["id"].as_str().context("a playlist without an id")?.to_owned())
    }

    /// Tells of a play that has to count.
    pub(crate) async fn play(&self, track: &str, play_id: &str, started_at: Timestamp) -> Result<()> {
        let url = format!("{}/v1/tracks/{track}/plays", self.at.music);
        let body = json!({"play_id": play_id, "started_at": started_at, "played_ms": 95_000});
        let answer = answer(self.http.post(url).bearer_auth(&self.token).json(&body)).await?;
        ensure!(answer["counted"] == true, "a play was not counted: {answer}");
        Ok(())
    }

    /// Reads something of the music service whole, and returns its length in bytes.
    pub(crate) async fn read(&self, path: &str) -> Result<usize> {
        let request = self.http.get(format!("{}{path}", self.at.music)).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?.bytes().await?.len())
    }

    /// Reads something of the music service as JSON.
    pub(crate) async fn json(&self, path: &str) -> Result<Value> {
        answer(self.http.get(format!("{}{path}", self.at.music)).bearer_auth(&self.token)).await
    }
}

async fn answer(request: RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let (status, url) = (response.status(), response.url().clone());
    let body = response.text().await?;
    ensure!(status.is_success(), "{url} answered {status}: {body}");
    serde_json::from_str(&body).with_context(|| format!("{url} answered no JSON"))
}
