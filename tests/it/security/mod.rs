//! What must hold against people: the least rights, secrets that nobody sees, addresses that are
//! never dialled.

pub mod abuse;
mod addresses;
pub mod apiserver_proxy;
mod canaries;
pub mod grants;
mod least_rights;
mod less_rights;
mod namespaced;
pub mod tenants;
mod uninstall;
