use async_trait::async_trait;
use jiff::Timestamp;
use moodify_core::model::{AccountId, ArtistId, Recipient, TrackId};
use moodify_core::port::{RecipientStore, RecipientStoreError};

use super::SqlStore;
use super::database::{Row, Statement, Transaction};
use super::error::Fault;

const GONE: &str = "SELECT 1 FROM recipients WHERE account_id = $1 AND email IS NULL";

/// Keeps both from ending while a follow of one by the other is stored, which would stay behind. Neither need have a
/// row. The account comes first, for everybody.
async fn hold(
    transaction: &mut Transaction,
    account: AccountId,
    artist: Option<ArtistId>,
) -> Result<(), Fault> {
    transaction.lock_name(format!("follows of {account}")).await?;
    if let Some(artist) = artist {
        transaction.lock_name(format!("followers of {artist}")).await?;
    }
    Ok(())
}

#[async_trait]
impl RecipientStore for SqlStore {
    async fn put_recipient(
        &self,
        recipient: &Recipient,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let mut transaction = self.database.begin().await?;
        let put = Statement::new(
            "INSERT INTO recipients (account_id, email, email_verified, first_name, artist_id, told_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (account_id) DO UPDATE
             SET email = excluded.email, email_verified = excluded.email_verified,
                 first_name = excluded.first_name, told_at = excluded.told_at,
                 artist_id = COALESCE(recipients.artist_id, excluded.artist_id)
             WHERE recipients.told_at <= excluded.told_at",
        );
        let put = put
            .bind(recipient.account_id)
            .bind(recipient.email.as_str())
            .bind(recipient.email_verified)
            .bind(recipient.first_name.as_str())
            .bind(recipient.artist_id)
            .bind(told_at);
        if transaction.run(put).await? == 0 && recipient.artist_id.is_some() {
            let learn = "UPDATE recipients SET artist_id = $1
                         WHERE account_id = $2 AND artist_id IS NULL AND email IS NOT NULL";
            let learn = Statement::new(learn).bind(recipient.artist_id).bind(recipient.account_id);
            transaction.run(learn).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn recipient(&self, id: AccountId) -> Result<Option<Recipient>, RecipientStoreError> {
        let query = Statement::new(
            "SELECT account_id, email, email_verified, first_name, artist_id FROM recipients
             WHERE account_id = $1 AND email IS NOT NULL",
        );
        Ok(self.database.optional(query.bind(id)).await?.as_ref().map(recipient).transpose()?)
    }

    async fn is_gone(&self, id: AccountId) -> Result<bool, RecipientStoreError> {
        Ok(self.database.optional(Statement::new(GONE).bind(id)).await?.is_some())
    }

    async fn remove_recipient(
        &self,
        id: AccountId,
        artist: Option<ArtistId>,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let mut transaction = self.database.begin().await?;
        hold(&mut transaction, id, artist).await?;
        let gone = Statement::new(
            "INSERT INTO recipients (account_id, email, email_verified, first_name, artist_id, told_at)
             VALUES ($1, NULL, 0, NULL, NULL, $2)
             ON CONFLICT (account_id) DO UPDATE
             SET email = NULL, email_verified = 0, first_name = NULL, artist_id = NULL,
                 told_at = excluded.told_at
             WHERE recipients.told_at <= excluded.told_at",
        );
        if transaction.run(gone.bind(id).bind(told_at)).await? > 0 {
            // Two who follow each other may go at once: each removes rows of the other.
            let both = "SELECT 1 FROM recipient_follows WHERE account_id = $1 OR artist_id = $2
                        ORDER BY artist_id, account_id FOR UPDATE";
            transaction.lock(Statement::new(both).bind(id).bind(artist)).await?;
            let follows = "DELETE FROM recipient_follows WHERE account_id = $1";
            transaction.run(Statement::new(follows).bind(id)).await?;
            if artist.is_some() {
                let followers = "DELETE FROM recipient_follows WHERE artist_id = $1";
                transaction.run(Statement::new(followers).bind(artist)).await?;
                let over = "INSERT INTO recipient_follows (artist_id, account_id, following, told_at)
                            VALUES ($1, $2, 0, $3)";
                let over = Statement::new(over).bind(artist).bind(AccountId::NOBODY).bind(told_at);
                transaction.run(over).await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    async fn set_following(
        &self,
        account: AccountId,
        artist: ArtistId,
        following: bool,
        told_at: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let mut transaction = self.database.begin().await?;
        hold(&mut transaction, account, Some(artist)).await?;
        let is_gone = transaction.optional(Statement::new(GONE).bind(account)).await?.is_some();
        let over = "SELECT 1 FROM recipient_follows WHERE artist_id = $1 AND account_id = $2";
        let over = Statement::new(over).bind(artist).bind(AccountId::NOBODY);
        if !is_gone && transaction.optional(over).await?.is_none() {
            let set = Statement::new(
                "INSERT INTO recipient_follows (artist_id, account_id, following, told_at)
                 VALUES ($1, $2, $3, $4)
                 ON CONFLICT (artist_id, account_id) DO UPDATE
                 SET following = excluded.following, told_at = excluded.told_at
                 WHERE recipient_follows.told_at <= excluded.told_at",
            );
            transaction.run(set.bind(artist).bind(account).bind(following).bind(told_at)).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn is_following(&self, account: AccountId, artist: ArtistId) -> Result<bool, RecipientStoreError> {
        let query = "SELECT 1 FROM recipient_follows
                     WHERE artist_id = $1 AND account_id = $2 AND following = 1";
        let query = Statement::new(query).bind(artist).bind(account);
        Ok(self.database.optional(query).await?.is_some())
    }

    async fn followers(
        &self,
        artist: ArtistId,
        after: Option<AccountId>,
        max: usize,
    ) -> Result<Vec<AccountId>, RecipientStoreError> {
        let mut query = Statement::new(
            "SELECT f.account_id FROM recipient_follows AS f
             JOIN recipients AS r ON r.account_id = f.account_id
             WHERE f.artist_id = $1 AND f.following = 1 AND r.email IS NOT NULL AND r.email_verified = 1
                 AND (r.artist_id IS NULL OR r.artist_id <> $1)",
        )
        .bind(artist);
        if after.is_some() {
            query.push(" AND f.account_id > ").push_bind(after);
        }
        query.push(" ORDER BY f.account_id LIMIT ").push_bind(max);
        let rows = self.database.all(query).await?;
        Ok(rows.iter().map(|row| row.id("account_id")).collect::<Result<_, Fault>>()?)
    }

    async fn announced_up_to(&self, track: TrackId) -> Result<Option<AccountId>, RecipientStoreError> {
        let query = Statement::new("SELECT up_to FROM announcements WHERE track_id = $1");
        let row = self.database.optional(query.bind(track)).await?;
        Ok(row.map(|row| row.id("up_to")).transpose()?)
    }

    async fn note_announced(
        &self,
        track: TrackId,
        up_to: AccountId,
        now: Timestamp,
    ) -> Result<(), RecipientStoreError> {
        let note = Statement::new(
            "INSERT INTO announcements (track_id, up_to, noted_at) VALUES ($1, $2, $3)
             ON CONFLICT (track_id) DO UPDATE SET up_to = excluded.up_to, noted_at = excluded.noted_at
             WHERE announcements.up_to < excluded.up_to",
        );
        self.database.run(note.bind(track).bind(up_to).bind(now)).await?;
        Ok(())
    }

    async fn forget(&self, before: Timestamp, max: usize) -> Result<u64, RecipientStoreError> {
        let mut forgotten = 0;
        for (old, delete) in [
            (
                "WITH old AS MATERIALIZED (
                     SELECT account_id FROM recipients WHERE email IS NULL AND told_at < $1 LIMIT $2",
                ") DELETE FROM recipients WHERE account_id IN (SELECT account_id FROM old)",
            ),
            (
                "WITH old AS MATERIALIZED (
                     SELECT artist_id, account_id FROM recipient_follows
                     WHERE following = 0 AND told_at < $1 LIMIT $2",
                ") DELETE FROM recipient_follows
                 WHERE (artist_id, account_id) IN (SELECT artist_id, account_id FROM old)",
            ),
            (
                "WITH old AS MATERIALIZED (SELECT track_id FROM announcements WHERE noted_at < $1 LIMIT $2",
                ") DELETE FROM announcements WHERE track_id IN (SELECT track_id FROM old)",
            ),
        ] {
            let forget = Statement::new(old).skip_locked().then(delete).bind(before).bind(max);
            forgotten += self.database.run(forget).await?;
        }
        Ok(forgotten)
    }
}

fn recipient(row: &Row) -> Result<Recipient, Fault> {
    Ok(Recipient {
        account_id: row.id("account_id")?,
        email: row.checked("email")?,
        email_verified: row.flag("email_verified")?,
        first_name: row.checked("first_name")?,
        artist_id: row.optional_id("artist_id")?,
    })
}
