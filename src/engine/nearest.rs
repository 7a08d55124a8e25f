//! The known name that a misspelt one was meant to be.

/// The most edits between a name and its correction.
const EDITS: usize = 2;

/// Returns the only nearest name; `None` if none is near, or two are equally near.
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let lower = name.to_lowercase();
    // Names of other lengths are too far away, which is quickly seen.
    let known = known.filter(|known| known.chars().count().abs_diff(name.chars().count()) <= EDITS);
    let near = known.map(|known| (distance(&lower, &known.to_lowercase()), known));
    let mut near: Vec<(usize, &str)> = near.filter(|(edits, known)| *edits <= EDITS.min(known.len() / 3)).collect();
    near.sort_unstable();
    match near.as_slice() {
        [(_, only)] => Some(only),
        [(first, nearest), (second, _), ..] if first < second => Some(nearest),
        _ => None,
    }
}

/// Returns how many letters must be added, removed, replaced or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_corrects_small_mistakes_only() {
        let known = ["permissions", "policyName", "tags", "description"];
        let nearest = |name| nearest(name, known.iter().copied());
        assert_eq!(nearest("permisions"), Some("permissions"));
        assert_eq!(nearest("policyname"), Some("policyName"));
        assert_eq!(nearest("tgas"), Some("tags"));
        assert_eq!((nearest("labels"), nearest("x")), (None, None));
        assert_eq!(super::nearest("ab1", ["ab2", "ab3"].into_iter()), None, "two are equally near");
    }
}
