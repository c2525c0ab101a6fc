use std::fmt;

use jiff::Timestamp;
use mongodb::bson::RawDocument;
use secrecy::SecretString;

use super::Read;
use super::fields::{Fields, Unreadable};
use super::id::OldId;

/// A document of `users`. What is `None` is not there, or nothing that could be meant.
pub struct OldUser {
    /// `_id`.
    pub id: OldId,
    /// `email`, as it was typed.
    pub email: Option<String>,
    /// `fullname.firstName`, or the beginning of a name that is in one piece.
    pub first_name: Option<String>,
    /// `fullname.lastName`, or the rest of that.
    pub last_name: Option<String>,
    /// `artistName`, `stageName`.
    pub artist_name: Option<String>,
    /// `role`.
    pub role: Option<String>,
    /// `password`: the hash.
    pub password: Option<SecretString>,
    /// `googleId`: who Google says it is.
    pub google_id: Option<String>,
    /// Whether the mailbox was proved: `isVerified`, `emailVerified`.
    pub verified: bool,
    /// `createdAt`, or when the id was made.
    pub created_at: Option<Timestamp>,
}

/// Without what nobody else is to know.
impl fmt::Debug for OldUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OldUser").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A document of `musics`.
#[derive(Debug)]
pub struct OldMusic {
    /// `_id`.
    pub id: OldId,
    /// `title`.
    pub title: Option<String>,
    /// The user whose it is: `artistId`, or `artist` if that is an id.
    pub artist: Option<OldId>,
    /// `genre`.
    pub genre: Option<String>,
    /// `musicKey`.
    pub audio: MediaName,
    /// `coverImageKey`.
    pub cover: MediaName,
    /// `isPrivate`, or what `isPublic` says.
    pub private: Option<bool>,
    /// `playCount`, `plays`.
    pub play_count: u64,
    /// `createdAt`, or when the id was made.
    pub created_at: Option<Timestamp>,
}

/// What the old bucket calls an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaName {
    /// This.
    Known(String),
    /// Nothing is there.
    Missing,
    /// Something that is no text, or none in UTF-8.
    Unreadable,
}

/// A document of `playlists`.
#[derive(Debug)]
pub struct OldPlaylist {
    /// `_id`.
    pub id: OldId,
    /// `title`, `name`.
    pub title: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// The user whose it is: `owner`, `userId`, `user`, `createdBy`, `artistId`.
    pub owner: Option<OldId>,
    /// `musics`, in order; `None` stands for what is no id. `None` of all if there is no list.
    pub musics: Option<Vec<Option<OldId>>>,
    /// `isPrivate`, or what `isPublic` says.
    pub private: Option<bool>,
    /// `createdAt`, or when the id was made.
    pub created_at: Option<Timestamp>,
    /// `updatedAt`.
    pub updated_at: Option<Timestamp>,
}

impl Read for OldUser {
    fn read(document: &RawDocument) -> Self {
        let fields = Fields(document);
        let (first_name, last_name) = names(fields);
        let google = fields.nested("google").and_then(|google| google.text(&["id", "googleId"]));
        Self {
            id: fields.id(),
            email: fields.text(&["email"]),
            first_name,
            last_name,
            artist_name: fields.text(&["artistName", "stageName"]),
            role: fields.text(&["role"]),
            password: fields.text(&["password", "passwordHash"]).map(Into::into),
            google_id: fields.text(&["googleId", "googleID", "google_id"]).or(google),
            verified: fields
                .flag(&["isVerified", "emailVerified", "isEmailVerified", "verified"])
                .unwrap_or(false),
            created_at: created_at(fields),
        }
    }
}

impl Read for OldMusic {
    fn read(document: &RawDocument) -> Self {
        let fields = Fields(document);
        let artist = fields.reference(&["artistId"]);
        Self {
            id: fields.id(),
            title: fields.text(&["title", "name"]),
            // Where that is the name, it is no id.
            artist: artist.or_else(|| fields.strict_reference(&["artist"])),
            genre: fields.text(&["genre"]),
            audio: media_name(fields, &["musicKey", "audioKey"]),
            cover: media_name(fields, &["coverImageKey", "coverKey"]),
            private: private(fields),
            play_count: fields.count(&["playCount", "plays"]).unwrap_or(0),
            created_at: created_at(fields),
        }
    }
}

impl Read for OldPlaylist {
    fn read(document: &RawDocument) -> Self {
        let fields = Fields(document);
        Self {
            id: fields.id(),
            title: fields.text(&["title", "name"]),
            description: fields.text(&["description"]),
            owner: fields.reference(&["owner", "ownerId", "userId", "user", "createdBy", "artistId"]),
            musics: fields.references(&["musics", "tracks", "songs"]),
            private: private(fields),
            created_at: created_at(fields),
            updated_at: fields.moment(&["updatedAt"]),
        }
    }
}

