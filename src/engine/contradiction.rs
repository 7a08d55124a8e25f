//! A spec that names another upstream object than the one that the operator recorded.
//!
//! The API server permits such a change only while nothing is recorded, so another writer removed the record first. The
//! operator neither renames nor creates: the recorded object would stay, with everything that it grants.

use super::location::Location;
use crate::api::recorded_place::RECORDED_UPSTREAM;
use crate::api::shared::ConnectionRef;
use crate::api::status::UpstreamRef;
use crate::api::{RELEASE_UPSTREAM, Reason};

/// The fields of a spec that name another upstream object than the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    fields: Vec<Field>,
    /// The recorded connection and name.
    place: String,
    /// The recorded location: the value of the annotation that gives it up.
    location: String,
    other_connection: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    path: String,
    recorded: String,
    named: String,
}

/// What a search at the recorded place shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// Nothing of this object is there.
    Gone,
    /// The object with this id is there and ours.
    There(String),
    /// The operator cannot look there, for this reason.
    Unknown(String),
}

impl Contradiction {
    /// Compares a record with the connection and the unique name in a spec, which has the path of its field; `None` if
    /// both agree.
    #[must_use]
    pub fn between(place: &UpstreamRef, connection: &ConnectionRef, name: Option<(&str, &str)>) -> Option<Self> {
        let other_connection = place.connection != *connection;
        let of_connection = other_connection.then(|| Field {
            path: "spec.connectionRef".to_owned(),
            recorded: display(&place.connection),
            named: display(connection),
        });
        let of_name = name.filter(|(_, name)| *name != place.key).map(|(path, name)| Field {
            path: path.to_owned(),
            recorded: place.key.clone(),
            named: name.to_owned(),
        });
        let fields: Vec<Field> = of_connection.into_iter().chain(of_name).collect();
        // Nearly all specs agree, and each reconcile asks several times.
        if fields.is_empty() {
            return None;
        }
        let location = Location::from(place).to_string();
        let place = format!("{} as {}", display(&place.connection), place.key);
        Some(Self { fields, place, location, other_connection })
    }

    /// Returns the reason of the condition.
    #[must_use]
    pub fn reason(&self) -> Reason {
        if self.other_connection { Reason::AccountChanged } else { Reason::InvalidSpec }
    }

    /// Returns the message of the condition: what is recorded, what the spec names, and what to do.
    #[must_use]
    pub fn message(&self, former: &Former) -> String {
        let place = &self.place;
        let known = match former {
            Former::There(id) => format!("The upstream object {id} is recorded in {place}"),
            Former::Gone => format!("An upstream object was recorded in {place}"),
            Former::Unknown(why) => {
                format!("An upstream object is recorded in {place}, and the operator cannot look there ({why})")
            }
        };
        let named: Vec<_> =
            self.fields.iter().map(|Field { path, named, .. }| format!("{path} names {named}")).collect();
        let back: Vec<_> =
            self.fields.iter().map(|Field { path, recorded, .. }| format!("{path} back to {recorded}")).collect();
        let give_up = match former {
            Former::Unknown(_) => self.give_up(),
            Former::Gone | Former::There(_) => String::new(),
        };
        format!(
            "{known}, but {}. The operator writes nothing. Set {}. Or delete this object, which deletes the recorded one, and create another.{give_up}",
            named.join(" and "),
            back.join(" and ")
        )
    }

    /// Returns the message of the condition while status agrees with the spec, and only the annotation names another
    /// place, where the operator cannot look.
    #[must_use]
    pub fn message_about_annotation(&self, why: &str) -> String {
        let place = &self.place;
        format!(
            "The annotation {RECORDED_UPSTREAM} names {place}, where the operator cannot look ({why}); spec and status name another place. The operator writes nothing.{}",
            self.give_up()
        )
    }

    fn give_up(&self) -> String {
        let location = &self.location;
        format!(
            " If nothing of this object is there, set the annotation {RELEASE_UPSTREAM}={location}: the operator then forgets that place."
        )
    }
}

fn display(connection: &ConnectionRef) -> String {
    format!("{:?} {}", connection.kind, connection.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place() -> UpstreamRef {
        serde_json::from_value(json!({
            "system": "ncloud/policy", "connection": { "name": "a" }, "endpoint": "https://a", "key": "viewer",
        }))
        .unwrap()
    }

    fn connection(kind: &str, name: &str) -> ConnectionRef {
        serde_json::from_value(json!({ "kind": kind, "name": name })).unwrap()
    }

    #[test]
    fn spec_agrees_with_its_own_record() {
        let same = connection("Connection", "a");
        assert_eq!(Contradiction::between(&place(), &same, Some(("spec.ncloud.policyName", "viewer"))), None);
        assert_eq!(Contradiction::between(&place(), &same, None), None, "a name that is not unique may change");
    }

    #[test]
    fn contradiction_names_each_field_and_the_way_back() {
        let other = connection("ClusterConnection", "a");
        let both = Contradiction::between(&place(), &other, Some(("spec.ncloud.policyName", "admin"))).unwrap();
        assert_eq!(both.reason(), Reason::AccountChanged);
        let told = both.message(&Former::There("id-1".to_owned()));
        assert!(told.contains("id-1 is recorded in Connection a as viewer"), "{told}");
        assert!(told.contains("spec.connectionRef back to Connection a"), "{told}");
        assert!(told.contains("spec.ncloud.policyName back to viewer"), "{told}");
        assert!(!told.contains("release-upstream"), "{told}");
        let unseen = both.message(&Former::Unknown("no".to_owned()));
        assert!(unseen.contains("cloudpolicy.dev/release-upstream=https://a:"), "{unseen}");
        let forged = both.message_about_annotation("no");
        assert!(forged.contains("names Connection a as viewer, where the operator cannot look (no)"), "{forged}");
        assert!(forged.contains("cloudpolicy.dev/release-upstream=https://a:"), "{forged}");
        let renamed = Contradiction::between(&place(), &connection("Connection", "a"), Some(("spec.x", "admin")));
        assert_eq!(renamed.unwrap().reason(), Reason::InvalidSpec);
    }
}
