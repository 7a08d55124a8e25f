//! Decides whether one pattern of actions or resources surely covers another. Used to compare what policies
//! grant; an answer `false` means that the cover is not proven.
//!
//! `*` stands for any text. SpaceONE also reads `?` and `[...]`, so a pattern with one of these covers nothing
//! but itself, and only `*` covers it.

/// Returns whether every text that `other` matches is surely matched by `pattern`.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    if pattern == other || is_everything(pattern) {
        return true;
    }
    let special = |text: &str| text.contains(['?', '[', ']']);
    !special(pattern) && !special(other) && matches(pattern.as_bytes(), other.as_bytes())
}

fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// Matches a text with a pattern. A `*` of the text is a letter that only a `*` of the pattern matches, so what
/// matches is covered. The time is at most the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // After the last `*` of the pattern, and from where in the text the rest was tried last.
    let mut restart: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            restart = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after, from)) = restart {
            restart = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_covers_any_text_and_narrower_patterns() {
        for (pattern, other) in [
            ("View*", "View/getServerDetail"),
            ("View*", "View/get*"),
            ("*", "?"),
            ("**", "x"),
            ("inventory.*", "inventory.Server.list"),
            ("*.list", "inventory.*.list"),
            ("a*b*c", "a*c*b*c"),
            ("View*", "View**"),
            ("View**", "View*"),
            ("a[x]", "a[x]"),
            ("서버*", "서버/조회"),
        ] {
            assert!(covers(pattern, other), "{pattern} covers {other}");
        }
    }

    #[test]
    fn pattern_covers_nothing_that_is_not_proven() {
        for (pattern, other) in [
            ("View/get*", "View*"),
            ("View*", "view/x"),
            ("View", "View*"),
            ("", "x"),
            ("x", ""),
            ("", "*"),
            ("a*", "*"),
            ("*a", "a*"),
            ("a*b", "ab*"),
            // `[x]` is one letter for SpaceONE, so `ax` is not covered.
            ("a*]", "a[x]"),
            ("a*", "a?"),
            ("a?", "ab"),
        ] {
            assert!(!covers(pattern, other), "{pattern} does not cover {other}");
        }
    }

    #[test]
    fn hostile_pattern_is_decided_in_bounded_time() {
        let pattern = "a*".repeat(500) + "b";
        assert!(!covers(&pattern, &"a".repeat(2000)));
    }
}
