//! The layer in front of the upstream: the sequence decides about each request to a simulator.

use super::process::{REQUEST_TIMEOUT, process_of};
use super::schedule::{Fault, Incident, StepKind, Timing};
use super::steps::Sequence;
use cloud_policy_simulator::{Action, Decision, Faults, Operation, RequestInfo, When};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Lets the sequence decide about every request to this simulator.
pub fn direct(faults: &Faults, system: &'static str, place: &'static str, sequence: &Arc<Sequence>) {
    let sequence = Arc::clone(sequence);
    faults.decide_with(move |subject| {
        let process = process_of(subject.agent)?;
        let (kind, mut name) = describe(system, subject);
        name.push_str(place);
        let (fault, _) = sequence.on_step(process, kind, &name);
        decide(&sequence, fault?)
    });
}

fn describe(system: &str, subject: &RequestInfo<'_>) -> (StepKind, String) {
    let kind = match subject.operation {
        Operation::Create
        | Operation::Update
        | Operation::Delete
        | Operation::PinData
        | Operation::TagsAdd
        | Operation::TagsRemove
        | Operation::Attach
        | Operation::Detach => StepKind::UpstreamWrite,
        Operation::Get
        | Operation::List
        | Operation::Stat
        | Operation::Validate
        | Operation::Resources
        | Operation::TagsGet
        | Operation::Other => StepKind::UpstreamRead,
    };
    (kind, format!("{system} {:?} {:?}", subject.operation, subject.collection))
}

fn decide(sequence: &Arc<Sequence>, fault: Fault) -> Option<Decision> {
    let when = |timing| {
        if timing == Timing::Before { When::Before } else { When::After }
    };
    let silence = Action::Timeout(REQUEST_TIMEOUT * 4);
    Some(match fault {
        Fault::ClockJump(_) => return None,
        Fault::MissedEvents => {
            sequence.report(Incident::MissedEvents);
            return None;
        }
        Fault::Crash(Timing::Before) => {
            sequence.report(Incident::Crash);
            Decision::Inject(When::Before, silence)
        }
        Fault::Crash(Timing::After) => {
            let sequence = Arc::clone(sequence);
            Decision::DelayAnswer(Box::pin(async move {
                sequence.report(Incident::Crash);
                std::future::pending::<()>().await;
            }))
        }
        Fault::ProcessEnded => Decision::Inject(When::Before, silence),
        Fault::CrashDelayed(delay) => {
            sequence.report(Incident::Crash);
            Decision::Inject(When::Before, Action::Late(delay))
        }
        Fault::LeadershipLost => {
            let sequence = Arc::clone(sequence);
            Decision::DelayAnswer(Box::pin(async move {
                let (release, released) = oneshot::channel();
                sequence.report(Incident::LeadershipLost(release));
                drop(released.await);
            }))
        }
        Fault::Outside(what) => {
            let sequence = Arc::clone(sequence);
            Decision::DelayAnswer(Box::pin(async move { sequence.admit(what).await }))
        }
        Fault::Status(timing, code, wait) => {
            let headers = wait.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
            let headers = BTreeMap::from_iter(headers);
            Decision::Inject(when(timing), Action::Status { code, body: String::new(), headers })
        }
        Fault::Cut(timing) => Decision::Inject(when(timing), Action::Reset),
        Fault::NoResponse(timing) => Decision::Inject(when(timing), silence),
        Fault::Delayed(delay) => Decision::Inject(When::Before, Action::Late(delay)),
    })
}
