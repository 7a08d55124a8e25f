use super::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn hash_moves_with_everything_that_it_covers() {
    let (null, a, b) = (Value::Null, json!({"a": 1}), json!({"a": 2}));
    let base = Change {
        object: ("Policy", "team-a", "viewer"),
        connection: "Connection team-a/ncloud",
        endpoint: "https://example.com",
        repository: None,
        id: None,
        in_force: &null,
        wanted: &a,
    };
    let all = [
        base,
        Change { object: ("Policy", "team-b", "viewer"), ..base },
        Change { object: ("Policy", "team-a", "other"), ..base },
        Change { connection: "ClusterConnection ncloud", ..base },
        Change { endpoint: "https://other.example.com", ..base },
        Change { repository: Some("repo-1"), ..base },
        Change { id: Some("id-1"), ..base },
        Change { id: Some("id-2"), ..base },
        Change { in_force: &b, ..base },
        Change { wanted: &b, ..base },
    ];
    let hashes: HashSet<String> = all.iter().map(Change::hash).collect();
    assert_eq!(hashes.len(), all.len());
    assert!(hashes.iter().all(|hash| hash.len() == 64));
    // An approval in Git outlives the version that printed its hash.
    assert_eq!(base.hash(), HASH_OF_BASE);
}

const HASH_OF_BASE: &str = "495d9d62be30328032549e8f699458570d8a4c56653efe1490f114135bcbf416";

fn candidate(hash: &str) -> Candidate {
    Candidate {
        name: "ok".to_owned(),
        policy: ("Policy".to_owned(), "viewer".to_owned()),
        hash: hash.to_owned(),
        expires_at: None,
        used: None,
    }
}

fn request(hash: &str) -> Request<'_> {
    let policy = ("Policy", "viewer");
    Request {
        policy,
        uid: "uid-1",
        generation: 2,
        applied_hash: "doc",
        upstream: Box::leak(Box::new(upstream(None))),
        adopts: false,
        hash,
        now: at(100),
    }
}

fn upstream(id: Option<&str>) -> UpstreamRef {
    serde_json::from_value(json!({ "system": "ncloud/policy", "connection": { "kind": "Connection", "name": "ncloud" },
        "endpoint": "https://a.example.com", "key": "viewer", "id": id }))
    .unwrap()
}

#[test]
fn used_approval_covers_its_own_object_and_place_only() {
    let judged = |before: Option<&str>, now: UpstreamRef, adopts: bool| {
        let used = ApprovalUse { upstream: upstream(before), ..used("uid-1", 2, "doc") };
        let all = [Candidate { used: Some(used), ..candidate("h") }];
        judge(&all, &Request { upstream: &now, adopts, ..request("later") }).is_ok()
    };
    assert!(
        judged(None, upstream(None), false) && judged(None, upstream(Some("1")), false),
        "a create and its retries"
    );
    assert!(!judged(None, upstream(Some("1")), true), "an object of another owner");
    assert!(judged(Some("1"), upstream(Some("1")), true) && judged(Some("1"), upstream(None), false));
    assert!(!judged(Some("1"), upstream(Some("2")), false), "another object");
    for moved in
        [json!({ "endpoint": "https://b.example.com" }), json!({ "account": "2" }), json!({ "repository": "2" })]
    {
        let mut there = json!(upstream(None));
        there.as_object_mut().unwrap().extend(moved.as_object().unwrap().clone());
        let used = UpstreamRef { account: Some("1".to_owned()), ..upstream(None) };
        let there: UpstreamRef = serde_json::from_value(there).unwrap();
        assert!(!is_same_place(&used, &there), "{there:?}");
    }
}

fn used(uid: &str, generation: i64, applied_hash: &str) -> ApprovalUse {
    let (uid, applied_hash) = (uid.to_owned(), applied_hash.to_owned());
    ApprovalUse { uid, generation, applied_hash, upstream: upstream(None), used_at: at(1).to_string() }
}

#[test]
fn approval_counts_for_its_change_only() {
    let judged = |candidate: Candidate| judge(&[candidate], &request("h")).map(drop);
    let refused = |why| Err(vec![("ok".to_owned(), why)]);
    assert_eq!(judged(candidate("h")), Ok(()));
    assert_eq!(judged(candidate("other")), refused(Refusal::OtherChange));
    let expires = |at: Timestamp| Candidate { expires_at: Some(at.to_string()), ..candidate("h") };
    assert_eq!(judged(expires(at(101))), Ok(()));
    assert_eq!(judged(expires(at(100))), refused(Refusal::Expired));
    let unreadable = Candidate { expires_at: Some("tomorrow".to_owned()), ..candidate("h") };
    assert_eq!(judged(unreadable), refused(Refusal::Expired));
    for (kind, name) in [("NetworkPolicy", "viewer"), ("Policy", "other")] {
        let policy = (kind.to_owned(), name.to_owned());
        assert_eq!(judged(Candidate { policy, ..candidate("h") }), Err(Vec::new()), "it names another object");
    }
}

#[test]
fn used_approval_counts_for_retries_of_its_spec_only() {
    let judged = |used: ApprovalUse, hash: &str| {
        judge(&[Candidate { used: Some(used), expires_at: Some(at(1).to_string()), ..candidate("h") }], &request(hash))
            .map(drop)
    };
    let refused = Err(vec![("ok".to_owned(), Refusal::Used)]);
    assert_eq!(judged(used("uid-1", 2, "doc"), "h"), Ok(()), "it expired after its first use");
    assert_eq!(judged(used("uid-1", 2, "doc"), "moved"), Ok(()), "the first attempt had an effect");
    assert_eq!(judged(used("uid-2", 2, "doc"), "h"), refused, "another object of the same name");
    assert_eq!(judged(used("uid-1", 1, "doc"), "h"), refused, "an earlier spec");
    assert_eq!(judged(used("uid-1", 2, "else"), "h"), refused, "another document");
}

