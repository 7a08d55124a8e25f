//! SpaceONE behaviour that the recordings do not cover.

mod foreign_objects;
mod fronts;
mod lifecycle;
mod quirks;
mod surroundings;
