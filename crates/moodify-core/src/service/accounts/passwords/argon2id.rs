//! Argon2id as OWASP recommends it, and other Argon2 hashes as they were made.

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Params, Version};

use super::failed;
use crate::Error;
use crate::model::{Password, PasswordHash};

/// OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, two passes, one lane.
pub(super) const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a hash is computed in.
pub(super) type Memory = Vec<Block>;

/// How new hashes are made.
pub(super) fn ours() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

pub(super) fn hash(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8; 16],
) -> Result<PasswordHash, Error> {
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into().map_err(failed)?,
        salt: Some(phc::Salt::new(salt).map_err(failed)?),
        hash: Some(output(argon2, memory, password, salt)?),
    };
    Ok(PasswordHash::from_phc(hash.to_string()))
}

/// Whether the hash was made with less work than `ours` would take, or with another algorithm.
pub(super) fn is_weaker(hash: &PasswordHash, ours: &Argon2<'_>) -> bool {
    let Ok(hash) = phc::PasswordHash::new(hash.as_phc()) else { return false };
    let Ok(params) = Params::try_from(&hash) else { return false };
    hash.algorithm != Algorithm::Argon2id.ident()
        || hash.version != Some(Version::V0x13.into())
        || params.m_cost() < ours.params().m_cost()
        || params.t_cost() < ours.params().t_cost()
}

/// With the parameters of the hash, which may be older than ours.
pub(super) fn verify(memory: &mut Memory, password: &Password, hash: &PasswordHash) -> Result<bool, Error> {
    let hash = phc::PasswordHash::new(hash.as_phc()).map_err(failed)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(failed)?;
    let version = hash.version.map(Version::try_from).transpose().map_err(failed)?.unwrap_or_default();
    let params = Params::try_from(&hash).map_err(failed)?;
    let argon2 = Argon2::new(algorithm, version, params);
    // Outputs compare in constant time.
    Ok(output(&argon2, memory, password.expose().as_bytes(), salt)? == *expected)
}

fn output(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8],
) -> Result<phc::Output, Error> {
    let blocks = argon2.params().block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let len = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let mut bytes = [0; phc::Output::MAX_LENGTH];
    let bytes = bytes.get_mut(..len).ok_or_else(|| Error::internal("a password hash is too long"))?;
    argon2.hash_password_into_with_memory(password, salt, bytes, memory).map_err(failed)?;
    phc::Output::new(bytes).map_err(failed)
}
