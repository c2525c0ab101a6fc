//! The old deployment: documents as Mongoose writes them, and who they are.

use std::path::Path;

use mongodb::{
    Client,
    bson::{DateTime, Document, doc, oid::ObjectId},
};
use tokio::runtime::Runtime;

use crate::support::mongodb as server;

/// By bcryptjs 2.4.3, cost 4.
pub(crate) const HASH: &str = "$2a$04$0kyIHtXr4q18lDtJRXkqiewKEVDnoVr1vQCdwtTNG1JeWMDkEFx.a";
pub(crate) const PASSWORD: &str = "low water at the pier \u{1F30A}";

/// 2023-11-14T22:13:20Z.
pub(crate) const MADE_AT: u32 = 1_700_000_000;

/// An id that was made so many seconds after [`MADE_AT`].
pub(crate) fn id(number: u32) -> ObjectId {
    let mut bytes = [7; 12];
    bytes[..4].copy_from_slice(&(MADE_AT + number).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn moment(number: u32) -> DateTime {
    DateTime::from_millis(i64::from(MADE_AT + number) * 1000)
}

/// A database of its own on a server that tests share.
pub(crate) struct Old {
    runtime: Runtime,
    client: Client,
    server: &'static str,
    name: String,
}

impl Old {
    /// `None`, said aloud, where there is no server.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let server = server::shared(name.len())?;
        let name = format!("old_{name}_{}", std::process::id());
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(Client::with_uri_str(server)).unwrap();
        Some(Self { runtime, client, server, name })
    }

    pub(crate) fn url(&self) -> String {
        server::url_of(self.server, &self.name)
    }

    /// Another database on the same server.
    pub(crate) fn url_of(&self, name: &str) -> String {
        server::url_of(self.server, &format!("{}_{name}", self.name))
    }

    pub(crate) fn insert(&self, collection: &str, documents: impl IntoIterator<Item = Document>) {
        let collection = self.client.database(&self.name).collection::<Document>(collection);
        let inserted = collection.insert_many(documents);
        self.runtime.block_on(inserted.into_future()).unwrap();
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let names = self.runtime.block_on(self.client.list_database_names().into_future());
        for name in names.unwrap_or_default().iter().filter(|name| name.starts_with(&self.name)) {
            // A server that is gone has nothing to clear.
            let _ = self.runtime.block_on(self.client.database(name).drop().into_future());
        }
    }
}

pub(crate) fn user(number: u32, first_name: &str, role: &str) -> Document {
    doc! {
        "_id": id(number), "fullname": { "firstName": first_name, "lastName": "Tide" },
        "email": format!("{}@Example.org", first_name), "password": HASH, "role": role,
        "createdAt": moment(number), "updatedAt": moment(number), "__v": 0,
    }
}

pub(crate) fn music(number: u32, artist: u32, title: &str, key: &str) -> Document {
    doc! {
        "_id": id(number), "title": title, "artist": "Nina Tide", "artistId": id(artist), "musicKey": key,
        "playCount": number, "createdAt": moment(number), "updatedAt": moment(number), "__v": 0,
    }
}

pub(crate) fn playlist(number: u32, owner: u32, title: &str, musics: &[u32]) -> Document {
    let musics: Vec<ObjectId> = musics.iter().map(|number| id(*number)).collect();
    doc! {
        "_id": id(number), "title": title, "owner": id(owner), "musics": musics,
        "createdAt": moment(number), "updatedAt": moment(number + 60), "__v": 0,
    }
}

/// The document with these fields instead of, or beside, its own.
pub(crate) fn with(mut document: Document, fields: Document) -> Document {
    document.extend(fields);
    document
}

/// The document without this field.
pub(crate) fn without(mut document: Document, field: &str) -> Document {
    document.remove(field);
    document
}

pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../media").join(name)).unwrap()
}
