//! Moodify's ports on real technology: one folder and one feature each.

#[cfg(feature = "probe")]
pub mod probe;

#[cfg(any(feature = "files", feature = "mail-files", feature = "probe"))]
mod scratch;
