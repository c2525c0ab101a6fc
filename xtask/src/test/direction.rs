//! Dependencies point to the core: no driver below the hexagon, no framework in it.

use anyhow::{Result, ensure};

use super::{Outcome, Run};
use crate::shell;

/// Belongs into adapters.
const DRIVERS: [&str; 13] = [
    "sqlx",
    "mongodb",
    "lapin",
    "aws-",
    "lettre",
    "object_store",
    "redis",
    "fred",
    "symphonia",
    "image",
    "lofty",
    "prometheus",
    "opentelemetry",
];

/// Belongs into `moodify-http` and programs.
const FRAMEWORKS: [&str; 4] = ["axum", "hyper", "socketioxide", "tower-http"];

/// Fails when a forbidden package is reachable, through whatever.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    refuse("moodify-core", &[&DRIVERS[..], &FRAMEWORKS].concat())?;
    refuse("moodify-http", &DRIVERS)?;
    Ok(Outcome::Passed)
}

fn refuse(package: &str, forbidden: &[&str]) -> Result<()> {
    let args = [
        "tree",
        "-p",
        package,
        "-e",
        "normal",
        "--all-features",
        "--target",
        "all",
        "--prefix",
        "none",
        "-f",
        "{p}",
    ];
    let tree = shell::output(&mut shell::cargo(&args))?;
    let found = found(&tree, forbidden);
    ensure!(
        found.is_empty(),
        "{package} depends on {}; `cargo tree -p {package} -i <name>` shows through what",
        found.join(", ")
    );
    println!("{package}: none of {}", forbidden.join(", "));
    Ok(())
}

fn found<'a>(tree: &'a str, forbidden: &[&str]) -> Vec<&'a str> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<&str> =
        names.filter(|name| forbidden.iter().any(|family| belongs(name, family))).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a package is this one or of its family: `sqlx` means `sqlx-core` too, `image` not
/// `imagesize`.
fn belongs(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| family.ends_with('-') || rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn finds_families_and_nothing_that_only_sounds_alike() {
        let tree = "moodify-core v0.1.0 (/src)\nsqlx-core v0.9.0\nimagesize v1.0.0\naws-sdk-s3 v1.0.0\nsqlx-core v0.9.0 (*)\n";
        assert_eq!(found(tree, &["sqlx", "image", "aws-"]), ["aws-sdk-s3", "sqlx-core"]);
        assert_eq!(found("moodify-core v0.1.0\nserde v1.0.0\n", &["sqlx"]), [""; 0]);
    }
}
