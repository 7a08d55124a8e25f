//! Plans each object: connects, looks, decides and rehearses, in the order of a reconcile.

use super::approval;
use super::bound;
use super::claims;
use super::connections::{Connections, Open};
use super::hash;
use super::look::{Found, Look};
use super::owners::{Owners, UNKNOWN};
use super::prior::{self, Applied};
use super::rehearsal::{self, Recorder, Stop};
use super::report::{Access, Failure, Planned, Report, Source, UpstreamObject};
use crate::api::status::CommonStatus;
use crate::api::{ConnectionKey, Reason};
use crate::engine::access::effects::Effects;
use crate::engine::access::guardrails::Candidate;
use crate::engine::actions::Action;
use crate::engine::fingerprint::fingerprint;
use crate::engine::location::Moved;
use crate::engine::outcome::Outcome;
use crate::engine::plan::{PriorState, Rules, plan};
use crate::engine::{BoundExternal, OwnerTag, Problem, UpstreamError};
use crate::manifests::{Described, Manifests, Object};
use crate::upstream::endpoint::unusable_id;
use crate::upstream::registry;
use futures::StreamExt as _;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

/// How many objects are planned at the same time.
const CONCURRENT: usize = 16;

/// Plans objects.
pub struct Planner {
    /// The connections.
    pub connections: Connections,
    /// The owners of upstream objects.
    pub owners: Owners,
    /// When the plan begins: older lists do not count.
    pub since: Instant,
    /// The time.
    pub now: Timestamp,
    /// Whether the users of upstream objects are named.
    pub names_users: bool,
    /// Is called after each object.
    pub on_planned: Box<dyn Fn() + Send + Sync>,
}

/// An object and what is known of its neighbours.
pub(super) struct Place<'a> {
    pub(super) object: &'a Object,
    pub(super) content: &'a dyn Described,
    key: ConnectionKey,
    /// How many objects of the namespace and the connection come before it.
    older: usize,
    /// The object that claims the same upstream object and comes before it.
    contender: Option<String>,
    /// How many objects are planned.
    count: usize,
}

/// Why an object has no plan.
pub(super) enum End {
    Blocked(Reason, String),
    Failed(String),
}

impl From<UpstreamError> for End {
    fn from(error: UpstreamError) -> Self {
        Stop::from(error).into()
    }
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(reason, message) => Self::Blocked(reason, message),
            Stop::Failed(error) => Self::Failed(error.told()),
        }
    }
}

impl Planner {
    /// Plans all objects.
    pub async fn plan(&self, manifests: &Manifests) -> Report {
        let objects = &manifests.objects;
        let (older, contenders) = (bound::older(objects), claims::contenders(objects));
        let each = objects.iter().zip(older).zip(contenders);
        let plans = each.map(|((object, older), contender)| self.one(object, older, contender, objects.len()));
        let mut plans: Vec<_> = futures::stream::iter(plans).buffered(CONCURRENT).collect().await;
        let removals = manifests.removed.iter().map(|object| self.removed(object));
        plans.extend(futures::stream::iter(removals).buffered(CONCURRENT).collect::<Vec<_>>().await);
        let unreadable = manifests.unreadable.iter().map(|it| Failure {
            object: None,
            file: Some(it.origin.file.clone()),
            line: Some(it.origin.line),
            message: it.message.clone(),
        });
        let (mut planned, mut failures) = (Vec::new(), unreadable.collect::<Vec<_>>());
        for result in plans {
            match result {
                Ok(plan) => planned.push(plan),
                Err(failure) => failures.push(failure),
            }
        }
        hash::sealed(Report::of(Source::Upstream, planned, failures, manifests.ignored))
    }

    async fn one(
        &self,
        object: &Object,
        older: usize,
        contender: Option<String>,
        count: usize,
    ) -> Result<Planned, Failure> {
        let mut planned = blank(object);
        let result = match &object.content {
            Err(problems) => Err(End::Blocked(Reason::InvalidSpec, object.describe(problems))),
            Ok(content) => {
                let key = ConnectionKey::of(&content.common().connection_ref, &object.namespace);
                let place = Place { object, content: &**content, key, older, contender, count };
                self.object(&place, &mut planned).await
            }
        };
        (self.on_planned)();
        finish(object, planned, result)
    }

    /// Plans the deletion of an object that only the cluster has.
    async fn removed(&self, object: &Object) -> Result<Planned, Failure> {
        let mut planned = blank(object);
        let result = match &object.content {
            Err(problems) => Err(End::Failed(object.describe(problems))),
            Ok(content) => self.removal(object, &**content, &mut planned).await,
        };
        (self.on_planned)();
        finish(object, planned, result)
    }

