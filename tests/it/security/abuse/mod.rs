//! Abuse: upstreams that mean ill, objects that nobody should write, crowds, and a control plane
//! that goes away.
//!
//! | module | what is done to the operator |
//! | --- | --- |
//! | [`hostile_upstreams`] | answers that never end, drip, lie, inflate or lead elsewhere |
//! | [`hostile_objects`] | too deep, too large, too many, odd |
//! | [`crowd`] | many objects at once: 300, or `CLOUD_POLICY_CROWD` of them (`make abuse`) |
//! | [`control_plane`] | restarts, compaction, dropped watches, objects that cannot be decoded |

pub mod control_plane;
mod crowd;
mod hostile_objects;
mod hostile_upstreams;
