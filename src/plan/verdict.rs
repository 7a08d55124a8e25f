//! How a plan ended, which is the exit code of the command.

use super::report::Report;

/// What makes a plan fail that could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Some request gets more access, or may get it.
    Widening,
    /// Anything changes.
    Change,
    /// Nothing.
    #[default]
    Never,
}

/// How a plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// There is nothing to do.
    Nothing = 0,
    /// Something could not be read or decided.
    Failed = 1,
    /// Something changes.
    Changes = 2,
    /// Something would be refused.
    Refused = 3,
    /// What [`FailOn`] names happens.
    FailedOn = 4,
}

impl Report {
    /// Returns how the plan ended: the worst of what it found.
    #[must_use]
    pub fn verdict(&self, fail_on: FailOn) -> Verdict {
        let changes = self.objects.iter().any(|object| object.action.changes());
        let fails = match fail_on {
            FailOn::Widening => self.summary.widen > 0,
            FailOn::Change => changes,
            FailOn::Never => false,
        };
        if !self.failures.is_empty() {
            Verdict::Failed
        } else if self.summary.blocked > 0 {
            Verdict::Refused
        } else if fails {
            Verdict::FailedOn
        } else if changes {
            Verdict::Changes
        } else {
            Verdict::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::actions::Action;
    use crate::plan::report::{Failure, Planned, Source};
    use crate::plan::tests::planned;

    #[test]
    fn verdict_is_the_worst_of_what_was_found() {
        let wider = planned(Action::Update, "wider");
        let narrower = planned(Action::Update, "narrower");
        let unknown = planned(Action::Create, "unknown");
        let blocked = planned(Action::Blocked, "wider");
        let nothing = planned(Action::Nothing, "equal");
        let failure = Failure { object: None, file: None, line: None, message: "unreadable".to_owned() };
        let verdict = |objects: &[&Planned], failures: &[&Failure], fail_on| {
            let objects = objects.iter().map(|object| (*object).clone()).collect();
            let failures = failures.iter().map(|failure| (*failure).clone()).collect();
            Report::of(Source::Upstream, objects, failures, 0).verdict(fail_on)
        };
        assert_eq!(verdict(&[&nothing], &[], FailOn::Change), Verdict::Nothing);
        assert_eq!(verdict(&[&wider], &[], FailOn::Never), Verdict::Changes);
        assert_eq!(verdict(&[&narrower], &[], FailOn::Widening), Verdict::Changes);
        assert_eq!(verdict(&[&narrower], &[], FailOn::Change), Verdict::FailedOn);
        for more in [&wider, &unknown] {
            assert_eq!(verdict(&[more], &[], FailOn::Widening), Verdict::FailedOn);
        }
        assert_eq!(verdict(&[&blocked, &wider], &[], FailOn::Widening), Verdict::Refused);
        assert_eq!(verdict(&[&blocked, &wider], &[&failure], FailOn::Widening), Verdict::Failed);
        assert_eq!(verdict(&[], &[&failure], FailOn::Never), Verdict::Failed);
    }
}