    async fn object(&self, place: &Place<'_>, planned: &mut Planned) -> Result<(), End> {
        if place.content.common().suspend {
            let outcome = Outcome::suspended();
            (planned.reason, planned.message) = (Some(outcome.reason.as_str()), Some(outcome.message));
            return Ok(());
        }
        let open = self.open(place)?;
        let recorder = Arc::<Recorder>::default();
        let mut external = bind(place, open, &self.tag(place, None), &recorder)?;
        planned.upstream = Some(UpstreamObject {
            connection: place.key.to_string(),
            system: external.system(),
            key: external.key(),
            id: None,
        });
        let beyond = judge(place, open, external.as_ref(), planned);
        let (prior, found) = self.look(place, open, external.as_ref()).await?;
        if let Some(uid) = &found.uid {
            external = bind(place, open, &self.tag(place, Some(uid)), &recorder)?;
        }
        let rules = Rules::from(place.content.common());
        let plan = plan(&prior, rules, found.objects, &fingerprint(&external.wanted()));
        self.show(place, external.as_ref(), &plan, planned).await?;
        let beyond = match (beyond, &open.guardrails) {
            (None, Some(rules)) => {
                bound::adoption(rules, external.as_ref(), &plan, &place.object.namespace, &place.key).await?
            }
            (beyond, _) => beyond,
        };
        if let Some(message) = beyond {
            return Err(End::Blocked(Reason::GuardrailDenied, message));
        }
        if open.approval {
            planned.approval = approval::of(place.object, &place.key, external.as_ref(), &open.account, &plan).await?;
            planned.warnings.extend(planned.approval.as_deref().map(approval::describe));
        }
        rehearsal::run(external.as_ref(), &plan).await?;
        planned.writes = recorder.writes();
        Ok(())
    }

    /// Returns the connection of an object, which must be open to its namespace.
    fn open(&self, place: &Place<'_>) -> Result<&Open, End> {
        let open = self.connections.get(&place.key).map_err(|message| End::Failed(message.to_owned()))?;
        if open.allows(&place.object.namespace) {
            return Ok(open);
        }
        let message =
            format!("{} does not list namespace {} in spec.allowedNamespaces.", place.key, place.object.namespace);
        Err(End::Blocked(Reason::NamespaceNotAllowed, message))
    }

    /// Returns the owner tag of an object.
    fn tag(&self, place: &Place<'_>, found: Option<&str>) -> OwnerTag {
        let uid = place.content.uid().or_else(|| found.map(str::to_owned));
        OwnerTag::new(self.owners.cluster(), uid.unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    /// Finds the upstream objects, and completes the prior state with what was found.
    async fn look(
        &self,
        place: &Place<'_>,
        open: &Open,
        external: &dyn BoundExternal,
    ) -> Result<(PriorState, Found), End> {
        let status = place.content.status().common;
        let spec_changed = place.content.generation() != Some(status.observed_generation);
        let prior = prior::of(&Applied { status: &status, spec_changed }, self.now);
        let look = Look {
            prior: &prior,
            common: place.content.common(),
            owners: &self.owners,
            since: self.since,
            waiting: place.count,
            is_contended: place.contender.is_some(),
            has_unique_name: registry::unique_name(place.content.desired()).is_some(),
        };
        let found = look.find(external).await?;
        let moved = moved(&status, open, external.system());
        let contender = place.contender.clone();
        Ok((PriorState { contender, left_behind: found.left_behind, moved, ..prior }, found))
    }
}

/// Returns the plan of an object, or why there is none.
fn finish(object: &Object, mut planned: Planned, result: Result<(), End>) -> Result<Planned, Failure> {
    match result {
        Ok(()) => Ok(planned),
        Err(End::Blocked(reason, message)) => {
            planned.writes.clear();
            (planned.action, planned.reason) = (Action::Blocked, Some(reason.as_str()));
            planned.message = Some(message);
            Ok(planned)
        }
        Err(End::Failed(message)) => {
            Err(Failure { object: Some(object.title()), file: planned.file, line: planned.line, message })
        }
    }
}

pub(super) fn blank(object: &Object) -> Planned {
    let is_described = !object.origin.file.is_empty();
    Planned {
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        file: is_described.then(|| object.origin.file.clone()),
        line: is_described.then_some(object.origin.line),
        upstream: None,
        action: Action::Nothing,
        reason: None,
        message: None,
        warnings: Vec::new(),
        access: Access::of(&Effects::default()),
        fields: Vec::new(),
        writes: Vec::new(),
        used_by: None,
        approval: None,
        hash: None,
    }
}

/// Binds the spec to the collection that should hold it, and validates it.
fn bind(
    place: &Place<'_>,
    open: &Open,
    tag: &OwnerTag,
    recorder: &Arc<Recorder>,
) -> Result<Box<dyn BoundExternal>, End> {
    let invalid = |problem: Problem| End::Blocked(Reason::InvalidSpec, place.object.describe(&[problem]));
    let context = Recorder::context(recorder, &place.object.namespace);
    let mut external = registry::bind(&open.account, place.content.desired(), tag, context).map_err(invalid)?;
    external.remember(&place.content.status().once_declared);
    let problem = external.validate().into_iter().next().or_else(|| unusable_id(place.content.common()));
    problem.map_or(Ok(external), |problem| Err(invalid(problem)))
}

/// Judges the object by the guardrails of its connection. Returns why nothing may be written.
fn judge(place: &Place<'_>, open: &Open, external: &dyn BoundExternal, planned: &mut Planned) -> Option<String> {
    let rules = open.guardrails.as_deref().filter(|_| !place.content.only_observes())?;
    let (name, grants) = (external.key(), external.grants());
    let candidate = Candidate { namespace: &place.object.namespace, name: &name, older: place.older, grants: &grants };
    let judged = bound::of(rules, &candidate, &place.key);
    planned.warnings.extend(judged.warning);
    judged.beyond
}

/// Compares the place that status records with the one to which the connection leads.
fn moved(status: &CommonStatus, open: &Open, system: &'static str) -> Option<Moved> {
    let record = status.upstream.as_ref()?;
    Moved::between(record, registry::location(&open.account, system))
}
