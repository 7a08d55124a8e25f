//! Writes status: by server-side apply, under the `resourceVersion` that was read.
//!
//! This is the only place that writes status. The API server refuses a write from a stale cache, so such a write
//! never erases what a newer one recorded.

use crate::api::FIELD_MANAGER;
use crate::controller::{Error, Result};
use kube::api::{Patch, PatchParams};
use kube::core::Request;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

/// Writes the whole status of an object, and returns the object with it.
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
    let request = request.map_err(kube::Error::BuildRequest)?.map(|json| escape_for_yaml(&json));
    Ok(api.clone().into_client().request(request).await?)
}

/// Escapes the characters that YAML does not allow or folds, because the API server reads an apply as YAML, and
/// names in status may contain any character. In JSON these characters occur in strings only.
fn escape_for_yaml(json: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(json);
    let needs_escape =
        |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    text.chars()
        .fold(String::with_capacity(text.len()), |escaped, c| {
            if needs_escape(c) {
                escaped + &format!("\\u{:04x}", u32::from(c))
            } else {
                escaped + c.encode_utf8(&mut [0; 4])
            }
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
    fn escape_keeps_values_and_leaves_no_invalid_yaml() {
        holds_for(1000, any::<String>(), |text| {
            let json = json!({ &text: [text] });
            let escaped = escape_for_yaml(json.to_string().as_bytes());
            assert_eq!(serde_json::from_slice::<Value>(&escaped).unwrap(), json);
            let invalid = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{feff}' | '\u{fffe}');
            assert!(!String::from_utf8(escaped).unwrap().contains(invalid), "{text:?}");
        });
    }
}
