//! Abuse: hostile upstreams, hostile objects, very many objects, and a control plane that goes away.
//!
//! | module | abuse |
//! | --- | --- |
//! | [`hostile_upstreams`] | responses that never end, are slow, false, compressed, or redirect |
//! | [`hostile_objects`] | objects that are too deep, too large, or have odd characters |
//! | [`fat_objects`], [`endless_lists`] | objects and lists larger than the memory of the chart |
//! | [`many_objects`] | many objects at once: 300, or `CLOUD_POLICY_CROWD` (`make abuse`) |
//! | [`control_plane`] | restarts, compaction, closed watches, objects that cannot be decoded |

pub mod control_plane;
mod endless_lists;
mod fat_objects;
mod hostile_objects;
mod hostile_upstreams;
mod many_objects;
