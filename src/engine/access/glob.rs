//! Patterns in which only `*` is special: it stands for any text, also for none.
//!
//! A *letter that no pattern has* decides everything about such patterns. A text that is made from a pattern by
//! replacing each `*` with that letter is matched by another pattern only if a `*` of the other one takes the letter,
//! and then it takes any text. So the other pattern matches all texts of the first one, or not even this one; and
//! several patterns together match all of them only if one of them does alone.

use std::collections::HashSet;

/// Letters that a witness may contain, the plainest first.
const PLAIN: &str = "xyzwvqkjabcdefghilmnoprstuXYZWVQKJABCDEFGHILMNOPRSTU0123456789";

/// Returns whether a text matches a pattern, and in how many steps that was decided: at most the product of both
/// lengths.
pub fn match_steps(pattern: &str, text: &str) -> (bool, usize) {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut spent) = (0, 0, 1);
    // After the last `*` of the pattern, and from where in the text the rest was tried last.
    let mut restart: Option<(usize, usize)> = None;
    while t < text.len() {
        spent += 1;
        if pattern.get(p) == Some(&b'*') {
            restart = Some((p + 1, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after, from)) = restart {
            restart = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return (false, spent);
        }
    }
    (pattern[p..].iter().all(|byte| *byte == b'*'), spent)
}

/// Returns whether a text matches a pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    match_steps(pattern, text).0
}

/// Returns whether every text that `other` matches is matched by `pattern`. A `*` of `other` is a letter that only a
/// `*` of the pattern matches.
pub fn covers(pattern: &str, other: &str) -> bool {
    pattern == other || is_everything(pattern) || matches(pattern, other)
}

/// Returns whether the pattern matches every text.
pub fn is_everything(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// Replaces each run of `*` in a pattern.
pub fn fill(pattern: &str, text: &str) -> String {
    let mut filled = String::with_capacity(pattern.len() + text.len());
    let mut after_star = false;
    for letter in pattern.chars() {
        match (letter, after_star) {
            ('*', true) => {}
            ('*', false) => filled.push_str(text),
            _ => filled.push(letter),
        }
        after_star = letter == '*';
    }
    filled
}

/// Returns a letter that none of the texts has; `None` if they have nearly all of Unicode.
pub fn unused_letter<'t>(texts: impl IntoIterator<Item = &'t str>) -> Option<char> {
    let (mut plain, mut other) = ([false; 128], HashSet::new());
    for letter in texts.into_iter().flat_map(str::chars) {
        match plain.get_mut(letter as usize) {
            Some(used) => *used = true,
            None => drop(other.insert(letter)),
        }
    }
    let is_used = |letter: &char| plain.get(*letter as usize).copied().unwrap_or_else(|| other.contains(letter));
    PLAIN.chars().chain('\u{a1}'..='\u{ffff}').find(|letter| !is_used(letter))
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
            ("a*b*c", "a*c*b*c"),
            ("View*", "View**"),
            ("View**", "View*"),
            ("서버*", "서버/조회"),
        ] {
            assert!(covers(pattern, other), "{pattern} covers {other}");
        }
        for (pattern, other) in
            [("View/get*", "View*"), ("View*", "view/x"), ("", "x"), ("", "*"), ("a*", "*"), ("a*b", "ab*")]
        {
            assert!(!covers(pattern, other), "{pattern} does not cover {other}");
        }
    }

    #[test]
    fn hostile_pattern_is_decided_in_bounded_steps() {
        let (found, steps) = match_steps(&("a*".repeat(500) + "b"), &"a".repeat(2000));
        assert!(!found && steps <= 1001 * 2000, "{steps}");
    }

    #[test]
    fn unused_letter_is_in_no_text() {
        assert_eq!(unused_letter(["xyz", "w"]), Some('v'));
        assert_eq!(unused_letter([PLAIN]), Some('\u{a1}'));
        assert_eq!(fill("a**b*", "x"), "axbx");
    }
}
