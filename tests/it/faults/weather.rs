//! How an upstream behaves in a run, besides the faults: as documented, slowly, or as strictly as its pages allow.

use super::scenario::Scenario;
use super::targets::Target;
use cloud_policy_simulator::{Lag, ncloud, spaceone};
use std::time::Duration;

/// The age of what a lagging upstream shows. It is shorter than the grace of a create.
const LAG: Duration = Duration::from_millis(300);

/// How an upstream behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weather {
    /// As documented.
    Clear,
    /// Reads, lists and deletions lag behind writes.
    Lagging,
    /// A NAVER Cloud account follows its strictest pages.
    Strict,
}

impl Weather {
    /// Returns the weathers that a target can have.
    pub fn all(target: Target) -> &'static [Self] {
        if target == Target::Ncloud {
            &[Self::Clear, Self::Lagging, Self::Strict]
        } else {
            &[Self::Clear, Self::Lagging]
        }
    }

    /// Returns whether a scenario runs in this weather.
    pub fn fits(self, scenario: Scenario) -> bool {
        use Scenario::{
            Abandon, Adopt, Create, CreateCrowd, Delete, DeleteCrowd, Drift, Refused, RefusedAndDeleted, Replace,
            Update, Vanish,
        };
        // Pages that are shuffled and short never show a whole list.
        let is_crowd = matches!(scenario, CreateCrowd | DeleteCrowd);
        // Without a lag the search at once shows what a refused create made.
        let is_refused = matches!(scenario, Refused | RefusedAndDeleted);
        (self == Self::Clear && !is_refused)
            || (is_crowd && self != Self::Strict)
            || matches!(scenario, Abandon | Create | Delete | Replace | Drift | Vanish | Adopt | Update(1))
            || (self == Self::Lagging && is_refused)
    }

    /// Returns the first digit of the plans of a target in this weather.
    pub fn digit(self, target: Target) -> u32 {
        match self {
            Self::Clear => target.code(),
            Self::Lagging => target.code() + 3,
            Self::Strict => 7,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "",
            Self::Lagging => " that lags",
            Self::Strict => " that is strict",
        }
    }

    /// Returns one of how many plans runs in this weather: plans of the others differ little from those in clear
    /// weather.
    pub fn stride(self) -> usize {
        if self == Self::Clear { 1 } else { 4 }
    }

    /// Returns how long the operator must not write for a scenario to be over: late sights may still come.
    pub fn idle(self) -> Duration {
        if self == Self::Lagging { LAG * 4 } else { Duration::from_millis(200) }
    }

    fn lag(self) -> Lag {
        if self == Self::Lagging { Lag { reads: LAG, lists: LAG, deletions: LAG } } else { Lag::default() }
    }

    pub fn ncloud(self) -> ncloud::Switches {
        let lag = self.lag();
        if self != Self::Strict {
            return ncloud::Switches { lag, ..ncloud::Switches::default() };
        }
        ncloud::Switches {
            delete_body: ncloud::ResultBody::Text,
            tag_body: ncloud::ResultBody::Text,
            system_names_reserved: true,
            shuffled_pages: true,
            tag_rule: ncloud::TagRule::Government,
            strict_validation: true,
            compression: ncloud::Compression::UnlessIdentity,
            ..ncloud::Switches::default()
        }
    }

    pub fn spaceone(self) -> spaceone::Switches {
        spaceone::Switches { lag: self.lag(), ..spaceone::Switches::default() }
    }
}
