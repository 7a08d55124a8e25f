//! The fields of `spec` that every managed kind has.

use super::schema;
use kube::core::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The connection of an object, and the policies by which the operator manages the upstream object.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommonSpec {
    /// The connection (endpoint and credentials) to the upstream, such as
    /// `{kind: ClusterConnection, name: spaceone}`. It is immutable once something exists upstream,
    /// because another connection is another account.
    pub connection_ref: ConnectionRef,

    /// Limits the operator: `Full` (the default) creates, updates and deletes; `CreateOnly` creates
    /// and deletes, and never updates; `Observe` reads and reports, and never writes.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// Decides whether the operator adopts an existing upstream object that does not have the owner
    /// tag of this object: `Never` (the default) reports `Conflict`; `IfIdentical` adopts it if
    /// nothing differs; `Always` adopts and corrects it.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// Decides whether the deletion of this object deletes the upstream object, too: `Delete` (the
    /// default) deletes it; `Orphan` leaves it as it is.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// Decides how the operator reacts if another writer changes the upstream object: `Correct`
    /// (the default) writes the spec again; `Report` only reports the difference.
    #[serde(default)]
    pub drift_policy: DriftPolicy,

    /// Decides how the operator reacts if the upstream cannot change a value in place: `Never` (the
    /// default) reports `RecreateRequired`; `WhenRequired` deletes the upstream object and creates
    /// it again.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,

    /// The time between two comparisons of the upstream object with the spec: a duration of at least
    /// 10s and at most 24h, such as `5m` (the default) or `1h30m`. A jitter of 20 % spreads the
    /// requests of several objects.
    #[serde(default = "default_interval")]
    #[schemars(default = "default_interval_text", schema_with = "schema::interval")]
    pub interval: Duration,

    /// If `true`, the operator compares and writes nothing. The default is `false`. A suspended
    /// object can still be deleted.
    #[serde(default)]
    pub suspend: bool,

    /// The id of an existing upstream object to adopt, subject to `adoptionPolicy`: 1 to 128
    /// characters, such as `ec5a5dd0-1111-2222-3333-246e966ebeb4`. It can be corrected or removed
    /// until the operator has adopted the object. A SpaceONE policy does not need it, because the
    /// spec chooses its `policyId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::external_id")]
    pub external_id: Option<String>,
}

/// Names a `Connection` in the namespace of the object, or a `ClusterConnection`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// `Connection` (the default, in the namespace of the object) or `ClusterConnection`.
    #[serde(default)]
    pub kind: ConnectionKind,
    /// Name of the connection: at most 253 characters, such as `team-a`.
    #[schemars(schema_with = "schema::object_name")]
    pub name: String,
}

macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $(#[$first_doc:meta])* $first:ident $(, $(#[$rest_doc:meta])* $rest:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
        pub enum $name { $(#[$first_doc])* #[default] $first, $($(#[$rest_doc])* $rest),* }
    };
}

choices! {
    /// The kind of the connection that a reference names.
    ConnectionKind {
        /// A `Connection` in the namespace of the object.
        Connection,
        /// A cluster-scoped `ClusterConnection`.
        ClusterConnection
    }
}
choices! {
    /// The operations that the operator may use.
    ManagementPolicy {
        /// The operator creates, updates and deletes.
        Full,
        /// The operator creates and deletes, and never updates.
        CreateOnly,
        /// The operator reads and reports, and never writes.
        Observe
    }
}
choices! {
    /// The reaction to an existing upstream object that does not have the owner tag of the object.
    AdoptionPolicy {
        /// The operator reports `Conflict`.
        Never,
        /// The operator adopts it if nothing differs.
        IfIdentical,
        /// The operator adopts and corrects it.
        Always
    }
}
choices! {
    /// The effect of a deletion on the upstream object.
    DeletionPolicy {
        /// The operator deletes the upstream object.
        Delete,
        /// The operator leaves the upstream object as it is.
        Orphan
    }
}
choices! {
    /// The reaction to a change of the upstream object by another writer.
    DriftPolicy {
        /// The operator writes the spec again.
        Correct,
        /// The operator only reports the difference.
        Report
    }
}
choices! {
    /// The reaction to a change that the upstream cannot make in place.
    RecreatePolicy {
        /// The operator reports `RecreateRequired`.
        Never,
        /// The operator deletes the upstream object and creates it again.
        WhenRequired
    }
}

/// Returns the default of `interval` for the schema. [`Duration`] would format it as `300s`.
fn default_interval_text() -> &'static str {
    "5m"
}

/// Returns the default of `interval`, five minutes.
#[must_use]
pub fn default_interval() -> Duration {
    Duration::from(std::time::Duration::from_mins(5))
}
