//! Keeps `status.attachedTo`: how many hold the policy upstream.
//!
//! **Place.** Beside the reconcile, and never in its way. A settled object is asked for at a comparison, about once an
//! hour, when the connection has room for a read. The result goes into the status write that ends the reconcile anyway.
//!
//! **Contract.**
//! - Nothing changes in status while the holders stay the same: an idle hour writes nothing.
//! - A failure changes neither the conditions nor `attachedTo`, and pauses these reads for the connection. What is not known
//!   is absent, and never 0.
//! - Names of holders are personal data: without the setting that names them, status has only numbers. Only the holders of
//!   an object with our owner tag are read: an object that observes names any policy of the account.

use super::reconciliation::Reconciliation;
use crate::api::status::AttachedTo;
use crate::controller::kinds::managed::Managed;
use crate::controller::settings::ShownUsers;
use crate::engine::access::Change;
use crate::engine::outcome::{Outcome, Truth};
use crate::engine::{BoundExternal, ErrorKind, UpstreamError, User, UserKind};
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// After how long the users of an object are read again. With the default interval of an object they are never older than an
/// hour.
const INTERVAL: Duration = Duration::from_mins(45);

/// The maximum age of a list that tells the users of several objects.
const MAX_AGE_OF_LIST: Duration = Duration::from_mins(10);

/// How long a read may take. It must not delay the object.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How many users are named.
const SAMPLE: usize = 10;

/// Reads the users of a settled object that is ready, if they are due.
pub async fn refresh<K: Managed>(this: &mut Reconciliation<'_, K>, external: &dyn BoundExternal, outcome: &Outcome) {
    let shown = this.shared().settings.shown_users;
    if shown == ShownUsers::Nothing {
        this.status.attached_to = None;
        return;
    }
    let Some(id) = own_id(this).filter(|_| external.has_users() && outcome.ready == Truth::True) else { return };
    if !is_due(this, external, shown) {
        return;
    }
    let connection = this.object.connection().to_string();
    let now = Instant::now();
    let not_before = now.checked_sub(MAX_AGE_OF_LIST / this.shared().settings.interval_divisor).unwrap_or(now);
    match read(external, &id, not_before).await {
        Ok(users) => {
            this.shared().observations.record_users_read(&this.uid());
            // Without the object there are no users; the next comparison tells that it is gone.
            if let Some(users) = users {
                note(&mut this.status.attached_to, &users, shown, this.ctx.shared.clock.now());
            }
        }
        Err(error) => {
            this.shared().observations.record_users_failed(connection.clone());
            tracing::debug!(connection, id, %error, "cannot read the users; status keeps what it has");
        }
    }
}

impl<K: Managed> Reconciliation<'_, K> {
    /// Returns how many hold the policy, if that is known.
    pub fn user_count(&self) -> Option<i64> {
        self.status.attached_to.as_ref().map(|known| known.count)
    }

    /// Returns what an event about a change of access adds: how many it concerns. Nothing if the change surely grants nothing
    /// more, or if it is not known.
    pub fn concerned(&self, access: Change) -> String {
        let count = self.user_count().filter(|count| *count > 0 && access.may_grant());
        count
            .map(|count| format!(" The upstream object has {count} {}.", if count == 1 { "holder" } else { "holders" }))
            .unwrap_or_default()
    }
}

/// Returns the id of the upstream object if this process saw it with our owner tag. Who may name any object must not learn who
/// holds it.
fn own_id<K: Managed>(this: &Reconciliation<'_, K>) -> Option<String> {
    let proven = this.shared().records.proven(&this.uid())?;
    (!this.object.only_observes() && this.status.observed_id.as_ref() == Some(&proven)).then_some(proven)
}

async fn read(external: &dyn BoundExternal, id: &str, not_before: Instant) -> crate::engine::Result<Option<Vec<User>>> {
    let late = || UpstreamError::new(ErrorKind::Unavailable, "list users", "no answer in time");
    tokio::time::timeout(TIMEOUT, external.users(id, not_before)).await.unwrap_or_else(|_| Err(late()))
}

fn is_due<K: Managed>(this: &Reconciliation<'_, K>, external: &dyn BoundExternal, shown: ShownUsers) -> bool {
    let observations = &this.shared().observations;
    let interval = INTERVAL / this.shared().settings.interval_divisor;
    let fits = this.status.attached_to.as_ref().is_some_and(|it| has_form(it, shown));
    let is_old = !fits || observations.since_users_read(&this.uid()) >= interval;
    let failed = observations.users_failed_for(&this.object.connection().to_string());
    is_old && failed.is_none_or(|ago| ago >= interval) && external.try_users_read()
}

/// Returns whether status names users if it should, and does not if it should not.
fn has_form(known: &AttachedTo, shown: ShownUsers) -> bool {
    known.sample.is_empty() == (shown != ShownUsers::Names || known.count == 0)
}

/// Takes what was read, if it differs from what is known.
fn note(known: &mut Option<AttachedTo>, users: &[User], shown: ShownUsers, now: Timestamp) {
    let count = |kind| users.iter().filter(|user| user.kind == kind).count().try_into().unwrap_or(i64::MAX);
    let sample = users.iter().take(SAMPLE).filter(|_| shown == ShownUsers::Names);
    let since = known.as_ref().map(|known| known.since.clone()).unwrap_or_default();
    let read = AttachedTo {
        count: users.len().try_into().unwrap_or(i64::MAX),
        sub_accounts: count(UserKind::SubAccount),
        groups: count(UserKind::Group),
        roles: count(UserKind::Role),
        sample: sample.map(|user| user.shown.clone()).collect(),
        since,
    };
    if known.as_ref() != Some(&read) {
        *known = Some(AttachedTo { since: now.to_string(), ..read });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(names: &[&str]) -> Vec<User> {
        names.iter().map(|name| User { kind: UserKind::SubAccount, shown: (*name).to_owned() }).collect()
    }

    #[test]
    fn since_changes_only_with_the_users() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, later) = (at("2026-12-01T00:00:00Z"), at("2026-12-01T01:00:00Z"));
        let mut known = None;
        note(&mut known, &users(&[]), ShownUsers::Count, first);
        assert_eq!(known.as_ref().map(|it| (it.count, it.since.as_str())), Some((0, "2026-12-01T00:00:00Z")));
        let before = known.clone();
        note(&mut known, &users(&[]), ShownUsers::Count, later);
        assert_eq!(known, before, "nothing changed");
        note(&mut known, &users(&["alice"]), ShownUsers::Count, later);
        assert_eq!(
            known.as_ref().map(|it| (it.count, it.sub_accounts, it.since.as_str())),
            Some((1, 1, "2026-12-01T01:00:00Z"))
        );
        assert!(known.is_some_and(|it| it.sample.is_empty()), "no names");
    }

    #[test]
    fn at_most_ten_users_are_named_on_request() {
        let all: Vec<String> = (0..12).map(|number| format!("user {number}")).collect();
        let all = users(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let mut known = None;
        note(&mut known, &all, ShownUsers::Names, Timestamp::UNIX_EPOCH);
        let named = known.clone().unwrap();
        assert_eq!((named.count, named.sample.len()), (12, 10));
        assert!(has_form(&named, ShownUsers::Names) && !has_form(&named, ShownUsers::Count));
        note(&mut known, &all, ShownUsers::Count, Timestamp::UNIX_EPOCH);
        assert!(has_form(&known.unwrap(), ShownUsers::Count));
    }
}
