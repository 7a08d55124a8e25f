//! Finds objects that claim the same upstream object: the first one wins, as the older one does in a cluster.

use super::bound;
use crate::api::ConnectionKey;
use crate::manifests::Object;
use crate::upstream::registry;
use std::collections::BTreeMap;

/// Returns for each object the one that claims the same upstream object and comes before it.
pub fn contenders(objects: &[Object]) -> Vec<Option<String>> {
    let mut first = BTreeMap::<(String, &str, String), usize>::new();
    let mut found = vec![None; objects.len()];
    for at in bound::order(objects) {
        let Ok(content) = &objects[at].content else { continue };
        let key = ConnectionKey::of(&content.common().connection_ref, &objects[at].namespace).to_string();
        let Some(identity) = registry::identity(content.desired()) else { continue };
        let name = identity.name.map(|(_, name)| name.to_owned());
        for claim in name.into_iter().chain(content.common().external_id.clone()) {
            let other = *first.entry((key.clone(), identity.system, claim)).or_insert(at);
            if other != at {
                let Object { origin, .. } = &objects[other];
                found[at] = Some(format!("{} ({}:{})", objects[other].title(), origin.file, origin.line));
            }
        }
    }
    found
}