/// Choices, the same ones in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// A model of one policy, its upstream object, and the approvals. A document is a set of rights, as bits.
struct World {
    uid: u64,
    generation: i64,
    spec: u64,
    upstream: Option<(u64, u64)>,
    next_id: u64,
    approvals: Vec<Candidate>,
    now: i64,
    /// The document that the process has seen in force.
    seen: Option<u64>,
    /// What an approver has said yes to: the uid is not known to them, the rest is. Each counts for one spec.
    consents: BTreeMap<String, usize>,
    /// The specs whose rights were granted with a consent, or were in force.
    granted: BTreeSet<(u64, i64, u64)>,
    widenings: usize,
    refusals: usize,
}

impl World {
    fn new() -> Self {
        Self {
            uid: 1,
            generation: 1,
            spec: 1,
            upstream: None,
            next_id: 1,
            approvals: Vec::new(),
            now: 0,
            seen: None,
            consents: BTreeMap::new(),
            granted: BTreeSet::new(),
            widenings: 0,
            refusals: 0,
        }
    }

    fn hash(&self) -> String {
        let id = self.upstream.map(|(id, _)| id.to_string());
        let in_force = self.upstream.map_or(Value::Null, |(_, rights)| json!(rights));
        let change = Change {
            object: ("Policy", "team-a", "viewer"),
            connection: "Connection team-a/ncloud",
            endpoint: "https://example.com",
            repository: None,
            id: id.as_deref(),
            in_force: &in_force,
            wanted: &json!(self.spec),
        };
        change.hash()
    }

    /// Does what a reconcile does. `lost` tells whether the write has no effect.
    fn reconcile(&mut self, lost: bool, gated: bool) {
        let in_force = self.upstream.map_or(0, |(_, rights)| rights);
        if self.upstream.is_some_and(|(_, rights)| rights == self.spec) {
            self.seen = Some(self.spec);
            return;
        }
        let widens = self.spec & !in_force != 0;
        if widens && gated && self.seen != Some(self.spec) {
            let (hash, uid, document) = (self.hash(), self.uid.to_string(), self.spec.to_string());
            let request = Request {
                policy: ("Policy", "viewer"),
                uid: &uid,
                generation: self.generation,
                applied_hash: &document,
                upstream: &upstream(None),
                adopts: false,
                hash: &hash,
                now: at(self.now),
            };
            let Ok(found) = judge(&self.approvals, &request).map(|found| found.name.clone()) else {
                self.refusals += 1;
                return;
            };
            let approval = self.approvals.iter_mut().find(|it| it.name == found).unwrap();
            approval.used.get_or_insert(used(&uid, self.generation, &document));
        }
        if widens {
            self.check();
        }
        if self.seen != Some(self.spec) {
            self.seen = None;
        }
        if !lost {
            let id = self.upstream.map_or(self.next_id, |(id, _)| id);
            self.next_id = self.next_id.max(id + 1);
            self.upstream = Some((id, self.spec));
        }
    }

    /// The oracle: knows neither approvals nor their uses, only what an approver consented to and what was in force.
    fn check(&mut self) {
        self.widenings += 1;
        let spec = (self.uid, self.generation, self.spec);
        if self.seen != Some(self.spec) && !self.granted.contains(&spec) {
            let left = self.consents.get_mut(&self.hash()).filter(|left| **left > 0);
            *left.expect("a widening without consent") -= 1;
        }
        self.granted.insert(spec);
    }

    fn step(&mut self, dice: &mut Dice, gated: bool) {
        self.now += 1;
        match dice.below(12) {
            0..=2 => (self.spec, self.generation) = (dice.below(8), self.generation + 1),
            3 => (self.uid, self.generation, self.seen) = (self.uid + 1, 1, None),
            4 => self.upstream = self.upstream.map(|(id, _)| (id, dice.below(8))),
            5 => self.upstream = None,
            6 => self.seen = None,
            7 => {
                // An approver consents to what is pending now, once.
                let hash = self.hash();
                let name = self.approvals.len().to_string();
                *self.consents.entry(hash.clone()).or_default() += 1;
                self.approvals.push(Candidate { name, ..candidate(&hash) });
            }
            8 => {
                // Approvals that do not count: expired, of another object, of another change.
                let hash = self.hash();
                let name = self.approvals.len().to_string();
                self.approvals.push(match dice.below(3) {
                    0 => Candidate { name, expires_at: Some(at(self.now).to_string()), ..candidate(&hash) },
                    1 => Candidate { name, policy: ("Policy".to_owned(), "other".to_owned()), ..candidate(&hash) },
                    _ => Candidate { name, ..candidate(&hash.replace(char::is_numeric, "0")) },
                });
            }
            other => self.reconcile(other == 9, gated),
        }
    }
}

fn tell(histories: u64, gated: bool) -> (usize, usize) {
    let (mut widenings, mut refusals) = (0, 0);
    for seed in 0..histories {
        let (mut world, mut dice) = (World::new(), Dice(seed));
        (0..60).for_each(|_| world.step(&mut dice, gated));
        (widenings, refusals) = (widenings + world.widenings, refusals + world.refusals);
    }
    (widenings, refusals)
}

#[test]
fn no_history_widens_without_consent() {
    let (widenings, refusals) = tell(10_000, true);
    assert!(widenings > 10_000 && refusals > 10_000, "{widenings} widenings, {refusals} refusals");
}

#[test]
#[should_panic(expected = "a widening without consent")]
fn oracle_tells_a_widening_without_the_gate() {
    tell(100, false);
}
