//! What must hold against people: the least rights, secrets that nobody sees, addresses that are
//! never dialled.

mod addresses;
mod canaries;
pub mod door;
pub mod grants;
mod least_rights;
mod less_rights;
mod uninstall;
