//! The generated OpenAPI document and its committed copy.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// `cargo xtask openapi`.
pub(crate) fn write() -> Result<()> {
    let program = shell::built_program(
        &mut shell::cargo(&["build", "-p", "moodify-server", "--bin", "moodify"]),
        "moodify",
    )?;
    let path = committed();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, generate(&program)?).with_context(|| format!("cannot write {}", path.display()))?;
    println!("Wrote openapi/moodify.json.");
    Ok(())
}

/// Fails when the committed document is not what this program generates.
pub(crate) fn check(program: &Path) -> Result<()> {
    let path = committed();
    let stored = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        stored == generate(program)?,
        "openapi/moodify.json is not what the handlers say; run `cargo xtask openapi` and commit the result"
    );
    Ok(())
}

fn generate(program: &Path) -> Result<String> {
    shell::output(&mut shell::program(program, &["openapi"]))
}

fn committed() -> PathBuf {
    shell::root().join("openapi/moodify.json")
}
