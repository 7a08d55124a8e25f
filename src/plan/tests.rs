//! A plan of one object for the tests of its outputs.

use super::report::{Access, Planned};
use crate::engine::actions::Action;

pub fn planned(action: Action, change: &'static str) -> Planned {
    Planned {
        kind: "Policy".to_owned(),
        namespace: "team-a".to_owned(),
        name: "viewer".to_owned(),
        file: Some("a.yaml".to_owned()),
        line: Some(1),
        upstream: None,
        action,
        reason: None,
        message: None,
        warnings: Vec::new(),
        access: Access { change, ..Access::default() },
        fields: Vec::new(),
        writes: Vec::new(),
        used_by: None,
        approval: None,
        hash: None,
    }
}
