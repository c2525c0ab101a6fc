//! A line to a server that can be cut, as networks are.

use std::io;

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Listens beside a server and hands everything on to it, until it is dropped.
pub(crate) struct Wire {
    pub(crate) port: u16,
    whole: watch::Sender<bool>,
}

impl Wire {
    /// A line to this host and port.
    pub(crate) async fn to(server: String) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (whole, watching) = watch::channel(true);
        tokio::spawn(accept(listener, server, watching));
        Ok(Self { port, whole })
    }

    /// Ends every connection and takes no other one.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Takes connections again.
    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(listener: TcpListener, server: String, mut whole: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            gone = whole.wait_for(|_| false) => match gone { Ok(_) => continue, Err(_) => return },
        };
        if let Ok((client, _)) = accepted
            && *whole.borrow()
        {
            tokio::spawn(join(client, server.clone(), whole.clone()));
        }
    }
}

async fn join(mut client: TcpStream, server: String, mut whole: watch::Receiver<bool>) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
    Ok(())
}
