//! `moodify openapi`

use moodify_http::Services;

use crate::failure::Failure;

/// Prints the document of all services.
///
/// # Errors
/// If it cannot be written as JSON.
pub(crate) fn run() -> Result<(), Failure> {
    let document = moodify_http::openapi(Services::ALL);
    let json = document.to_pretty_json();
    let json =
        json.map_err(|error| Failure::new(format!("the document is no JSON: {error}"), "report this fault"))?;
    println!("{json}");
    Ok(())
}
