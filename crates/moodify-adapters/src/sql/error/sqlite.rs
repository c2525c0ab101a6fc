//! Result codes (<https://sqlite.org/rescode.html>), without their extensions.

pub(super) const PERMISSION: u8 = 3;
pub(super) const BUSY: u8 = 5;
pub(super) const LOCKED: u8 = 6;
const OUT_OF_MEMORY: u8 = 7;
pub(super) const READ_ONLY: u8 = 8;
const INTERRUPTED: u8 = 9;
const IO: u8 = 10;
pub(super) const CORRUPT: u8 = 11;
const DISK_FULL: u8 = 13;
pub(super) const CANNOT_OPEN: u8 = 14;
const PROTOCOL: u8 = 15;
pub(super) const NOT_A_DATABASE: u8 = 26;

pub(super) fn code(error: &sqlx::Error) -> Option<u8> {
    let error = error.as_database_error()?;
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let extended: u32 = error.code()?.parse().ok()?;
    u8::try_from(extended & 0xff).ok()
}

pub(super) fn may_pass(code: u8) -> bool {
    matches!(code, BUSY | LOCKED | OUT_OF_MEMORY | INTERRUPTED | IO | DISK_FULL | PROTOCOL)
}
