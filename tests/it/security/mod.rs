//! Security: least permissions, tenants, secrets that are never shown, addresses that are never called, and
//! abuse.

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
