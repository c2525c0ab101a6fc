//! What the figures were measured on.

use std::process::Command;

use anyhow::Result;
use procfs::Current;
use serde::Serialize;

/// The machine, and what was measured on it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) measured_at: String,
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) system: String,
    pub(crate) node: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let processors = procfs::CpuInfo::current()?;
        let memory = procfs::Meminfo::current()?.mem_total;
        Ok(Self {
            measured_at: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit: said("git", &["rev-parse", "--short", "HEAD"]),
            processor: processors.model_name(0).unwrap_or("unknown").trim().to_owned(),
            cores: processors.num_cores(),
            memory_gib: memory.div_ceil(1 << 30),
            system: said("uname", &["-sr"]),
            node: said("node", &["--version"]),
        })
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
