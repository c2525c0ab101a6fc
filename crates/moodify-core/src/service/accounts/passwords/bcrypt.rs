//! bcrypt, for the hashes of imported accounts. None are made here.

use super::failed;
use crate::Error;
use crate::model::{Password, PasswordHash};

/// What bcrypt itself begins with.
const MIN_COST: u32 = 4;
/// Work doubles with each step: 15 takes seconds, and what is above would block the pool.
const MAX_COST: u32 = 15;

/// Whether bcrypt made this hash.
pub(super) fn made(hash: &PasswordHash) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.as_phc().starts_with(prefix))
}

/// The hash that this text is, if it is one of bcrypt's that can be verified here.
pub(super) fn read(text: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::from_phc(text);
    let parts: bcrypt::HashParts = made(&hash).then(|| text.parse().ok())??;
    (MIN_COST..=MAX_COST).contains(&parts.get_cost()).then_some(hash)
}

/// As every bcrypt does, this compares the first 72 bytes: no more of the password went into the
/// hash.
pub(super) fn verify(password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    let parts: bcrypt::HashParts = hash.as_phc().parse().map_err(failed)?;
    if parts.get_cost() > MAX_COST {
        return Err(failed(format!("a bcrypt hash of cost {} is not computed here", parts.get_cost())));
    }
    bcrypt::verify(password.expose(), hash.as_phc()).map_err(failed)
}
