//! `suspend: true` comes before everything else that a spec says.

use crate::links::{asked_for_objects, connection_is};
use crate::world::{World, common, condition, ncloud_policy};
use cloud_policy::api::Policy;
use serde_json::json;

#[tokio::test]
async fn no_combination_of_policies_makes_a_suspended_object_touch_the_upstream() {
    let world = World::new("suspended").await;
    connection_is(&world, "ncloud", "Authenticated").await;
    let mut names = Vec::new();
    for management in ["Full", "CreateOnly", "Observe"] {
        for drift in ["Correct", "Report"] {
            for recreate in ["Never", "WhenRequired"] {
                for adoption in ["Never", "IfIdentical", "Always"] {
                    let name = format!("suspended-{}", names.len());
                    let mut object = ncloud_policy(&name);
                    object["spec"]["suspend"] = json!(true);
                    object["spec"]["managementPolicy"] = json!(management);
                    object["spec"]["driftPolicy"] = json!(drift);
                    object["spec"]["recreatePolicy"] = json!(recreate);
                    object["spec"]["adoptionPolicy"] = json!(adoption);
                    world.apply(object).await;
                    names.push(name);
                }
            }
        }
    }
    for name in &names {
        let seen: Policy = world.reason(name, "Suspended").await;
        assert_eq!(condition(&common(&seen), "Ready").unwrap().status, "False");
    }
    assert_eq!(asked_for_objects(world.ncloud.journal()), [""; 0]);
    assert!(world.ncloud.journal().writes().is_empty());
}
