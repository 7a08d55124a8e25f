//! The result of a plan. Its JSON form is documented in `docs/plan-json.md`, and has a version.

use crate::engine::access::Change;
use crate::engine::access::effects::{self, Effects};
use crate::engine::actions::Action;
use serde::Serialize;

/// The version of the JSON form. It changes when a field goes or changes its meaning.
pub const VERSION: &str = "cloudpolicy.dev/plan/v1";

/// A plan for all objects of the manifests.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`VERSION`].
    pub version: &'static str,
    /// What the manifests were compared with.
    pub against: Source,
    /// Identifies everything that would be written, and what it grants; absent if nothing would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The counts.
    pub summary: Summary,
    /// One entry for each object, in the order of the inputs.
    pub objects: Vec<Planned>,
    /// What could not be read or decided. If there is any, the plan is not complete.
    pub failures: Vec<Failure>,
}

/// What manifests are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The objects in the cloud accounts.
    Upstream,
    /// Earlier manifests. No upstream was asked.
    Git,
}

/// How many objects there are, by what happens to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Objects that are created.
    pub create: usize,
    /// Objects that are updated.
    pub update: usize,
    /// Upstream objects that are adopted.
    pub adopt: usize,
    /// Objects that are deleted and created again.
    pub recreate: usize,
    /// Objects that are deleted.
    pub delete: usize,
    /// Objects that stay upstream without an owner.
    pub orphan: usize,
    /// Objects of which nothing is written.
    pub nothing: usize,
    /// Objects of which nothing is written until a human acts.
    pub blocked: usize,
    /// Objects after whose change some request has more access, or may have.
    pub widen: usize,
    /// Documents of other APIs.
    pub ignored: usize,
    /// What could not be read or decided.
    pub failures: usize,
}

/// The plan for one object.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// The kind of the object.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The file that describes it; `None` for one that only the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line on which it begins there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The upstream object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<UpstreamObject>,
    /// What happens to it.
    pub action: Action,
    /// The reason that `Ready` would have; absent if something is written or all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Why, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What else people should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How access changes.
    pub access: Access,
    /// The fields that differ upstream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The requests that would be sent, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<Write>,
    /// Who uses the upstream object; absent if it was not asked or the upstream does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_by: Option<UsedBy>,
    /// The hash that a `PolicyApproval` must name; absent if the change needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// Identifies what would be written, and what it grants; absent if nothing would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// The upstream object of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamObject {
    /// The connection.
    pub connection: String,
    /// The collection.
    pub system: &'static str,
    /// The name by which it is found.
    pub key: String,
    /// Its id, once it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// How access changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// `equal`, `narrower`, `wider`, `both` or `unknown`.
    pub change: &'static str,
    /// What is granted that was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grants: Option<Side>,
    /// What is not granted any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revokes: Option<Side>,
}

impl Access {
    /// Converts what a comparison found.
    #[must_use]
    pub fn of(effects: &Effects) -> Self {
        let Effects { change, granted, revoked } = effects;
        Self { change: change.label(), grants: Side::of(granted), revokes: Side::of(revoked) }
    }

    /// Returns whether some request has more access, or may have.
    #[must_use]
    pub fn may_widen(&self) -> bool {
        [Change::Wider, Change::Both, Change::Unknown].iter().any(|change| change.label() == self.change)
    }
}

/// One direction of a change of access.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The parts of the policy that make the difference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// How many further parts there are.
    pub more: usize,
    /// One request that has more access, or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// Why it is not known whether there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

impl Side {
    fn of(side: &effects::Side) -> Option<Self> {
        let effects::Side { witness, undecided, parts, more } = side.clone();
        let undecided = undecided.map(|reason| reason.to_string());
        side.is_some().then_some(Self { parts, more, witness, undecided })
    }
}

/// A field that differs upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Its path in the object.
    pub path: String,
    /// Its line in the file, or that of the nearest field above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The value in the manifest, shortened.
    pub desired: String,
    /// The value upstream, shortened.
    pub observed: String,
}

/// A request that would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The operation, such as `create policy`.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: String,
    /// The path of the URL.
    pub path: String,
    /// The keys of the body.
    pub fields: Vec<String>,
    /// The body. No output shows it: the fields above do, in the words of the spec.
    #[serde(skip)]
    pub body: Option<serde_json::Value>,
}

/// Who uses an upstream object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsedBy {
    /// How many users it has.
    pub count: usize,
    /// Their names, if they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// What could not be read or decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The object, such as `Policy team-a/viewer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Report {
    /// Puts the parts together and counts them.
    #[must_use]
    pub fn of(against: Source, objects: Vec<Planned>, failures: Vec<Failure>, ignored: usize) -> Self {
        let mut summary = Summary { ignored, failures: failures.len(), ..Summary::default() };
        for object in &objects {
            *summary.count_of(object.action) += 1;
            summary.widen += usize::from(object.widens());
        }
        Self { version: VERSION, against, hash: None, summary, objects, failures }
    }
}

impl Summary {
    fn count_of(&mut self, action: Action) -> &mut usize {
        match action {
            Action::Create => &mut self.create,
            Action::Update => &mut self.update,
            Action::Adopt => &mut self.adopt,
            Action::Recreate => &mut self.recreate,
            Action::Delete => &mut self.delete,
            Action::Orphan => &mut self.orphan,
            Action::Nothing => &mut self.nothing,
            Action::Blocked => &mut self.blocked,
        }
    }
}

impl Planned {
    /// Returns what to call the object in texts.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// Returns whether some request has more access after the change, or may have.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.action.changes() && self.access.may_widen()
    }
}
