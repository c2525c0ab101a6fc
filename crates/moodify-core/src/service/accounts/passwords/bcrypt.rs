//! bcrypt, for the hashes of imported accounts. None are made here.

use super::failed;
use crate::Error;
use crate::model::{Password, PasswordHash};

/// Work doubles with each step: 15 takes seconds, and what is above would block the pool.
const MAX_COST: u32 = 15;

/// Whether bcrypt made this hash.
pub(super) fn made(hash: &PasswordHash) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.as_phc().starts_with(prefix))
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
