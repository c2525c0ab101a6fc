use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use moodify_core::model::Mail;
use moodify_core::port::{Clock, MailError, Mailer, Unavailable};

use crate::message;
use crate::scratch::{Scratch, create_folder, fault};

const INCOMING: &str = ".incoming";

/// Puts every mail into a folder, as a file that mail programs open.
pub struct FileMailer {
    folder: PathBuf,
    incoming: Arc<Scratch>,
    clock: Arc<dyn Clock>,
}

impl FileMailer {
    /// Opens the folder, made if missing. The clock gives the mails their date.
    ///
    /// # Errors
    /// The folder cannot be made or written to; the source says which and why.
    pub fn open(folder: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, Unavailable> {
        let folder = folder.as_ref();
        create_folder(folder)?;
        let incoming = Scratch::open(&folder.join(INCOMING))?;
        Ok(Self { folder: folder.to_owned(), incoming, clock })
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let bytes = message::message(mail, self.clock.now())?.formatted();
        let path = self.folder.join(format!("{}.eml", message::name(mail)));
        let incoming = Arc::clone(&self.incoming);
        let write = move || {
            write_once(&incoming, &path, &bytes).map_err(|error| fault("write the mail", &path, error))
        };
        if !tokio::task::spawn_blocking(write).await.map_err(Unavailable::passing)?? {
            // Its sender died between our answer and its note of it.
            tracing::info!(mail = mail.message_id.as_str(), "handed over before: it stays the one mail");
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), MailError> {
        let (incoming, folder) = (Arc::clone(&self.incoming), self.folder.clone());
        let check = tokio::task::spawn_blocking(move || incoming.round_trip(&folder));
        Ok(check.await.map_err(Unavailable::passing)??)
    }

    fn knows_messages(&self) -> bool {
        true
    }
}

/// Makes a file appear whole and on the disk, unless it is there already. Returns whether it was not.
fn write_once(incoming: &Arc<Scratch>, path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let is_new = !path.try_exists()?;
    if is_new {
        let (unfinished, mut file) = incoming.create()?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(unfinished.path(), path)?;
    }
    // Also for a file of somebody who died between the rename and this.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
    Ok(is_new)
}
