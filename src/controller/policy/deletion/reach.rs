//! Opens the places where the upstream object of a deletion may be ([`places`]).

use super::places::{self, Place, Unseen};
use super::target::{self, Target};
use super::{moved, wait};
use crate::controller::kinds::managed::Managed;
use crate::controller::policy::reconciliation::Reconciliation;
use crate::controller::policy::stop::Stop;
use crate::controller::state::accounts::Unavailable;

/// What a deletion can look at.
pub struct Reach<'a> {
    /// The collections.
    pub targets: Vec<Target>,
    /// The place that the operator cannot look at.
    pub unseen: Option<(Place<'a>, Unseen)>,
}

/// Opens the places of a deletion.
pub async fn open<'a, K: Managed>(this: &'a Reconciliation<'_, K>) -> Result<Reach<'a>, Stop> {
    let (mut targets, mut unseen) = (Vec::new(), None);
    for place in places::all(this) {
        match places::open(this, &place).await? {
            Ok(account) => {
                let found = target::at(this, &place, &account)?;
                match moved::confirm(this, &place, &account, &found).await {
                    Ok(()) => targets.extend(found),
                    Err(Stop::Report(outcome)) => unseen = unseen.or(Some((place, Unseen::Moved(outcome)))),
                    Err(stop) => return Err(stop),
                }
            }
            // It is known soon.
            Err(Unavailable::Unchecked | Unavailable::InDoubt) => return Err(wait::for_check().into()),
            Err(why) => unseen = unseen.or(Some((place, Unseen::Unavailable(why)))),
        }
    }
    Ok(Reach { targets, unseen })
}
