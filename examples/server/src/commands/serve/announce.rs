//! Where to look, for the person who started it.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
};

use crate::{
    cli::Role,
    config::{Address, Settings, reachable},
    failure::Failure,
};

/// Says on standard output that everything runs, and where.
///
/// # Errors
/// If the settings name no place.
pub(super) fn ready(role: Role, settings: &Settings, bound: SocketAddr) -> Result<(), Failure> {
    let services = role.services();
    let announcement = Announcement {
        services: role.names().join(", "),
        url: format!("http://{}", SocketAddr::new(reachable(bound.ip()), bound.port())),
        database: settings.database(services)?.to_string(),
        mailbox: services.notification.then(|| settings.mailer()).transpose()?.as_ref().map(place),
        data: settings.data.display().to_string(),
    };
    let mut out = io::stdout();
    if let Err(error) = write!(out, "{announcement}").and_then(|()| out.flush()) {
        // Whoever started it has closed the pipe: no reason not to serve.
        tracing::debug!(%error, "nobody reads where to look");
    }
    tracing::info!(address = %bound, services = announcement.services, "ready");
    Ok(())
}

/// A folder as people write one; any other address as it is.
fn place(address: &Address) -> String {
    if address.scheme() == "file" { address.path().display().to_string() } else { address.to_string() }
}

struct Announcement {
    services: String,
    url: String,
    database: String,
    mailbox: Option<String>,
    data: String,
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { services, url, database, mailbox, data } = self;
        writeln!(f, "Moodify is ready: {services}.")?;
        writeln!(f, "  API       {url}/v1")?;
        writeln!(f, "  Docs      {url}/docs")?;
        writeln!(f, "  Health    {url}/health/ready")?;
        if let Some(mailbox) = mailbox {
            writeln!(f, "  Mailbox   {mailbox}")?;
        }
        writeln!(f, "  Database  {database}")?;
        writeln!(f, "  Data      {data}")?;
        writeln!(f, "Ctrl-C stops it.")
    }
}
