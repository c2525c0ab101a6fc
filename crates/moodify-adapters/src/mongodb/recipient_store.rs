use std::collections::HashSet;

use async_trait::async_trait;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use moodify_core::model::{AccountId, ArtistId, Recipient, TrackId};
use moodify_core::port::{RecipientStore, RecipientStoreError};

use super::MongoStore;
use super::error::Fault;
use super::row::{Key, Row, keys, micros};
use super::step::{Find, Step};

const RECIPIENTS: &str = "recipients";
const FOLLOWS: &str = "recipient_follows";
const ANNOUNCEMENTS: &str = "announcements";

#[async_trait]
impl RecipientStore for MongoStore {
    async fn put_recipient(
        &self,
        recipient: &Recipient,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let put = self.database.atomically(|step| {
            Box::pin(async move {
                let by_id = doc! { "_id": recipient.account_id.key() };
                let known = step.find_one(RECIPIENTS, by_id.clone()).await?;
                let mut set = Document::new();
                let is_newer = match &known {
                    Some(known) => known.time("told_at")? <= told_at,
                    None => true,
                };
                if is_newer {
                    set.extend(doc! {
                        "gone": false,
                        "email": recipient.email.as_str(),
                        "email_verified": recipient.email_verified,
                        "first_name": recipient.first_name.as_str(),
                        "told_at": micros(told_at),
                    });
                }
                let (artist, is_gone) = match &known {
                    Some(known) => (known.optional_id::<ArtistId>("artist_id")?, known.flag("gone")?),
                    None => (None, false),
                };
                // Once known it stays; an older event may still tell it of one who is there.
                if artist.is_none() && (is_newer || !is_gone) {
                    set.insert("artist_id", recipient.artist_id.key());
                }
                if !set.is_empty() {
                    step.upsert(RECIPIENTS, by_id, doc! { "$set": set }).await?;
                }
                Ok::<_, RecipientStoreError>(())
            })
        });
        put.await
    }

    async fn recipient(&self, id: AccountId) -> Result<Option<Recipient>, RecipientStoreError> {
        let there = doc! { "_id": id.key(), "gone": false };
        let row = self.database.plain().find_one(RECIPIENTS, there).await?;
        Ok(row.as_ref().map(recipient).transpose()?)
    }

    async fn is_gone(&self, id: AccountId) -> Result<bool, RecipientStoreError> {
        Ok(self.database.plain().exists(RECIPIENTS, doc! { "_id": id.key(), "gone": true }).await?)
    }

    async fn remove_recipient(
        &self,
        id: AccountId,
        artist: Option<ArtistId>,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let removed = self.database.atomically(|step| {
            Box::pin(async move {
                let by_id = doc! { "_id": id.key() };
                if let Some(known) = step.find_one(RECIPIENTS, by_id.clone()).await?
                    && known.time("told_at")? > told_at
                {
                    return Ok(false);
                }
                step.delete(RECIPIENTS, by_id).await?;
                let gone = doc! { "_id": id.key(), "gone": true, "told_at": micros(told_at) };
                step.insert(RECIPIENTS, gone).await?;
                delete_follows(step, id, artist).await?;
                if let Some(artist) = artist {
                    let set = doc! { "$set": { "following": false, "told_at": micros(told_at) } };
                    step.upsert(FOLLOWS, over(artist), set).await?;
                }
                Ok::<_, RecipientStoreError>(true)
            })
        });
        if removed.await? {
            // A follow that was stored beside that step, which did not see it.
            delete_follows(&mut self.database.plain(), id, artist).await?;
        }
        Ok(())
    }

    async fn set_following(
        &self,
        account: AccountId,
        artist: ArtistId,
        following: bool,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let set = self.database.atomically(|step| {
            Box::pin(async move {
                let follow = follow(artist, account);
                if is_over(step, artist, account).await? {
                    // Of a process that died before it looked again.
                    step.delete(FOLLOWS, follow).await?;
                    return Ok(false);
                }
                if let Some(known) = step.find_one(FOLLOWS, follow.clone()).await?
                    && known.time("told_at")? > told_at
                {
                    return Ok(false);
                }
                let set = doc! { "$set": { "following": following, "told_at": micros(told_at) } };
                step.upsert(FOLLOWS, follow, set).await?;
                Ok::<_, RecipientStoreError>(true)
            })
        });
        // One of them may have gone beside that step. Whichever of the two looks last sees what the other did.
        if set.await? && is_over(&mut self.database.plain(), artist, account).await? {
            self.database.plain().delete(FOLLOWS, follow(artist, account)).await?;
        }
        Ok(())
    }

