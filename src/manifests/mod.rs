//! Reads manifests: the objects and connections in YAML or JSON, each with its file and line.
//!
//! **Place.** Below the commands that judge manifests, such as `plan` and `lint`. It imports `engine`, `api` and, of
//! `controller`, only the traits of the kinds.
//!
//! | what is wrong | what becomes of it |
//! | --- | --- |
//! | the text is no YAML, or a document is no Kubernetes object | [`Manifests::unreadable`]: a command that reads it cannot tell |
//! | an object of this API breaks its schema | [`Object::content`] is an error: the API server would refuse it |
//! | a document is of another API, such as a Secret | it is counted and forgotten |

mod found;
mod object;
mod reader;
mod schema;
mod yaml;

pub use found::{ConnectionManifest, Input, Manifests, Object, Origin, Unreadable};
pub use object::{Described, Kind, decoder, kind_of};
pub use yaml::{Node, Place, documents};

use crate::api::{ConnectionKey, crds};
use reader::Reader;
use serde_json::Value;

impl Manifests {
    /// Reads inputs. `namespace` is that of objects which name none.
    #[must_use]
    pub fn read(inputs: &[Input], namespace: &str) -> Self {
        let mut reader = Reader::new(namespace, crds::all());
        for input in inputs {
            reader.input(input);
        }
        reader.found
    }

    /// Adds the connections of a cluster. One in the manifests comes first: it is what will be applied.
    pub fn add_connections(&mut self, existing: &[Value]) {
        let mut reader = Reader::new("", crds::connections());
        for text in existing.iter().map(ToString::to_string) {
            reader.input(&Input { file: "the cluster".to_owned(), text });
        }
        for (key, connection) in reader.found.connections {
            self.connections.entry(key).or_insert(connection);
        }
    }

    /// Returns the connection in the manifests that this key names.
    #[must_use]
    pub fn connection(&self, key: &ConnectionKey) -> Option<&ConnectionManifest> {
        self.connections.get(&key.to_string())
    }
}

#[cfg(test)]
mod tests;
