//! The way to the upstream: directs a simulator by the sequence.

use super::life::{REQUEST_TIMEOUT, life_of};
use super::script::{Blow, Edge, Incident, Nature};
use super::steps::Sequence;
use cloud_policy_simulator::{Action, Decision, Faults, Operation, RequestInfo, When};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Has every request to this simulator asked of the sequence.
pub fn direct(faults: &Faults, system: &'static str, sequence: &Arc<Sequence>) {
    let sequence = Arc::clone(sequence);
    faults.decide_with(move |subject| {
        let life = life_of(subject.agent)?;
        let (nature, name) = describe(system, subject);
        let (blow, _) = sequence.arrive(life, nature, &name);
        cue(&sequence, blow?)
    });
}

fn describe(system: &str, subject: &RequestInfo<'_>) -> (Nature, String) {
    let nature = match subject.operation {
        Operation::Create
        | Operation::Update
        | Operation::Delete
        | Operation::PinData
        | Operation::TagsAdd
        | Operation::TagsRemove
        | Operation::Attach
        | Operation::Detach => Nature::UpstreamWrite,
        Operation::Get
        | Operation::List
        | Operation::Stat
        | Operation::Validate
        | Operation::Resources
        | Operation::TagsGet
        | Operation::Other => Nature::UpstreamRead,
    };
    (nature, format!("{system} {:?} {:?}", subject.operation, subject.collection))
}

fn cue(sequence: &Arc<Sequence>, blow: Blow) -> Option<Decision> {
    let when = |edge| {
        if edge == Edge::Before { When::Before } else { When::After }
    };
    let silence = Action::Timeout(REQUEST_TIMEOUT * 4);
    Some(match blow {
        Blow::Jump(_) => return None,
        Blow::Blind => {
            sequence.tell(Incident::Blind);
            return None;
        }
        Blow::Crash(Edge::Before) => {
            sequence.tell(Incident::Crash);
            Decision::Inject(When::Before, silence)
        }
        Blow::Crash(Edge::After) => {
            let sequence = Arc::clone(sequence);
            Decision::DelayAnswer(Box::pin(async move {
                sequence.tell(Incident::Crash);
                std::future::pending::<()>().await;
            }))
        }
        Blow::Gone => Decision::Inject(When::Before, silence),
        Blow::CrashLate(delay) => {
            sequence.tell(Incident::Crash);
            Decision::Inject(When::Before, Action::Late(delay))
        }
        Blow::HandOver => {
            let sequence = Arc::clone(sequence);
            Decision::DelayAnswer(Box::pin(async move {
                let (release, held) = oneshot::channel();
                sequence.tell(Incident::HandOver(release));
                drop(held.await);
            }))
        }
        Blow::Answer(edge, code, wait) => {
            let headers = wait.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
            let headers = BTreeMap::from_iter(headers);
            Decision::Inject(when(edge), Action::Status { code, body: String::new(), headers })
        }
        Blow::Cut(edge) => Decision::Inject(when(edge), Action::Reset),
        Blow::Silence(edge) => Decision::Inject(when(edge), silence),
        Blow::Late(delay) => Decision::Inject(When::Before, Action::Late(delay)),
    })
}
