//! Products, actions and resources beside the catalogue.

use super::rules::{ACTION_FORM, FOREIGN_RESOURCE, RESOURCE_FORM, UNIT_TOO_SMALL, UNKNOWN_PRODUCT, UNKNOWN_TYPE};
use super::wording::{hint, quoting};
use crate::api::policy::NcloudTarget;
use crate::engine::finding::Finding;
use crate::engine::nearest::nearest;
use crate::upstream::catalogue::{Catalogue, Product, Unit};

/// The actions that mean more than one.
const WHOLE: [&str; 3] = ["*", "View*", "Change*"];

/// How single actions begin.
const VERBS: [&str; 2] = ["View/", "Change/"];

/// How many parts a resource name has.
const PARTS: usize = 6;

/// Checks a target at a path.
pub fn check(target: &NcloudTarget, path: &str, catalogue: &Catalogue, found: &mut Vec<Finding>) {
    let NcloudTarget { product, actions, resource_nrns } = target;
    let known = catalogue.products.get(product);
    // Whether a product may be a pattern is not documented.
    if known.is_none() && product != "*" {
        let near = nearest(product, catalogue.products.keys().map(String::as_str));
        let message = format!("is not in the catalogue: {}", hint(near, "compare it with the console"));
        found.push(quoting(&UNKNOWN_PRODUCT, format!("{path}.product"), product, &message));
    }
    for (at, text) in actions.iter().enumerate() {
        let field = format!("{path}.actions[{at}]");
        match unit(text) {
            None => found.push(quoting(&ACTION_FORM, field, text, &misformed(text))),
            Some(unit) => found.extend(known.and_then(|known| too_small(known, unit, product, text, field))),
        }
    }
    for (at, nrn) in resource_nrns.iter().enumerate().filter(|(_, nrn)| *nrn != "*") {
        found.extend(resource(nrn, product, known, &format!("{path}.resourceNrns[{at}]")));
    }
}

/// Returns the unit that an action grants; `None` if it has no documented form.
fn unit(action: &str) -> Option<Unit> {
    if let Some(at) = WHOLE.iter().position(|whole| *whole == action) {
        return Some(if at == 0 { Unit::Service } else { Unit::ViewOrChange });
    }
    let name = VERBS.iter().find_map(|verb| action.strip_prefix(verb))?;
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then_some(Unit::Action)
}

/// Describes an action without a documented form.
fn misformed(action: &str) -> String {
    let near = match action.split_once('/') {
        Some((verb, name)) if !name.is_empty() => {
            nearest(verb, ["View", "Change"].into_iter()).map(|verb| format!("{verb}/{name}"))
        }
        _ => nearest(action, WHOLE.into_iter()).map(str::to_owned),
    };
    let near = near.filter(|near| unit(near).is_some());
    let forms = "use `View/<name>`, `Change/<name>`, `View*`, `Change*` or `*`";
    format!("is no action of a documented form: {}", hint(near.as_deref(), forms))
}

fn too_small(known: &Product, unit: Unit, product: &str, action: &str, field: String) -> Option<Finding> {
    let finest = known.finest_unit().filter(|finest| unit > *finest)?;
    let instead = match finest {
        Unit::Service => "as a whole: write `*`",
        Unit::ViewOrChange | Unit::Action | Unit::Abac => "only by `View*` and `Change*`: write one of them",
    };
    Some(quoting(
        &UNIT_TOO_SMALL,
        field,
        action,
        &format!("is a smaller unit than NAVER Cloud grants of {product}, which is granted {instead}"),
    ))
}

/// Checks a resource name.
fn resource(nrn: &str, product: &str, known: Option<&Product>, field: &str) -> Option<Finding> {
    let parts: Vec<&str> = nrn.splitn(PARTS, ':').collect();
    let ["nrn", _, own, _, _, resource] = parts[..] else {
        let form = "has not the six parts nrn:<domain>:<product>:<region>:<member>:<type>/<id>";
        return Some(quoting(&RESOURCE_FORM, field.to_owned(), nrn, form));
    };
    if own != product && !own.contains('*') && product != "*" {
        let message = format!("is a resource of {own}, and the target is about {product}: correct one of them");
        return Some(quoting(&FOREIGN_RESOURCE, field.to_owned(), nrn, &message));
    }
    let (kind, types) = (resource.split('/').next().unwrap_or_default(), &known?.resource_types);
    if kind.contains('*') || kind.is_empty() || types.is_empty() || types.iter().any(|known| known == kind) {
        return None;
    }
    let otherwise = format!("{product} has {}", types.join(", "));
    let near = hint(nearest(kind, types.iter().map(String::as_str)), &otherwise);
    Some(quoting(
        &UNKNOWN_TYPE,
        field.to_owned(),
        kind,
        &format!("is no type of resource of {product} in the catalogue: {near}"),
    ))
}
