use std::{fs, path::Path};

use anyhow::{Result, ensure};
use moodify_core::{memory::SystemRng, port::Rng};
use tokio::process::Command;
use uuid::Uuid;

use super::{
    Setup, Subject, Tokens,
    stores::{BUCKET, KEY, SECRET, Stores},
};
use crate::{client::Addresses, process::Process, replay::Replay};

/// The peer's services, one process each.
const SERVICES: [&str; 4] = ["auth", "music", "sync", "notification"];

/// Four Node processes on MongoDB, S3 and RabbitMQ, whatever the product that it is compared with has.
pub(super) async fn start(code: &Path, folder: &Path, setup: Setup) -> Result<Subject> {
    fs::create_dir_all(folder)?;
    let stores = Stores::start(folder).await?;
    let mut random = [0; 16];
    SystemRng.fill(&mut random);
    let secret = Uuid::from_bytes(random).to_string();
    let mails = folder.join("mail");
    fs::create_dir_all(&mails)?;
    let replay = match setup {
        Setup::Embedded => None,
        Setup::Servers => Some(Replay::to(stores.mongo_port).await?),
    };
    let mut processes = Vec::new();
    let mut urls = Vec::new();
    for name in SERVICES {
        let port = super::stores::free_port()?;
        let mut command = Command::new("node");
        command.arg(format!("{name}.mjs")).current_dir(code);
        command.env("PORT", port.to_string()).env("JWT_SECRET", &secret).env("MAIL_FOLDER", &mails);
        command.env("NODE_ENV", "production").envs(addresses(&stores));
        if let (Some(replay), "music") = (&replay, name) {
            command.env("MONGO_URL", replay.url("peer"));
        }
        let log = folder.join(format!("{name}.log"));
        let (process, ()) =
            Process::start(&mut command, &log, |line| line.starts_with("listening").then_some(())).await?;
        processes.push(process);
        urls.push(format!("http://127.0.0.1:{port}"));
    }
    let at = Addresses { auth: urls[0].clone(), music: urls[1].clone(), sync: urls[2].clone() };
    let tokens = Tokens::Minted { code: code.to_owned(), secret };
    let _stores = stores.into_processes();
    Ok(Subject {
        at,
        second_sync: None,
        auth: 0,
        music: 1,
        sync: 2..3,
        processes,
        tokens,
        broker: None,
        replay,
        _stores,
    })
}

/// What the services read from their environment.
fn addresses(stores: &Stores) -> [(&'static str, String); 6] {
    [
        ("MONGO_URL", stores.mongo("peer")),
        ("AMQP_URL", stores.amqp.clone()),
        ("S3_ENDPOINT", stores.s3()),
        ("S3_BUCKET", BUCKET.to_owned()),
        ("S3_KEY", KEY.to_owned()),
        ("S3_SECRET", SECRET.to_owned()),
    ]
}

/// Access tokens of listeners, as the auth service would sign them.
pub(super) async fn mint(code: &Path, secret: &str, count: usize) -> Result<Vec<String>> {
    let mut command = Command::new("node");
    command.args(["mint.mjs", &count.to_string()]).current_dir(code).env("JWT_SECRET", secret);
    let output = command.output().await?;
    ensure!(output.status.success(), "mint.mjs failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}