    async fn is_following(&self, account: AccountId, artist: ArtistId) -> Result<bool, RecipientStoreError> {
        let follow = doc! { "artist_id": artist.key(), "account_id": account.key(), "following": true };
        Ok(self.database.plain().exists(FOLLOWS, follow).await?)
    }

    async fn followers(
        &self,
        artist: ArtistId,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<AccountId>, RecipientStoreError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let (mut step, mut after, mut found) = (self.database.plain(), after, Vec::new());
        // Reads on where some may not be told.
        loop {
            let mut follows = doc! { "artist_id": artist.key(), "following": true };
            if let Some(after) = after {
                follows.insert("account_id", doc! { "$gt": after.key() });
            }
            let query = Find::new(FOLLOWS, follows).sort(doc! { "account_id": 1 }).limit(max);
            let rows = step.find(query).await?;
            let accounts = rows.iter().map(|row| row.id("account_id")).collect::<Result<Vec<_>, Fault>>()?;
            let may_be_told = may_be_told(&mut step, artist, &accounts).await?;
            found.extend(accounts.iter().filter(|account| may_be_told.contains(*account)));
            found.truncate(max);
            if accounts.len() < max || found.len() == max {
                return Ok(found);
            }
            after = accounts.last().copied();
        }
    }

    async fn announced_up_to(&self, track: TrackId) -> Result<Option<AccountId>, RecipientStoreError> {
        let row = self.database.plain().find_one(ANNOUNCEMENTS, doc! { "_id": track.key() }).await?;
        Ok(row.map(|row| row.id("up_to")).transpose()?)
    }

    async fn note_announced(
        &self,
        track: TrackId,
        up_to: AccountId,
        now: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let lower = doc! { "_id": track.key(), "up_to": { "$lt": up_to.key() } };
        let note = doc! { "$set": { "up_to": up_to.key(), "noted_at": micros(now) } };
        self.database.plain().upsert_if(ANNOUNCEMENTS, lower, note).await?;
        Ok(())
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, RecipientStoreError> {
        let before = doc! { "$lt": micros(before) };
        let mut step = self.database.plain();
        let mut forgotten = 0;
        for (collection, old) in [
            (RECIPIENTS, doc! { "gone": true, "told_at": before.clone() }),
            (FOLLOWS, doc! { "following": false, "told_at": before.clone() }),
            (ANNOUNCEMENTS, doc! { "noted_at": before }),
        ] {
            forgotten += step.delete_some(collection, old, max).await?;
        }
        Ok(forgotten)
    }
}

fn follow(artist: ArtistId, account: AccountId) -> Document {
    doc! { "artist_id": artist.key(), "account_id": account.key() }
}

/// Stands for an artist who is gone.
fn over(artist: ArtistId) -> Document {
    follow(artist, AccountId::NOBODY)
}

/// Whether one of them is gone.
async fn is_over(step: &mut Step<'_>, artist: ArtistId, account: AccountId) -> Result<bool, Fault> {
    let gone = doc! { "_id": account.key(), "gone": true };
    Ok(step.exists(RECIPIENTS, gone).await? || step.exists(FOLLOWS, over(artist)).await?)
}

/// Whom the account follows, and who follows the artist.
async fn delete_follows(
    step: &mut Step<'_>,
    account: AccountId,
    artist: Option<ArtistId>,
) -> Result<(), Fault> {
    step.delete_all(FOLLOWS, doc! { "account_id": account.key() }).await?;
    if let Some(artist) = artist {
        let followers = doc! { "artist_id": artist.key(), "account_id": { "$ne": AccountId::NOBODY.key() } };
        step.delete_all(FOLLOWS, followers).await?;
    }
    Ok(())
}

/// Those of these accounts that are known, with a verified mailbox, and not the artist's own.
async fn may_be_told(
    step: &mut Step<'_>,
    artist: ArtistId,
    accounts: &[AccountId],
) -> Result<HashSet<AccountId>, Fault> {
    let those = doc! {
        "_id": { "$in": keys(accounts) },
        "gone": false,
        "email_verified": true,
        "artist_id": { "$ne": artist.key() },
    };
    step.find(Find::new(RECIPIENTS, those)).await?.iter().map(|row| row.id("_id")).collect()
}

fn recipient(row: &Row) -> Result<Recipient, Fault> {
    Ok(Recipient {
        account_id: row.id("_id")?,
        email: row.checked("email")?,
        email_verified: row.flag("email_verified")?,
        first_name: row.checked("first_name")?,
        artist_id: row.optional_id("artist_id")?,
    })
}
