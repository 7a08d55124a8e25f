//! What is known of the products of upstreams: their codes, the types of their resources, the smallest unit that a policy
//! can grant, and the keys of conditions.
//!
//! No provider publishes a complete list in a form for programs, so the catalogue is a part of the truth. It serves
//! hints: what it does not know is never an error, and the upstream stays the judge.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The catalogue of this version, from pages of the providers. `sources` of a product counts in the list of sources.
const EMBEDDED: &str = include_str!("catalogue.json");

/// The catalogue of this version.
static OWN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::parse(EMBEDDED).unwrap_or_default());

/// What is known of products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    /// The day on which it was collected, such as `2026-11-29`.
    pub collected: String,
    /// The zone of which it tells unless a product says otherwise.
    pub zone: String,
    /// Whether it contains every product of that zone.
    pub complete: bool,
    /// The pages from which it was collected.
    pub sources: Vec<String>,
    /// The keys of conditions.
    pub condition_keys: BTreeSet<String>,
    /// How the keys of conditions begin that end in a name of the user.
    pub condition_key_prefixes: BTreeSet<String>,
    /// The operators of conditions.
    pub condition_operators: BTreeSet<String>,
    /// The products by their codes.
    pub products: BTreeMap<String, Product>,
}

/// What is known of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Product {
    /// The types of its resources, as resource names contain them. Empty if they are not known.
    #[serde(default)]
    pub resource_types: Vec<String>,
    /// The smallest unit that a policy can grant; `None` if it is not known.
    #[serde(default)]
    pub smallest_unit: Option<Unit>,
    /// The same for other zones.
    #[serde(default)]
    pub smallest_unit_by_zone: BTreeMap<String, Unit>,
    /// The places of its sources in the list of sources.
    pub sources: Vec<usize>,
}

/// A unit that a policy can grant, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unit {
    /// The whole product.
    Service,
    /// All that reads, or all that changes.
    ViewOrChange,
    /// Single actions.
    Action,
    /// Single actions, also by attributes of a resource.
    Abac,
}

impl Catalogue {
    /// Returns the catalogue of this version.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &OWN
    }

    /// Reads a catalogue of the form of the embedded one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let is_known = |product: &Product| product.sources.iter().all(|source| *source < read.sources.len());
        match read.products.iter().find(|(_, product)| !is_known(product)) {
            Some((code, _)) => Err(format!("product {code} names a source that the list of sources does not have")),
            None if read.products.is_empty() => Err("it has no product".to_owned()),
            None => Ok(read),
        }
    }

    /// Returns how much it knows, as a sentence.
    #[must_use]
    pub fn coverage(&self) -> String {
        let all = self.products.values();
        let types = all.clone().filter(|product| !product.resource_types.is_empty()).count();
        let units = all.filter(|product| product.smallest_unit.is_some()).count();
        let state = if self.complete { "complete" } else { "not complete" };
        format!(
            "{} products known ({types} with the types of their resources, {units} with the smallest unit that a statement \
             can grant), zone {}, collected {}, {state}",
            self.products.len(),
            self.zone,
            self.collected
        )
    }
}

impl Product {
    /// Returns the smallest unit that any zone grants; `None` if it is not known.
    #[must_use]
    pub fn finest_unit(&self) -> Option<Unit> {
        self.smallest_unit.into_iter().chain(self.smallest_unit_by_zone.values().copied()).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_catalogue_has_products_sources_and_a_date() {
        let own = Catalogue::parse(EMBEDDED).unwrap();
        assert_eq!(&own, Catalogue::embedded(), "it parses");
        assert!(own.products.len() >= 90, "{}", own.products.len());
        assert!(own.collected.parse::<jiff::civil::Date>().is_ok() && own.zone == "public" && !own.complete);
        assert!(own.products.values().all(|product| !product.sources.is_empty()), "each product has its source");
        let used: BTreeSet<usize> = own.products.values().flat_map(|product| product.sources.clone()).collect();
        assert_eq!(used.len(), own.sources.len(), "each source is used");
        assert!(own.coverage().starts_with(&format!("{} products known", own.products.len())), "{}", own.coverage());
    }

    #[test]
    fn finest_unit_is_that_of_the_most_generous_zone() {
        let product = |text: &str| serde_json::from_str::<Product>(text).unwrap().finest_unit();
        assert_eq!(product(r#"{"sources": []}"#), None);
        assert_eq!(product(r#"{"sources": [], "smallestUnit": "service"}"#), Some(Unit::Service));
        let gov = r#"{"sources": [], "smallestUnit": "service", "smallestUnitByZone": {"gov": "viewOrChange"}}"#;
        assert_eq!(product(gov), Some(Unit::ViewOrChange));
    }

    #[test]
    fn broken_catalogue_is_refused() {
        for (text, why) in [
            ("{", "EOF"),
            ("{}", "missing field"),
            (&EMBEDDED.replace("\"zone\"", "\"zonne\""), "zonne"),
            (&EMBEDDED.replace("\"sources\": [0]", "\"sources\": [99]"), "names a source"),
        ] {
            let error = Catalogue::parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
