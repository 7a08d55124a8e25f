//! Each format, and the exit codes.

use super::setup::Setup;
use crate::support::manifests::spaceone_policy;
use cloud_policy_simulator::spaceone::StoredPolicy;
use serde_json::json;

/// Returns a setup with one policy that is widened, one that is narrowed and one of another owner.
async fn changes() -> Setup {
    let setup = Setup::new().await;
    for (id, permissions) in [("wider", ["inventory.Server.get"]), ("narrower", ["inventory.*"])] {
        let mut policy =
            StoredPolicy { policy_id: id.to_owned(), name: "Viewer".to_owned(), ..StoredPolicy::default() };
        policy.permissions = permissions.map(str::to_owned).into();
        policy.labels = vec![json!("team-a")];
        policy.tags =
            serde_json::from_value(json!({"owner": "team-a", "level": 3, "cloudpolicy_owner": "here_uid"})).unwrap();
        setup.spaceone.add_policy(policy);
        setup.manifest(&spaceone_policy(id));
    }
    setup
}

#[tokio::test]
async fn exit_code_follows_fail_on() {
    let setup = changes().await;
    let code = |flags: &[&str]| setup.run(&[&["plan", "-f", ".", "--cluster-id=here"], flags].concat(), "").code;
    assert_eq!((code(&[]), code(&["--fail-on=widening"]), code(&["--fail-on=change"])), (2, 4, 4));
    std::fs::remove_file(setup.folder.path().join("wider.yaml")).unwrap();
    assert_eq!((code(&["--fail-on=never"]), code(&["--fail-on=widening"]), code(&["--fail-on=change"])), (2, 2, 4));
    assert_eq!(setup.writes(), 0);
}

#[tokio::test]
async fn text_shows_grants_and_revokes() {
    let setup = changes().await;
    let ended = setup.run(&["plan", "-f", ".", "--cluster-id=here"], "");
    for line in [
        "~ update Policy default/narrower, spaceone/policy narrower  [./narrower.yaml:1]",
        "    - REVOKES inventory.*",
        "    + GRANTS inventory.Server.list",
        "Plan: 2 to update.",
    ] {
        assert!(ended.out.contains(line), "{line}\n{}", ended.out);
    }
    setup.secrets().assert_absent(&ended);
}
