use mongodb::bson::doc;
use moodify_core::Services;
use moodify_core::port::Unavailable;

use super::MongoStore;

impl MongoStore {
    /// Gives back at once what processes of these services had leased or claimed when they died,
    /// so that a restart need not wait for leases to run out.
    ///
    /// Only for who knows that no other process runs these services on this database, as the
    /// holder of an exclusive lock does: elsewhere an event would be handled twice at a time.
    ///
    /// # Errors
    /// [`Unavailable`] if the database fails.
    pub async fn reclaim(&self, services: Services) -> Result<(), Unavailable> {
        let mut step = self.database.plain();
        if services.auth || services.music {
            let leased = doc! { "leased_until": { "$gt": 0_i64 } };
            step.update_all("outbox", leased, doc! { "$set": { "leased_until": 0_i64 } }).await?;
        }
        for (runs, consumer) in [
            (services.music, "music"),
            (services.notification, "notification"),
            (services.notification, "releases"),
            (services.notification, "announcements"),
            (services.sync, "sync"),
        ] {
            if runs {
                let leased = doc! { "consumer": consumer, "state": "open", "leased": true };
                let due = doc! { "$set": { "due_at": 0_i64, "leased": false } };
                step.update_all("deliveries", leased, due).await?;
            }
        }
        if services.notification {
            // What got no answer waits, whoever died.
            let claimed = doc! {
                "sent_at": { "$exists": false }, "unanswered": { "$exists": false },
                "claimed_until": { "$gt": 0_i64 },
            };
            let free = doc! { "$set": { "claimed_until": 0_i64, "aged_at": 0_i64 } };
            step.update_all("send_log", claimed, free).await?;
        }
        if services.music {
            let due = doc! { "$set": { "due_at": 0_i64 } };
            step.update_all("uploads", doc! { "leased": true }, due).await?;
        }
        Ok(())
    }
}
