//! Actions of other people while a reader follows a page. The page names them.

use crate::support::installation::Installation;
use cloud_policy_simulator::ncloud::{Assignee, NewPolicy, Permission, PrincipalType, Target};

/// The second pair of keys of the simulated account.
pub const NEW_KEYS: [&str; 2] = ["SIMULATORACCESSKEY02", "SimulatorSecret/000000000000000000000002"];

/// Executes an action. Panics when the page names an unknown one.
pub fn meanwhile(what: &str, installation: &Installation) {
    let ncloud = &installation.ncloud;
    match what {
        "the account has policies legacy-auditor and legacy-viewer" => {
            ncloud.add_policy(legacy("legacy-auditor", "VPC", &["View*"]));
            ncloud.add_policy(legacy("legacy-viewer", "Server", &["View*", "Change/startServerInstances"]));
        }
        "the account has a policy audit-export, and alice and the operators hold policies" => {
            let id = ncloud.add_policy(legacy("audit-export", "ObjectStorage", &["*"]));
            let auditor = ncloud.policy_named("legacy-auditor").expect("legacy-auditor exists").policy_id;
            ncloud.assign(&id, holder(PrincipalType::SubAccount, "alice"));
            ncloud.assign(&auditor, holder(PrincipalType::SubAccount, "alice"));
            ncloud.assign(&auditor, holder(PrincipalType::Group, "operators"));
        }
        "another writer changes storage-reader in the console" => {
            let policy = ncloud.policy_named("storage-reader").expect("storage-reader exists");
            ncloud.edit_policy(&policy.policy_id, |policy| policy.description = Some("Reads what it likes".to_owned()));
        }
        "the account gets a second key" => ncloud.set_options(|options| {
            let former = (options.access_key.clone(), options.secret_key.clone());
            options.further_keys.push(former);
            [options.access_key, options.secret_key] = NEW_KEYS.map(str::to_owned);
        }),
        "the old key is deleted" => ncloud.set_options(|options| options.further_keys.clear()),
        _ => panic!("not known: {what}"),
    }
}

fn legacy(name: &str, product: &str, actions: &[&str]) -> NewPolicy {
    let target = Target {
        product: product.to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        resource_nrns: vec!["*".to_owned()],
    };
    let permission = Permission { effect: "Allow".to_owned(), targets: vec![target], condition: None };
    NewPolicy { policy_name: name.to_owned(), permissions: vec![permission], ..NewPolicy::default() }
}

fn holder(resource_type: PrincipalType, name: &str) -> Assignee {
    Assignee { resource_type, resource_id: format!("id-of-{name}"), resource_name: name.to_owned() }
}
