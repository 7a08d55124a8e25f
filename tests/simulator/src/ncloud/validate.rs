//! The server's validation of a policy, shared by create, edit and validate.
//!
//! Only `iam.policy.invalidProduct` and `iam.policy.invalidConditionSyntax` are codes of the real API.
//! Codes that begin with `sim.` belong to this simulator, for rules that are documented without a code.

use super::catalogue::{OPERATORS, PRODUCTS};
use super::options::Switches;
use super::types::{Detail, Permission, PolicyBody, Target};

/// The request that is validated. Only a create has a name and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Create,
    Edit,
}

/// Returns all findings. A valid policy has none.
pub(crate) fn findings(body: &PolicyBody, purpose: Purpose, switches: &Switches) -> Vec<Detail> {
    let mut findings = Findings { switches, details: Vec::new() };
    if purpose == Purpose::Create {
        findings.name(body.policy_name.as_deref().unwrap_or_default());
        findings.tags(body);
    }
    if body.description.as_ref().is_some_and(|text| text.len() > 300) {
        findings.add("sim.description", "description", "longer than 300 bytes", "300바이트를 초과합니다");
    }
    if body.permissions.is_empty() {
        findings.add("sim.permissions", "permissions", "at least one is required", "필수 항목입니다");
    }
    for (index, permission) in body.permissions.iter().enumerate() {
        findings.permission(permission, &format!("permissions[{index}]"));
    }
    findings.details
}

struct Findings<'a> {
    switches: &'a Switches,
    details: Vec<Detail>,
}

impl Findings<'_> {
    fn add(&mut self, code: &'static str, location: &str, english: &str, korean: &str) {
        let message = if self.switches.korean { korean } else { english }.to_owned();
        let location = if self.switches.locations { location } else { "" }.to_owned();
        self.details.push(Detail { severity: "ERROR", code, location, message });
    }

    fn name(&mut self, name: &str) {
        let letter = |c: char| c.is_ascii_alphabetic() || is_korean_or_japanese(c);
        let rest = |c: char| letter(c) || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let length = name.chars().count();
        if !(3..=30).contains(&length) || !name.starts_with(letter) || !name.chars().all(rest) {
            self.add("sim.policyName", "policyName", "not a valid policy name", "정책 이름이 올바르지 않습니다");
        }
    }

    fn tags(&mut self, body: &PolicyBody) {
        let Some(tags) = &body.tags else { return };
        if tags.len() > 20 {
            self.add("sim.tags", "tags", "more than 20 tags", "태그는 20개까지 가능합니다");
        }
        for (key, value) in tags {
            if !self.switches.tag_rule.allows(key, value) {
                self.add("sim.tags", &format!("tags.{key}"), "not a valid tag", "태그가 올바르지 않습니다");
            }
        }
    }

    fn permission(&mut self, permission: &Permission, at: &str) {
        let allowed = permission.effect == "Allow" || (self.switches.deny && permission.effect == "Deny");
        if !allowed {
            self.add("sim.effect", &format!("{at}.effect"), "not a valid effect", "효과가 올바르지 않습니다");
        }
        if permission.targets.is_empty() {
            self.add("sim.targets", &format!("{at}.targets"), "at least one is required", "필수 항목입니다");
        }
        for (index, target) in permission.targets.iter().enumerate() {
            self.target(target, &format!("{at}.targets[{index}]"));
        }
        for operator in permission.condition.iter().flat_map(|condition| condition.keys()) {
            if !OPERATORS.contains(&operator.strip_suffix("IfExists").unwrap_or(operator)) {
                let at = format!("{at}.condition.{operator}");
                let code = "iam.policy.invalidConditionSyntax";
                self.add(code, &at, "unsupported operator", "지원하지 않는 연산자입니다");
            }
        }
    }

    fn target(&mut self, target: &Target, at: &str) {
        let product = target.product.as_str();
        let known = PRODUCTS.contains(&product) || self.switches.more_products.iter().any(|p| p == product);
        if !known {
            let at = format!("{at}.product");
            self.add("iam.policy.invalidProduct", &at, "unknown product", "존재하지 않는 상품입니다");
        }
        let whole_only = self.switches.whole_products.iter().any(|p| p == product);
        for (index, action) in target.actions.iter().enumerate() {
            if !valid_action(action) || (whole_only && action != "*") {
                let at = format!("{at}.actions[{index}]");
                self.add("sim.action", &at, "not a valid action", "액션이 올바르지 않습니다");
            }
        }
        for (list, name) in [(&target.actions, "actions"), (&target.resource_nrns, "resourceNrns")] {
            if list.is_empty() {
                let at = format!("{at}.{name}");
                self.add("sim.required", &at, "at least one is required", "필수 항목입니다");
            }
        }
        for (index, nrn) in target.resource_nrns.iter().enumerate() {
            if nrn != "*" && !valid_nrn(nrn) {
                let at = format!("{at}.resourceNrns[{index}]");
                self.add("sim.nrn", &at, "not a resource name", "NRN이 올바르지 않습니다");
            }
        }
    }
}

fn is_korean_or_japanese(c: char) -> bool {
    matches!(c, '가'..='힣' | 'ㄱ'..='ㆎ' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '々' | '一'..='鿿')
}

/// Accepts `*`, or `View` / `Change` followed by `*` or by `/` and a name (which may end in `*`).
fn valid_action(action: &str) -> bool {
    let named =
        |rest: &str| rest == "*" || rest.strip_prefix('/').is_some_and(|name| !name.is_empty() && !name.contains(' '));
    action == "*" || ["View", "Change"].iter().any(|verb| action.strip_prefix(verb).is_some_and(named))
}

fn valid_nrn(nrn: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_:./=*".contains(c);
    nrn.len() <= 128 && nrn.chars().all(allowed) && nrn.starts_with("nrn:") && nrn.split(':').count() >= 6
}
