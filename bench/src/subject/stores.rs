//! The servers that a product keeps its data in, in a folder that goes away with the run.

use std::{fs, net::TcpListener, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpStream, process::Command, time::sleep};

use crate::process::Process;

pub(super) const KEY: &str = "bench-access-key";
pub(super) const SECRET: &str = "bench-secret-key";
pub(super) const BUCKET: &str = "bench-media";

/// How long a store may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// MongoDB and S3, started here; RabbitMQ and Redis, which `cargo xtask bench` has started for the whole run.
pub(super) struct Stores {
    pub(super) mongo_port: u16,
    s3: u16,
    pub(super) amqp: String,
    pub(super) redis: String,
    processes: Vec<Process>,
}

impl Stores {
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        let (mongo, s3) = (free_port()?, free_port()?);
        let (documents, objects) = (folder.join("mongo"), folder.join("s3"));
        fs::create_dir_all(&documents)?;
        fs::create_dir_all(objects.join(BUCKET))?;
        let mut database = Command::new("secantusd-py");
        database.args(["--port", &mongo.to_string(), "--storage-path"]).arg(&documents);
        let mut media = Command::new("s3s-fs");
        media.args(["--host", "127.0.0.1", "--port", &s3.to_string()]);
        media.args(["--access-key", KEY, "--secret-key", SECRET]).arg(&objects);
        // Never a broker that others use: quorum queues stay, and what is left of many runs slows it down.
        let named = |name: &str| std::env::var(name).with_context(|| format!("{name} names no server"));
        let (amqp, redis) = (named("AMQP_URL")?, named("REDIS_URL")?);
        let processes = vec![
            spawn(&mut database, mongo, &folder.join("mongo.log")).await?,
            spawn(&mut media, s3, &folder.join("s3.log")).await?,
        ];
        Ok(Self { mongo_port: mongo, s3, amqp, redis, processes })
    }

    /// The address of a database.
    pub(super) fn mongo(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}", self.mongo_port)
    }

    /// Where objects are.
    pub(super) fn s3(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3)
    }

    pub(super) fn into_processes(self) -> Vec<Process> {
        self.processes
    }
}

async fn spawn(command: &mut Command, port: u16, log: &Path) -> Result<Process> {
    let process = Process::silent(command, log)?;
    for _ in 0..PATIENCE.as_millis() / 50 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok(process);
        }
        sleep(Duration::from_millis(50)).await;
    }
    bail!("{command:?} does not listen:\n{}", fs::read_to_string(log).unwrap_or_default())
}

/// A port that nobody listens at.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no port is free")?.local_addr()?.port())
}
