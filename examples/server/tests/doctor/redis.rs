//! A Redis that is there, and not what is needed.

use crate::{redis_server::RedisServer, support::Place, told};

#[test]
fn a_replica_or_a_part_of_a_cluster_is_told() {
    for (options, what, fix) in [
        (&["--cluster-enabled", "yes"][..], "part of a cluster", "without cluster mode"),
        (&["--replicaof", "127.0.0.1", "1"], "a replica of another one", "name the primary"),
    ] {
        let Some(redis) = RedisServer::start_with(options) else { return };
        let told = told(&Place::new(), &format!("sync = \"{}\"\n", redis.url()));
        told.assert_failed("sync", what, fix);
        told.assert_row("database", "ok", "", "");
    }
}

#[test]
fn a_user_who_may_not_do_enough_is_told() {
    let Some(redis) = RedisServer::start() else { return };
    redis.control(&["ACL", "SETUSER", "ada", "on", &format!(">{}", crate::SECRET), "~other:*", "+@all"]);
    let settings = format!("sync = \"{}\"\n", redis.url_of("ada", crate::SECRET));
    told(&Place::new(), &settings).assert_failed("sync", "may not do this", "ACL SETUSER");
}

#[test]
fn it_is_tried_without_a_database_too() {
    let Some(redis) = RedisServer::start_with(&["--appendonly", "yes"]) else { return };
    let settings = format!("database = \"sqlite:///proc/nothing/a.db\"\nsync = \"{}\"\n", redis.url());
    let told = told(&Place::new(), &settings);
    told.assert_failed("database", "", "");
    told.assert_row("sync", "ok", "sent a word", "");
}
