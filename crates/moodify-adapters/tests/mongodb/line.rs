//! A line to the server that ends at a certain moment, once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// When a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Instead of the second command of a step.
    InStep,
    /// Instead of the answer to a commit.
    InCommit,
}

/// Listens beside a server for as long as the test runs.
pub(crate) struct Line {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    begun: AtomicUsize,
    has_ended: AtomicBool,
}

impl Line {
    /// A line to the server of this URL.
    pub(crate) async fn to(url: &str, end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (server, seen) = (host(url).to_owned(), Arc::<Seen>::default());
        let watching = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(join(client, server, end, Arc::clone(&watching)));
            }
        });
        Self { port, seen }
    }

    /// This database over it.
    pub(crate) fn url_of(&self, url: &str) -> String {
        let over = url.replacen(host(url), &format!("127.0.0.1:{}", self.port), 1);
        // The members of a replica set tell their own addresses.
        let mark = if over.contains('?') { '&' } else { '?' };
        format!("{over}{mark}directConnection=true")
    }

    /// How many transactions were begun.
    pub(crate) fn begun(&self) -> usize {
        self.seen.begun.load(Ordering::SeqCst)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.seen.has_ended.load(Ordering::SeqCst)
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    rest.split(['/', '?']).next().unwrap()
}

/// Until either side ends it, or its moment comes.
async fn join(client: TcpStream, server: TcpStream, end: End, seen: Arc<Seen>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let loses_the_answer = AtomicBool::new(false);
    let asking = async {
        loop {
            let message = message(&mut from_client).await?;
            let says = |word: &str| message.windows(word.len()).any(|part| part == word.as_bytes());
            let is_commit = says("commitTransaction");
            if says("startTransaction") {
                seen.begun.fetch_add(1, Ordering::SeqCst);
            } else if end == End::InStep && says("autocommit") && !is_commit && !seen.ends() {
                return io::Result::Ok(());
            }
            if end == End::InCommit && is_commit && !seen.ends() {
                loses_the_answer.store(true, Ordering::SeqCst);
            }
            to_server.write_all(&message).await?;
        }
    };
    let answering = async {
        let mut answer = vec![0; 64 * 1024];
        loop {
            let length = from_server.read(&mut answer).await?;
            if length == 0 || loses_the_answer.load(Ordering::SeqCst) {
                return io::Result::Ok(());
            }
            to_client.write_all(&answer[..length]).await?;
        }
    };
    tokio::select! {
        _ = asking => {}
        _ = answering => {}
    }
}

impl Seen {
    /// Whether a connection had ended before, for now one does.
    fn ends(&self) -> bool {
        self.has_ended.swap(true, Ordering::SeqCst)
    }
}

/// One message: it begins with its length.
async fn message(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut message = vec![0; 4];
    from.read_exact(&mut message).await?;
    let length = u32::from_le_bytes([message[0], message[1], message[2], message[3]]);
    message.resize(length as usize, 0);
    from.read_exact(&mut message[4..]).await?;
    Ok(message)
}
