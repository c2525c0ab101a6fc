//! What only one process may do at a time on a database.

use moodify_adapters::sql::{SqlClaim, SqlStore};
use sqlx::Executor;

use crate::new_schema;

async fn taken(store: &SqlStore) -> SqlClaim {
    loop {
        if let Some(claim) = store.claim_role("sync").await.unwrap() {
            return claim;
        }
    }
}

#[tokio::test]
async fn a_role_is_free_again_when_its_holder_ends() {
    let (schema, elsewhere) = (new_schema!(), new_schema!());
    let (one, other) = (schema.store().await, schema.store().await);
    let claim = one.claim_role("sync").await.unwrap();
    assert!(claim.is_some());
    assert!(other.claim_role("sync").await.unwrap().is_none());
    assert!(other.claim_role("another").await.unwrap().is_some());
    assert!(elsewhere.store().await.claim_role("sync").await.unwrap().is_some());
    drop(claim);
    taken(&other).await;
}

#[tokio::test]
async fn who_loses_a_role_with_the_connection_is_told_when_another_has_it() {
    let schema = new_schema!();
    let (one, other) = (schema.store().await, schema.store().await);
    let mut lost = one.claim_role("sync").await.unwrap().unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks
               WHERE locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint)
                     = hashtextextended(current_schema() || ' sync', 0)";
    schema.raw().await.execute(end).await.unwrap();
    let _claim = taken(&other).await;
    lost.lost().await;
}
