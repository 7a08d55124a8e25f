//! The rules for policies of NAVER Cloud.

use crate::engine::finding::Level::Warning;
use crate::engine::finding::Rule;

/// Makes a rule with the examples in its files.
macro_rules! rule {
    ($id:literal, $name:literal, $level:expr, $text:literal) => {
        Rule {
            id: $id,
            name: $name,
            level: $level,
            text: $text,
            bad: include_str!(concat!("examples/", $id, ".bad.yaml")),
            good: include_str!(concat!("examples/", $id, ".good.yaml")),
        }
    };
}

pub static UNKNOWN_PRODUCT: Rule = rule!(
    "CP101",
    "unknown-product",
    Warning,
    "The catalogue does not contain the product. A misspelt code grants nothing, or NAVER Cloud refuses the policy. The catalogue is not complete: if the console shows the code, allow the finding."
);
pub static ACTION_FORM: Rule = rule!(
    "CP102",
    "action-form",
    Warning,
    "An action is none of `*`, `View*`, `Change*`, `View/<name>` and `Change/<name>`, the only forms in NAVER Cloud's documentation."
);
pub static UNIT_TOO_SMALL: Rule = rule!(
    "CP103",
    "unit-too-small",
    Warning,
    "By NAVER Cloud's list of services, no zone grants so small a unit of this product: some products are granted as a whole, others by `View*` and `Change*`. Whether NAVER Cloud refuses such a statement is not documented."
);
pub static NO_EFFECT: Rule = rule!(
    "CP104",
    "statement-without-effect",
    Warning,
    "Other statements of the policy grant or deny the same, alone or together, so the policy means the same without this one. Often a copy was meant to be changed."
);
pub static ALLOW_DENIED: Rule = rule!(
    "CP105",
    "allow-denied",
    Warning,
    "A Deny of the same policy takes away everything that this Allow grants: a deny overrides every allow."
);
pub static DENY_UNSURE: Rule = rule!(
    "CP106",
    "deny-not-everywhere",
    Warning,
    "The operator uses version 1 of the API, and some accounts support only `Allow` there. NAVER Cloud's validation tells for an account. If yours accepts `Deny`, allow the finding."
);
pub static FOREIGN_RESOURCE: Rule = rule!(
    "CP107",
    "resource-of-other-product",
    Warning,
    "The resource name contains another product than the target, so the actions of the target never meet it."
);
pub static UNKNOWN_KEY: Rule = rule!(
    "CP108",
    "unknown-condition-key",
    Warning,
    "The catalogue does not contain the condition key. With a misspelt key the condition never holds: an Allow grants nothing, and a Deny denies nothing. The list of keys is not complete: if NAVER Cloud documents the key, allow the finding."
);
pub static UNKNOWN_OPERATOR: Rule = rule!(
    "CP109",
    "unknown-condition-operator",
    Warning,
    "The catalogue does not contain the condition operator. NAVER Cloud refuses unknown operators. The list is not complete: if NAVER Cloud documents the operator, allow the finding."
);
pub static RESOURCE_FORM: Rule = rule!(
    "CP110",
    "resource-form",
    Warning,
    "A resource is neither `*` nor a name with six parts, `nrn:<domain>:<product>:<region>:<member>:<type>/<id>`."
);
pub static UNKNOWN_TYPE: Rule = rule!(
    "CP111",
    "unknown-resource-type",
    Warning,
    "The catalogue does not contain this type of resource for the product."
);

/// All of them.
pub static RULES: [&Rule; 11] = [
    &UNKNOWN_PRODUCT,
    &ACTION_FORM,
    &UNIT_TOO_SMALL,
    &NO_EFFECT,
    &ALLOW_DENIED,
    &DENY_UNSURE,
    &FOREIGN_RESOURCE,
    &UNKNOWN_KEY,
    &UNKNOWN_OPERATOR,
    &RESOURCE_FORM,
    &UNKNOWN_TYPE,
];
