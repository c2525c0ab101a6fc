//! Each feature of each crate stands on its own.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Outcome, Run};
use crate::shell;

/// Keeps the features of common libraries as the whole workspace has them, so that none of them is compiled
/// anew for each feature of ours.
const UNIFY: &str = "unify";

/// Lints every crate that has features without any of them, and with each one alone.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    let metadata = shell::output(&mut shell::cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    for (package, feature) in alone(&metadata)? {
        println!("{package} with {}", if feature.is_empty() { "no feature" } else { &feature });
        let mut clippy = shell::cargo(&["clippy", "--quiet", "--no-deps", "--no-default-features"]);
        let feature_of_package = format!("{package}/{feature}");
        let asked = if feature.is_empty() { "" } else { &feature_of_package };
        clippy.args(["-p", &package, "-p", UNIFY, "--features", asked, "--", "-D", "warnings"]);
        shell::run(&mut clippy).with_context(|| format!("{package} with feature `{feature}`"))?;
    }
    Ok(Outcome::Passed)
}

/// Every package that has features, with none (empty) and with each one.
fn alone(metadata: &str) -> Result<Vec<(String, String)>> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let mut runs = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().context("a package without a name")?;
        let features =
            package["features"].as_object().into_iter().flatten().map(|(feature, _)| feature.as_str());
        let mut features: Vec<&str> = features.filter(|feature| *feature != "default").collect();
        if !features.is_empty() {
            features.insert(0, "");
        }
        runs.extend(features.into_iter().map(|feature| (name.to_owned(), feature.to_owned())));
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::alone;

    #[test]
    fn crates_without_features_are_left_to_the_workspace_check() {
        let metadata = r#"{"packages": [
            {"name": "plain", "features": {}},
            {"name": "adapters", "features": {"default": ["sqlite"], "files": [], "sqlite": []}}
        ]}"#;
        let runs = alone(metadata).unwrap();
        let runs: Vec<(&str, &str)> = runs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(runs, [("adapters", ""), ("adapters", "files"), ("adapters", "sqlite")]);
    }
}
