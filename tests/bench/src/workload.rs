//! The three collections, and the objects that the program creates in them.

use clap::ValueEnum;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

/// The highest number of policies in the NAVER Cloud account, with some reserve below its quota.
const MOST_NCLOUD: u32 = 450;

/// A collection of upstream objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Policies of SpaceONE.
    Spaceone,
    /// Network policies of SpaceONE.
    Network,
    /// Policies of NAVER Cloud.
    Ncloud,
}

impl Workload {
    pub const ALL: [Self; 3] = [Self::Spaceone, Self::Network, Self::Ncloud];

    pub fn title(self) -> &'static str {
        match self {
            Self::Spaceone => "SpaceONE policies",
            Self::Network => "network policies",
            Self::Ncloud => "NAVER Cloud policies",
        }
    }

    /// Returns the name of its namespace.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Spaceone => "bench-spaceone",
            Self::Network => "bench-network",
            Self::Ncloud => "bench-ncloud",
        }
    }

    /// Returns the connection of its objects, which is also the block of their spec.
    pub fn connection(self) -> &'static str {
        match self {
            Self::Spaceone | Self::Network => "spaceone",
            Self::Ncloud => "ncloud",
        }
    }

    /// Returns how many of `objects` the account can hold.
    pub fn at_most(self, objects: u32) -> u32 {
        match self {
            Self::Spaceone | Self::Network => objects,
            Self::Ncloud => objects.min(MOST_NCLOUD),
        }
    }

    pub fn kind(self) -> &'static str {
        match self {
            Self::Network => "NetworkPolicy",
            Self::Spaceone | Self::Ncloud => "Policy",
        }
    }

    /// Returns its resource in Kubernetes.
    pub fn resource(self) -> ApiResource {
        let plural = match self {
            Self::Network => "networkpolicies",
            Self::Spaceone | Self::Ncloud => "policies",
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("cloudpolicy.dev", "v1alpha1", self.kind()), plural)
    }

    /// Returns the object with this name. A day passes between two comparisons, so that none falls into a measurement.
    pub fn object(self, name: &str, zone: &str) -> Value {
        json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": self.kind(),
            "metadata": { "name": name },
            "spec": {
                "connectionRef": { "name": self.connection() },
                "interval": "24h",
                self.connection(): self.block(name, zone),
            },
        })
    }

    fn block(self, name: &str, zone: &str) -> Value {
        match self {
            Self::Spaceone => json!({
                "policyId": name, "name": "Viewer",
                "permissions": ["inventory.Server.list", "inventory.Server.get"],
                "labels": ["team-a"], "tags": { "owner": "team-a", "level": 3 },
            }),
            Self::Network => json!({
                "name": name, "zoneId": zone,
                "routingTables": [{ "cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0" }],
                "dns": ["10.0.0.2", "10.0.0.3"],
                "data": { "vpc": { "size": 2 } }, "metadata": { "view": { "layout": "table" } },
                "reference": { "resourceId": "vpc-1" }, "tags": { "env": "test" },
            }),
            Self::Ncloud => json!({
                "policyName": name, "description": "first",
                "permissions": [{
                    "effect": "Allow",
                    "targets": [{
                        "product": "Server",
                        "actions": ["View/getServerInstanceList", "Change/startServerInstances"],
                        "resourceNrns": ["*"],
                    }],
                    "condition": { "StringEquals": { "ncp:principalName": ["alice", "bob"] } },
                }],
            }),
        }
    }

    /// Returns the patch of an edit by a user.
    pub fn edit(self) -> Value {
        let changed = match self {
            Self::Spaceone => json!({ "permissions": ["inventory.Server.list"] }),
            Self::Network => json!({ "dns": ["10.0.0.2"] }),
            Self::Ncloud => json!({ "description": "second" }),
        };
        json!({ "spec": { self.connection(): changed } })
    }
}
