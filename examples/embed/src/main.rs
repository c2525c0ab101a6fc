//! The smallest own app with Moodify inside: all in memory, gone when it ends.

use std::{net::SocketAddr, sync::Arc};

use axum::routing::get;
use moodify_adapters::probe::{InProcessProbe, ProbeConfig};
use moodify_core::{Config, Moodify, Services, memory::SystemClock};
use moodify_http::HttpConfig;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let url: url::Url = format!("http://{}", listener.local_addr()?).parse()?;
    let staging = ProbeConfig::new(std::env::temp_dir().join("moodify-embed"));
    let probe = Arc::new(InProcessProbe::open(staging, Arc::new(SystemClock))?);
    let moodify = Moodify::builder(Config::new(url.clone())).build(probe)?;
    let app = moodify_http::router(&moodify, HttpConfig::new(url.clone()))
        .route("/hello", get(|| async { "hello from my own app" }));
    tokio::spawn(async move { moodify.run(Services::ALL, Default::default()).await });
    eprintln!("My app with Moodify inside listens at {url}");
    // Limits tell callers apart by where they connect from.
    Ok(axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
