//! The one way in which status is written: by server-side apply, under the resourceVersion that was
//! read. A write from a stale cache is refused by the API server instead of wiping what a newer
//! write recorded.

use crate::api::FIELD_MANAGER;
use crate::controller::{Error, Result};
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Writes the whole status of an object and returns the object as it is then.
pub async fn write<K>(api: &Api<K>, object: &K, status: &impl Serialize) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {
            "name": object.name_any(),
            "namespace": object.namespace(),
            "resourceVersion": object.resource_version().ok_or(Error::Stale)?,
        },
        "status": status,
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let request = Request::new(api.resource_url());
    let request = request.patch_subresource("status", &object.name_any(), &params, &Patch::Apply(&body));
    let request = request.map_err(kube::Error::BuildRequest)?.map(|json| readable_as_yaml(&json));
    Ok(api.clone().into_client().request(request).await?)
}

/// The same JSON with the characters escaped that the API server would refuse or fold: it reads an
/// apply as YAML, and names in status may hold anything. They stand in texts only.
fn readable_as_yaml(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(json);
    let odd =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    text.chars()
        .fold(String::with_capacity(text.len()), |escaped, c| {
            if odd(c) { escaped + &format!("\\u{:04x}", u32::from(c)) } else { escaped + c.encode_utf8(&mut [0; 4]) }
        })
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_policy_testbed::holds_for;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn escaping_changes_no_value_and_leaves_nothing_that_yaml_has_no_place_for() {
        holds_for(1000, any::<String>(), |text| {
            let json = json!({ &text: [text] });
            let escaped = readable_as_yaml(json.to_string().as_bytes());
            assert_eq!(serde_json::from_slice::<Value>(&escaped).unwrap(), json);
            let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{feff}' | '\u{fffe}');
            assert!(!String::from_utf8(escaped).unwrap().contains(odd), "{text:?}");
        });
    }
}
