//! Measures how long comparisons of access take, and prints the times as Markdown (`make bench-access`).
//!
//! Each case is compared [`RUNS`] times. The least processor time of the thread counts, because other work on the machine
//! only adds to it. The cases are of two sorts: an ordinary change, which must be decided, and input within the limits
//! of the schema that gives the search as much to do as possible. There the bound of steps may end the comparison. The
//! first argument, if any, is a part of the names of the cases to measure.

#![forbid(unsafe_code)]

use cloud_policy::engine::access::{Finding, ncloud, spaceone};
use std::time::Duration;

const RUNS: usize = 5;

/// The goal of an ordinary comparison.
const ORDINARY: Duration = Duration::from_millis(20);

/// The goal of the worst comparison.
const WORST: Duration = Duration::from_secs(1);

/// A comparison that is measured.
struct Case {
    name: &'static str,
    goal: Duration,
    compare: Box<dyn Fn() -> &'static str>,
}

fn main() {
    println!("| comparison | processor time, least of {RUNS} | goal | finding |\n| --- | --- | --- | --- |");
    let part = std::env::args().nth(1).unwrap_or_default();
    for case in ncloud_cases().into_iter().chain(spaceone_cases()).filter(|case| case.name.contains(&part)) {
        let (time, finding) = case.measure();
        let verdict = if time <= case.goal { "" } else { " (missed)" };
        println!("| {} | {time:.1?} | {:?}{verdict} | {finding} |", case.name, case.goal);
    }
}

impl Case {
    fn measure(&self) -> (Duration, &'static str) {
        let mut least = (Duration::MAX, "");
        for _ in 0..RUNS {
            let before = processor_time();
            let finding = (self.compare)();
            least = least.min((processor_time().saturating_sub(before), finding));
        }
        least
    }
}

/// Returns how long this thread has run on a processor.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A target as the benchmark owns it.
struct Target {
    product: String,
    actions: Vec<String>,
    resources: Vec<String>,
}

/// A policy of NAVER Cloud: its permissions, each with targets and an optional condition.
type Policy = Vec<(Vec<Target>, Option<ncloud::Condition>)>;

fn ncloud_cases() -> [Case; 4] {
    let ordinary = |view: &str, products: usize| hundred_by_hundred(view, products);
    let (spread, dense) = ((ordinary("View*", 100), ordinary("*", 100)), (ordinary("View*", 1), ordinary("*", 1)));
    let patterns = (hostile_patterns("a*"), hostile_patterns("b*"));
    let conditions = (hostile_conditions("1"), hostile_conditions("2"));
    let case = |name, goal, (old, new): (Policy, Policy)| Case {
        name,
        goal,
        compare: Box::new(move || finding(&ncloud::compare(&permissions(&old), &permissions(&new)).granted)),
    };
    [
        case("NAVER Cloud: 100 permissions of 100 targets, 100 products", ORDINARY, spread),
        case("NAVER Cloud: 100 permissions of 100 targets, one product", ORDINARY, dense),
        case("NAVER Cloud: 100 targets of 500 x 500 hostile patterns", WORST, patterns),
        case("NAVER Cloud: 100 permissions with 400 keys of 100 hostile values", WORST, conditions),
    ]
}

/// Returns 100 permissions of 100 targets. The last one has the given action, so the search has to pass all others.
fn hundred_by_hundred(last: &str, products: usize) -> Policy {
    let target = |permission: usize, target: usize| Target {
        product: format!("Product{}", target % products),
        actions: vec![if (permission, target) == (99, 99) { last.to_owned() } else { format!("View/get{target}*") }],
        resources: vec![format!("nrn:PUB:Product{}:KR:{permission}:*", target % products)],
    };
    (0..100).map(|permission| ((0..100).map(|number| target(permission, number)).collect(), None)).collect()
}

fn hostile_patterns(prefix: &str) -> Policy {
    let names = || (0..500).map(|number| format!("{prefix}*{number}*a*")).collect();
    let target = || Target { product: "Server".to_owned(), actions: names(), resources: names() };
    vec![((0..100).map(|_| target()).collect(), None)]
}

fn hostile_conditions(suffix: &str) -> Policy {
    let condition = |permission: usize| {
        let values = |key: usize| (0..100).map(|value| format!("{permission}*{key}*{value}*{suffix}")).collect();
        let keys = || (0..20).map(|key| (format!("key{key}"), values(key))).collect();
        ["StringLike", "StringNotLike"].map(|operator| (operator.to_owned(), keys())).into()
    };
    let target =
        || Target { product: "Server".to_owned(), actions: vec!["*".to_owned()], resources: vec!["*".to_owned()] };
    (0..100).map(|permission| (vec![target()], Some(condition(permission)))).collect()
}

fn permissions(policy: &Policy) -> Vec<ncloud::Permission<'_>> {
    let all = policy.iter().map(|(targets, condition)| ncloud::Permission {
        denies: false,
        targets: targets.iter().map(Target::borrow).collect(),
        condition: condition.as_ref(),
    });
    all.collect()
}

impl Target {
    fn borrow(&self) -> ncloud::Target<'_> {
        ncloud::Target { product: &self.product, actions: &self.actions, resources: &self.resources }
    }
}

fn spaceone_cases() -> [Case; 3] {
    let names = |count: usize, verb: &str| -> Vec<String> {
        (0..count).map(|number| format!("inventory.Resource{number}.{verb}")).collect()
    };
    let hostile = |letter: char| -> Vec<String> {
        (0..5000).map(|number| format!("*{letter}*{number}*a*b*{}", "?".repeat(200))).collect()
    };
    let some: Vec<String> = ('a'..='z').map(|letter| format!("*{letter}*{letter}*")).collect();
    let case = |name, goal, old: Vec<String>, new: Vec<String>| Case {
        name,
        goal,
        compare: Box::new(move || finding(&spaceone::compare(&old, &new).granted)),
    };
    [
        case("SpaceONE: 100 permissions", ORDINARY, names(100, "list"), names(100, "*")),
        case("SpaceONE: 5,000 hostile permissions", WORST, hostile('x'), hostile('y')),
        case("SpaceONE: exponentially many states", WORST, some, vec![format!("{}*", "?".repeat(99))]),
    ]
}

fn finding<T>(finding: &Finding<T>) -> &'static str {
    match finding {
        Finding::Nothing => "nothing",
        Finding::Witness(_) => "witness",
        Finding::Undecided(_) => "undecided",
    }
}
