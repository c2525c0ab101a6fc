//! Stands between a store and S3, and does what networks do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens to those who connect, and to those who are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everything goes through.
    Open,
    /// Everything goes through, but takes its time.
    Slow,
    /// Nothing gets through any more, and nobody is told until it ends.
    Stalled,
    /// Every connection ends at once.
    Refusing,
    /// Every connection ends once this many bytes have gone out on it.
    CutAfter(u64),
    /// The same, but only for the first one.
    CutOnceAfter(u64),
    /// Whatever is asked is answered with this.
    Answer(&'static str),
}

pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) url: String,
    way: watch::Sender<Way>,
    connections: Arc<AtomicU64>,
    asked: Arc<Mutex<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before this server.
    pub(crate) async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (way, watched) = watch::channel(Way::Open);
        let server = server.trim_start_matches("http://").to_owned();
        let (connections, asked) = (Arc::new(AtomicU64::new(0)), Arc::<Mutex<Vec<u8>>>::default());
        let (counted, ways, heard) = (connections.clone(), way.clone(), asked.clone());
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, server.clone(), watched.clone(), ways.clone(), heard.clone()));
            }
        });
        Self { url, way, connections, asked, task }
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// What was asked so far, in part.
    pub(crate) fn asked(&self) -> String {
        String::from_utf8_lossy(&self.asked.lock().unwrap()).into_owned()
    }

    /// How many were made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Heads of requests, as far as they do not come after large bodies.
fn keep(heard: &Mutex<Vec<u8>>, bytes: &[u8]) {
    let mut heard = heard.lock().unwrap();
    if heard.len() < 1 << 20 {
        heard.extend_from_slice(&bytes[..bytes.len().min(4096)]);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut client: TcpStream,
    server: String,
    mut way: watch::Receiver<Way>,
    ways: watch::Sender<Way>,
    heard: Arc<Mutex<Vec<u8>>>,
) {
    let mut server = TcpStream::connect(server).await.unwrap();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut sent = 0;
    loop {
        let now = way.borrow_and_update().clone();
        match now {
            Way::Refusing => return,
            Way::CutAfter(bytes) if sent >= bytes => return,
            Way::CutOnceAfter(bytes) if sent >= bytes => {
                ways.send_replace(Way::Open);
                return;
            }
            // Whoever gave up meanwhile has bytes on the way that must not arrive later.
            Way::Stalled => {
                let _ = way.changed().await;
                return;
            }
            _ => {}
        }
        tokio::select! {
            changed = way.changed() => if changed.is_err() { return },
            read = client.read(&mut up) => match (read, &now) {
                (Ok(0) | Err(_), _) => return,
                (Ok(_), Way::Answer(answer)) => {
                    let head = format!("HTTP/1.1 {answer}\r\nConnection: close\r\n");
                    let _ = client.write_all(head.as_bytes()).await;
                    let _ = client.write_all(b"Content-Length: 0\r\n\r\n").await;
                    return;
                }
                (Ok(n), _) => {
                    if now == Way::Slow {
                        pause().await;
                    }
                    sent += n as u64;
                    keep(&heard, &up[..n]);
                    if server.write_all(&up[..n]).await.is_err() {
                        return;
                    }
                }
            },
            read = server.read(&mut down) => match read {
                Ok(0) | Err(_) => return,
                Ok(n) => if client.write_all(&down[..n]).await.is_err() { return },
            },
        }
    }
}

/// Some 10 MB/s.
#[expect(clippy::disallowed_methods, reason = "a slow network is slow by everybody's clock")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(6)).await;
}
