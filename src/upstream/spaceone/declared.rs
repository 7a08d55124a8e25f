//! Objects as requests declare them, in the files of `spacectl`.

use super::client::Fields;
use super::resource::ResourceApi;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Fields that say where an object is. A connection says it here.
const PLACES: [&str; 2] = ["domain_id", "repository_id"];

impl ResourceApi {
    /// Returns its name in requests, such as `repository.Policy`.
    pub(super) fn type_name(&self) -> String {
        let capital = |word: &str| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_uppercase() + rest
        };
        format!("{}.{}", self.service, self.singular.split('-').map(capital).collect::<String>())
    }
}

/// Reads the fields of a request, which may have only these besides the place.
pub(super) fn read<T: DeserializeOwned>(data: &Fields, known: &[&str]) -> Result<T, String> {
    let is_unknown = |key: &&String| !known.contains(&key.as_str()) && !PLACES.contains(&key.as_str());
    if let Some(key) = data.keys().find(is_unknown) {
        return Err(format!("data.{key}: a spec has no such field: remove it"));
    }
    serde_json::from_value(Value::Object(data.clone())).map_err(|error| format!("data: {error}"))
}
