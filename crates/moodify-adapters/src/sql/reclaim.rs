use moodify_core::Services;
use moodify_core::port::Unavailable;

use super::SqlStore;
use super::database::Statement;

impl SqlStore {
    /// Gives back at once what processes of these services had leased or claimed when they died,
    /// so that a restart need not wait for leases to run out.
    ///
    /// Only for who knows that no other process runs these services on this database, as the
    /// holder of an exclusive lock does: elsewhere an event would be handled twice at a time.
    ///
    /// # Errors
    /// [`Unavailable`] if the database fails.
    pub async fn reclaim(&self, services: Services) -> Result<(), Unavailable> {
        let mut statements = Vec::new();
        if services.auth || services.music {
            statements.push(Statement::new("UPDATE outbox SET leased_until = 0 WHERE leased_until > 0"));
        }
        for (runs, consumer) in [
            (services.music, "music"),
            (services.notification, "notification"),
            (services.notification, "releases"),
            (services.notification, "announcements"),
            (services.sync, "sync"),
        ] {
            let leased = "UPDATE deliveries SET due_at = 0, leased = 0
                          WHERE consumer = $1 AND state = 'open' AND leased = 1";
            statements.extend(runs.then(|| Statement::new(leased).bind(consumer)));
        }
        if services.notification {
            // What got no answer waits, whoever died.
            let claimed = "UPDATE send_log SET claimed_until = 0
                           WHERE sent_at IS NULL AND unanswered = 0 AND claimed_until > 0";
            statements.push(Statement::new(claimed));
        }
        if services.music {
            statements.push(Statement::new("UPDATE uploads SET due_at = 0 WHERE leased = 1"));
        }
        for statement in statements {
            self.database.run(statement).await?;
        }
        Ok(())
    }
}
