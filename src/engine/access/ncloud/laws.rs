//! The laws of an order, which the comparison of random policies keeps.

use super::fuzz::{Maker, PAIRS, plain_resources};
use super::tests::compare;
use crate::engine::access::dice::Dice;
use crate::engine::access::{Change, Finding};

#[test]
fn comparison_is_an_order() {
    let resources = plain_resources();
    let mut maker = Maker { dice: Dice::new(7), resources: &resources, conditions: 30 };
    let (mut pairs, mut chains) = (0, 0);
    for _ in 0..PAIRS / 10 {
        let low = maker.policy();
        let middle = maker.changed(&low);
        let high = if middle.is_empty() { maker.policy() } else { maker.changed(&middle) };
        assert_eq!(compare(&low, &low).change(), Change::Equal, "{}", serde_json::json!(low));
        let (there, back) = (compare(&low, &middle).change(), compare(&middle, &low).change());
        assert_eq!(there.reversed(), back, "{} and {}", serde_json::json!(low), serde_json::json!(middle));
        pairs += usize::from(there != Change::Equal);
        let beyond = |less: &[_], more: &[_]| compare(more, less).granted;
        if beyond(&low, &middle) == Finding::Nothing && beyond(&middle, &high) == Finding::Nothing {
            chains += 1;
            let found = beyond(&low, &high);
            assert!(!matches!(found, Finding::Witness(_)), "{found:?}: {}", serde_json::json!([low, middle, high]));
        }
    }
    assert!(pairs > 1000 && chains > 1000, "{pairs} pairs differ, {chains} chains");
}