/// In two pieces, or in one that is cut at its first blank.
fn names(fields: Fields<'_>) -> (Option<String>, Option<String>) {
    const FIRST: [&str; 3] = ["firstName", "firstname", "first_name"];
    const LAST: [&str; 3] = ["lastName", "lastname", "last_name"];
    let nested = fields.nested("fullname").or_else(|| fields.nested("fullName")).unwrap_or(fields);
    let pieces = (nested.text(&FIRST), nested.text(&LAST));
    let whole = fields.text(&["fullname", "fullName", "name", "username"]);
    match (pieces, whole) {
        ((None, None), Some(whole)) => match whole.split_once(char::is_whitespace) {
            Some((first, last)) => (Some(first.to_owned()), Some(last.trim().to_owned())),
            None => (Some(whole), None),
        },
        (pieces, _) => pieces,
    }
}

fn media_name(fields: Fields<'_>, names: &[&str]) -> MediaName {
    match fields.readable_text(names) {
        Ok(Some(name)) => MediaName::Known(name),
        Ok(None) => MediaName::Missing,
        Err(Unreadable) => MediaName::Unreadable,
    }
}

fn private(fields: Fields<'_>) -> Option<bool> {
    let public = || fields.flag(&["isPublic", "public"]).map(|public| !public);
    let named = || match fields.text(&["visibility"])?.to_ascii_lowercase().as_str() {
        "private" => Some(true),
        "public" => Some(false),
        _ => None,
    };
    fields.flag(&["isPrivate", "private"]).or_else(public).or_else(named)
}

fn created_at(fields: Fields<'_>) -> Option<Timestamp> {
    let of_id = || fields.id().made_at().map(|(made_at, _)| made_at);
    fields.moment(&["createdAt"]).or_else(of_id)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{DateTime, oid::ObjectId, rawdoc};
    use secrecy::ExposeSecret;

    use super::*;

    const ID: [u8; 12] = [0x65, 0xa0, 0xc1, 0xd2, 1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn a_user_as_mongoose_writes_it() {
        let user = OldUser::read(&rawdoc! {
            "_id": ObjectId::from_bytes(ID), "fullname": { "firstName": "Ada", "lastName": "Tide" },
            "email": "Ada@Example.org", "password": "$2a$10$x", "role": "artist", "googleId": "117",
            "createdAt": DateTime::from_millis(1_700_000_000_000), "__v": 0,
        });
        assert_eq!(user.id, OldId::from_object_id(ID));
        assert_eq!((user.first_name.as_deref(), user.last_name.as_deref()), (Some("Ada"), Some("Tide")));
        assert_eq!((user.email.as_deref(), user.role.as_deref()), (Some("Ada@Example.org"), Some("artist")));
        assert_eq!(user.password.as_ref().unwrap().expose_secret(), "$2a$10$x");
        assert_eq!(user.google_id.as_deref(), Some("117"));
        assert_eq!(user.created_at.unwrap().as_second(), 1_700_000_000);
        assert!(!user.verified && !format!("{user:?}").contains("$2a$"));
    }

    #[test]
    fn what_is_missing_is_not_there() {
        let user = OldUser::read(&rawdoc! { "_id": 5, "fullname": 7, "name": "Ada von Tide", "email": 3 });
        assert_eq!((user.first_name.as_deref(), user.last_name.as_deref()), (Some("Ada"), Some("von Tide")));
        assert!(user.email.is_none() && user.password.is_none() && user.created_at.is_none());
        let music = OldMusic::read(&rawdoc! { "_id": ObjectId::from_bytes(ID), "artist": "Nina" });
        assert_eq!((music.artist, music.audio, music.private), (None, MediaName::Missing, None));
        assert_eq!(music.created_at.unwrap().as_second(), 0x65a0_c1d2);
        let playlist = OldPlaylist::read(&rawdoc! { "_id": "x", "isPublic": false, "musics": "none" });
        assert!(playlist.owner.is_none() && playlist.musics.is_none());
        assert_eq!(playlist.private, Some(true));
    }

    #[test]
    fn an_artist_may_be_an_id_in_the_place_of_the_name() {
        let id = ObjectId::from_bytes(ID);
        for document in [rawdoc! { "artist": id }, rawdoc! { "artistId": id, "artist": "Nina" }] {
            assert_eq!(OldMusic::read(&document).artist, Some(OldId::from_object_id(ID)));
        }
        assert_eq!(OldMusic::read(&rawdoc! { "musicKey": 7 }).audio, MediaName::Unreadable);
    }
}
