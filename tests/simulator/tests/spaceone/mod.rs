//! SpaceONE, beyond what the recordings show.

mod fronts;
mod lives;
mod strangers;
mod traps;
