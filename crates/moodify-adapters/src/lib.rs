//! Moodify's ports on real technology: one folder and one feature each.

#[cfg(feature = "sqlite")]
pub mod sql;
