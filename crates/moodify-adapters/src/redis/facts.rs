//! What a server says of itself.

use std::collections::HashMap;

use super::error::Fault;

/// What `INFO` tells, as far as it matters here.
#[derive(Clone, Debug)]
pub(super) struct Facts(HashMap<String, String>);

impl Facts {
    pub(super) fn read(info: &str) -> Self {
        let pairs = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn says(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Changes when the server was started again, when another one took its place, and when it was a replica in
    /// between: in each case something that was answered may be missing. Also when it gets its first replica, or
    /// had none for an hour, though then nothing is.
    pub(super) fn run(&self) -> String {
        format!("{}:{}", self.says("run_id"), self.says("master_replid"))
    }

    /// Which program, and of which version.
    pub(super) fn version(&self) -> String {
        match self.0.get("valkey_version") {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", self.says("redis_version")),
        }
    }

    pub(super) fn must_be_usable(&self, host: &str) -> Result<(), Fault> {
        if self.says("cluster_enabled") == "1" {
            return Err(Fault::Cluster(host.to_owned()));
        }
        if self.says("role") == "slave" {
            return Err(Fault::Replica(host.to_owned()));
        }
        Ok(())
    }

    /// What it may drop when its memory is full, if it may.
    pub(super) fn eviction(&self) -> Option<&str> {
        let policy = self.says("maxmemory_policy");
        let is_limited = !matches!(self.says("maxmemory"), "" | "0");
        (is_limited && !matches!(policy, "" | "noeviction")).then_some(policy)
    }

    /// Whether it writes down every change.
    pub(super) fn keeps_a_log(&self) -> bool {
        self.says("aof_enabled") == "1"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n\r\n# Memory\r\nmaxmemory:0\r\n\
        maxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:0\r\n# Replication\r\nrole:master\r\n\
        master_replid:def\r\n# Cluster\r\ncluster_enabled:0\r\n";

    #[test]
    fn a_server_tells_what_it_is() {
        let facts = Facts::read(INFO);
        assert_eq!((facts.run().as_str(), facts.version().as_str()), ("abc:def", "Redis 7.0.15"));
        assert!(facts.must_be_usable("h").is_ok() && !facts.keeps_a_log());
        assert_eq!(facts.eviction(), None, "without a limit it drops nothing");
        let limited = Facts::read(&INFO.replace("maxmemory:0", "maxmemory:1000"));
        assert_eq!(limited.eviction(), Some("allkeys-lru"));
        let safe = INFO.replace("maxmemory:0", "maxmemory:1000").replace("allkeys-lru", "noeviction");
        assert_eq!(Facts::read(&safe).eviction(), None);
        for (is, instead) in [("role:master", "role:slave"), ("cluster_enabled:0", "cluster_enabled:1")] {
            assert!(Facts::read(&INFO.replace(is, instead)).must_be_usable("h").is_err(), "{instead}");
        }
    }
}
