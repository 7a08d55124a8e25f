//! Bounds the work of one comparison, in steps, so that a result does not depend on the machine.

use crate::engine::access::change::Undecided;
use std::cell::Cell;

/// The steps of one direction of a comparison: less than half a second of work.
pub const STEPS: usize = 10_000_000;

/// The steps that are left.
pub struct StepLimit {
    left: Cell<usize>,
}

impl StepLimit {
    /// Returns a limit of so many steps.
    pub fn of(steps: usize) -> Self {
        Self { left: Cell::new(steps) }
    }

    /// Takes steps from those that are left.
    pub fn spend(&self, steps: usize) -> Result<(), Undecided> {
        let left = self.left.get().checked_sub(steps).ok_or(Undecided::TooLarge)?;
        self.left.set(left);
        Ok(())
    }
}
