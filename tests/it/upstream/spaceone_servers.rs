//! The servers of the SpaceONE suite: simulated servers in every style and layout, and the real servers of both eras.

use crate::support::upstream::{account, short_timeouts, unique};
use cloud_policy::upstream::{Account, Credentials};
use cloud_policy_simulator::spaceone::{Era, ErrorStyle, Options, Spaceone, Switches};
use cloud_policy_testbed as testbed;
use serde_json::{Value, json};
use std::sync::Arc;

/// One endpoint of one installation.
pub struct Server {
    pub endpoint: String,
    pub style: &'static str,
    pub domain_id: String,
    pub token: String,
    pub expired_token: String,
    pub other_domain_id: String,
    pub other_token: String,
    pub repository_id: String,
    /// Two zones, if the server has network policies.
    pub zones: Option<[String; 2]>,
    /// Kept alive until the end of the test.
    pub simulator: Option<Spaceone>,
}

impl Server {
    /// Returns an account with the domain's own token.
    pub fn account(&self) -> Arc<Account> {
        self.account_with(&self.domain_id, &self.token)
    }

    pub fn account_with(&self, domain_id: &str, token: &str) -> Arc<Account> {
        account(self.connection(domain_id), Credentials::Spaceone { token: token.into() }, &short_timeouts()).0
    }

    pub fn connection(&self, domain_id: &str) -> Value {
        json!({ "spaceone": {
            "endpoint": self.endpoint, "apiStyle": self.style, "domainId": domain_id,
            "tokenSecretRef": { "name": "s" },
        }})
    }

    /// Returns a network policy with every field set, and without pins.
    pub fn network_policy(&self) -> Value {
        let [zone, _] = self.zones.clone().expect("the server has zones");
        json!({
            "name": unique("office"),
            "zoneId": zone,
            "routingTables": [
                { "cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0" },
                { "cidr": "2001:DB8:0:0::/32", "destination": "2001:DB8::0001" },
            ],
            "dns": ["10.0.0.2", "2001:DB8::0002"],
            "data": { "vlan": 7, "deep": { "list": [1] } },
            "metadata": { "note": "text", "layout": { "k": 1 } },
            "reference": { "resourceId": "vpc-1", "externalLink": "https://example.com/vpc-1" },
            "tags": { "team": "a", "number": 1 },
        })
    }
}

/// Starts a simulated installation that is called in this style.
pub async fn simulated(era: Era, style: &'static str, switches: Switches) -> Server {
    let spaceone = Spaceone::start(Options { era, switches, ..Options::default() }).await.unwrap();
    let zones = spaceone.zone_ids();
    Server {
        endpoint: spaceone.url(),
        style,
        domain_id: spaceone.domain_id(),
        token: spaceone.token(),
        expired_token: spaceone.expired_token(),
        other_domain_id: spaceone.other_domain_id(),
        other_token: spaceone.other_token(),
        repository_id: spaceone.repository_id(),
        zones: (era == Era::Rest).then(|| [zones[0].clone(), zones[1].clone()]),
        simulator: Some(spaceone),
    }
}

pub async fn simulated_rest() -> Server {
    simulated(Era::Rest, "Rest", Switches::default()).await
}

/// Starts servers of the REST era that respond as behind the console: with its errors, and with every default.
pub async fn simulated_rest_printing_defaults() -> Server {
    let switches = Switches { error_style: ErrorStyle::Error, emit_defaults: true, ..Switches::default() };
    simulated(Era::Rest, "Rest", switches).await
}

/// Starts servers that have network policies, for paths in the verb style.
pub async fn simulated_rest_by_verbs() -> Server {
    simulated(Era::Rest, "Verb", Switches::default()).await
}

/// Starts servers that have network policies, for paths in the console style.
pub async fn simulated_rest_by_console() -> Server {
    simulated(Era::Rest, "Console", Switches::default()).await
}

pub async fn simulated_verb() -> Server {
    let switches = Switches { error_style: ErrorStyle::GrpcGateway, ..Switches::default() };
    simulated(Era::Verb, "Verb", switches).await
}

pub async fn simulated_console() -> Server {
    simulated(Era::Verb, "Console", Switches::default()).await
}

pub async fn real_rest() -> Server {
    real(testbed::Era::Rest, "Rest").await
}

pub async fn real_verb() -> Server {
    real(testbed::Era::Verb, "Verb").await
}

pub async fn real_console() -> Server {
    let mut server = real(testbed::Era::Verb, "Console").await;
    let started = testbed::Spaceone::shared(testbed::Era::Verb).unwrap();
    server.endpoint = started.console_url.clone().expect("this era has a console");
    server
}

async fn real(era: testbed::Era, style: &'static str) -> Server {
    let start = move || testbed::Spaceone::shared(era).unwrap();
    let servers = tokio::task::spawn_blocking(start).await.unwrap();
    let env: &testbed::SpaceoneEnv = servers;
    Server {
        endpoint: env.base_url.clone(),
        style,
        domain_id: env.domain_id.clone(),
        token: env.token.clone(),
        expired_token: env.expired_token.clone(),
        other_domain_id: env.other_domain_id.clone(),
        other_token: env.other_token.clone(),
        repository_id: env.repository_id.clone(),
        zones: env.zone_id.clone().zip(env.zone_id_2.clone()).map(|(a, b)| [a, b]),
        simulator: None,
    }
}
