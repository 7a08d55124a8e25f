//! Refused NAVER Cloud policies.

use super::cases::rejects;

rejects! {
    admission_rejects_policy_without_a_name: NCLOUD, "spec.ncloud.policyName" = null
        => "spec.ncloud.policyName", "Required value";
    admission_rejects_policy_name_of_two_characters: NCLOUD, "spec.ncloud.policyName" = "ab"
        => "spec.ncloud.policyName", "at least 3 chars";
    admission_rejects_policy_name_of_31_characters: NCLOUD, "spec.ncloud.policyName" = ("가".repeat(31))
        => "spec.ncloud.policyName", "may not be more than 30";
    admission_rejects_policy_name_that_begins_with_a_digit: NCLOUD, "spec.ncloud.policyName" = "1viewer"
        => "spec.ncloud.policyName", "begin with a letter, such as server-viewer";
    admission_rejects_policy_name_with_a_space: NCLOUD, "spec.ncloud.policyName" = "server viewer"
        => "spec.ncloud.policyName", "letters, digits, '.', '_' or '-'";
    admission_rejects_policy_name_in_cyrillic: NCLOUD, "spec.ncloud.policyName" = "сервер"
        => "spec.ncloud.policyName", "Korean, Japanese or Latin letters";
    admission_rejects_policy_name_that_is_a_number: NCLOUD, "spec.ncloud.policyName" = 12345
        => "spec.ncloud.policyName", "must be of type string";
    admission_rejects_policy_name_in_the_wrong_case: NCLOUD, "spec.ncloud.policyname" = "server-viewer"
        => "spec.ncloud.policyname", "unknown field";
    admission_rejects_description_of_303_bytes_in_101_letters: NCLOUD, "spec.ncloud.description" = ("가".repeat(101))
        => "spec.ncloud.description", "at most 300 bytes of UTF-8";
    admission_rejects_description_of_301_characters: NCLOUD, "spec.ncloud.description" = ("x".repeat(301))
        => "spec.ncloud.description", "may not be more than 300";
    admission_rejects_policy_without_permissions: NCLOUD, "spec.ncloud.permissions" = null
        => "spec.ncloud.permissions", "Required value";
    admission_rejects_empty_list_of_permissions: NCLOUD, "spec.ncloud.permissions" = []
        => "spec.ncloud.permissions", "at least 1 items";
    admission_rejects_unknown_effect: NCLOUD, "spec.ncloud.permissions[0].effect" = "Maybe"
        => "spec.ncloud.permissions[0].effect", r#"supported values: "Allow", "Deny""#;
    admission_rejects_permission_without_an_effect: NCLOUD, "spec.ncloud.permissions[0].effect" = null
        => "spec.ncloud.permissions[0].effect", "Required value";
    admission_rejects_permission_without_targets: NCLOUD, "spec.ncloud.permissions[0].targets" = []
        => "spec.ncloud.permissions[0].targets", "at least 1 items";
    admission_rejects_empty_product: NCLOUD, "spec.ncloud.permissions[0].targets[0].product" = ""
        => "spec.ncloud.permissions[0].targets[0].product", "at least 1 chars";
    admission_rejects_product_with_a_space: NCLOUD, "spec.ncloud.permissions[0].targets[0].product" = "VPC Server"
        => "spec.ncloud.permissions[0].targets[0].product", "such as Server: remove spaces, tabs and line breaks";
    admission_rejects_target_without_actions: NCLOUD, "spec.ncloud.permissions[0].targets[0].actions" = []
        => "spec.ncloud.permissions[0].targets[0].actions", "at least 1 items";
    admission_rejects_action_with_a_space: NCLOUD, "spec.ncloud.permissions[0].targets[0].actions" = ["View *"]
        => "spec.ncloud.permissions[0].targets[0].actions[0]", r"should match '^\S+$'";
    admission_rejects_target_without_resources: NCLOUD, "spec.ncloud.permissions[0].targets[0].resourceNrns" = null
        => "spec.ncloud.permissions[0].targets[0].resourceNrns", "Required value";
    admission_rejects_resource_that_is_not_an_nrn: NCLOUD, "spec.ncloud.permissions[0].targets[0].resourceNrns" = ["Server/7449"]
        => "spec.ncloud.permissions[0].targets[0].resourceNrns[0]", r"should match '^(\*|nrn:\S+)$'";
    admission_rejects_empty_condition: NCLOUD, "spec.ncloud.permissions[0].condition" = {}
        => "spec.ncloud.permissions[0].condition", "at least 1 properties";
    admission_rejects_operator_without_keys: NCLOUD, "spec.ncloud.permissions[0].condition" = {"StringEquals": {}}
        => "spec.ncloud.permissions[0].condition.StringEquals", "at least 1 properties";
    admission_rejects_key_without_values: NCLOUD, "spec.ncloud.permissions[0].condition" = {"StringEquals": {"key": []}}
        => "spec.ncloud.permissions[0].condition.StringEquals.key", "at least 1 items";
    admission_rejects_condition_value_outside_a_list: NCLOUD, "spec.ncloud.permissions[0].condition" = {"StringEquals": {"key": "alice"}}
        => "spec.ncloud.permissions[0].condition.StringEquals.key", "must be of type array";
    admission_rejects_twenty_tags: NCLOUD, "spec.ncloud.tags" = (super::cases::numbered_tags(20))
        => "spec.ncloud.tags", "must have at most 19 items";
    admission_rejects_tag_without_a_value: NCLOUD, "spec.ncloud.tags" = {"team": ""}
        => "spec.ncloud.tags.team", "at least 1 chars";
    admission_rejects_tag_key_of_129_characters: NCLOUD, "spec.ncloud.tags" = (super::cases::long_tag_key(129))
        => "spec.ncloud.tags", "1 to 128 characters";
    admission_rejects_owner_tag_of_operator: NCLOUD, "spec.ncloud.tags" = {"cloudpolicy-owner": "me"}
        => "spec.ncloud.tags", "which is the owner tag: choose another key";
    admission_rejects_two_upstreams: NCLOUD, "spec.spaceone" = {"policyId": "a", "name": "a", "permissions": ["*"]}
        => "spec", "exactly one of spec.ncloud and spec.spaceone must be set";
}
