//! The part of the spec that every policy kind shares.

use super::schema;
use kube::core::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the operator may do with one object, whatever upstream it lives in.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CommonSpec {
    /// The connection (endpoint and credentials) through which the upstream is reached, such as
    /// `{kind: ClusterConnection, name: spaceone}`. Immutable: another connection is another
    /// account.
    pub connection_ref: ConnectionRef,

    /// How much the operator may do: `Full` (the default) creates, updates and deletes;
    /// `CreateOnly` never updates; `Observe` reads and reports, and never writes.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What to do when the upstream object exists already and is not ours: `Never` (the default)
    /// sets the condition reason `Conflict`; `IfIdentical` takes it over when nothing would change;
    /// `Always` takes it over and corrects it.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// What happens upstream when this object is deleted: `Delete` (the default) or `Orphan`
    /// (left as it is).
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What to do when the upstream object was changed behind the operator's back: `Correct`
    /// (the default) or only `Report`.
    #[serde(default)]
    pub drift_policy: DriftPolicy,

    /// Whether delete and create again is allowed where the upstream cannot change a value in
    /// place: `Never` (the default) reports `RecreateRequired`; `WhenRequired` does it.
    #[serde(default)]
    pub recreate_policy: RecreatePolicy,

    /// How often the upstream is compared, as a duration of at least 10s and at most 24h, such
    /// as `5m` (the default) or `1h30m`. Spread by 20 % so that objects do not all ask at once.
    #[serde(default = "default_interval")]
    #[schemars(default = "default_interval_text", schema_with = "schema::interval")]
    pub interval: Duration,

    /// `true` touches nothing upstream until it is `false` again. A suspended object can still
    /// be deleted.
    #[serde(default)]
    pub suspend: bool,

    /// The id of an existing upstream object to take over, under the rule of `adoptionPolicy`,
    /// such as `ec5a5dd0-1111-2222-3333-246e966ebeb4`: 1 to 128 characters. Immutable once set.
    /// A SpaceONE policy needs none, as its `policyId` is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::external_id")]
    pub external_id: Option<String>,
}

/// Names the connection; its namespace is always the object's own (or the operator's, for a
/// `ClusterConnection`).
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// `Connection` (in the same namespace, the default) or `ClusterConnection`.
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
    /// Which kind of connection a reference names.
    ConnectionKind {
        /// A `Connection` in the namespace of the object.
        Connection,
        /// A cluster-scoped `ClusterConnection`.
        ClusterConnection
    }
}
choices! {
    /// How much the operator may do.
    ManagementPolicy {
        /// Create, update and delete.
        Full,
        /// Create and delete, never update.
        CreateOnly,
        /// Read and report only.
        Observe
    }
}
choices! {
    /// What to do with an upstream object that exists and is not ours.
    AdoptionPolicy {
        /// Leave it and say `Conflict`.
        Never,
        /// Take it over when nothing would change.
        IfIdentical,
        /// Take it over and correct it.
        Always
    }
}
choices! {
    /// What happens upstream when the Kubernetes object is deleted.
    DeletionPolicy {
        /// The upstream object is deleted.
        Delete,
        /// The upstream object stays.
        Orphan
    }
}
choices! {
    /// What to do about changes made behind the operator's back.
    DriftPolicy {
        /// Write the spec again.
        Correct,
        /// Only report them.
        Report
    }
}
choices! {
    /// Whether delete and create again is allowed.
    RecreatePolicy {
        /// Report `RecreateRequired`.
        Never,
        /// Delete and create where the upstream cannot change a value in place.
        WhenRequired
    }
}

/// The default of `interval` in the words of the schema. [`Duration`] would write `300s`.
fn default_interval_text() -> &'static str {
    "5m"
}

/// Five minutes, the default of `interval`.
#[must_use]
pub fn default_interval() -> Duration {
    Duration::from(std::time::Duration::from_mins(5))
}
