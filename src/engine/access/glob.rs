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

/// Returns a pattern of texts that both patterns match; `None` if there are none. Unless one pattern covers the other, its
/// texts are only some of those.
pub fn common(some: &str, other: &str) -> Option<String> {
    if covers(some, other) {
        return Some(other.to_owned());
    }
    if covers(other, some) {
        return Some(some.to_owned());
    }
    let ((first, some), (other_first, other)) = (some.split_once('*')?, other.split_once('*')?);
    let split = |rest: &'_ str| {
        rest.rsplit_once('*')
            .map_or((String::new(), rest.to_owned()), |(inner, last)| (inner.to_owned(), last.to_owned()))
    };
    let ((inner, last), (other_inner, other_last)) = (split(some), split(other));
    let start = longer(first, other_first, str::starts_with)?;
    let end = longer(&last, &other_last, str::ends_with)?;
    Some(format!("{start}*{inner}*{other_inner}*{end}"))
}

/// Returns the longer of two texts if it has the other one at an end.
fn longer<'t>(some: &'t str, other: &'t str, has: fn(&'t str, &'t str) -> bool) -> Option<&'t str> {
    let (short, long) = if some.len() < other.len() { (some, other) } else { (other, some) };
    has(long, short).then_some(long)
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
    fn common_texts_match_both_patterns() {
        for (some, other) in [
            ("View*", "*List"),
            ("a*b*c", "ab*bc"),
            ("a*", "*a"),
            ("ab*ba", "a*a"),
            ("*x*", "*y*"),
            ("View/get", "View*"),
            ("*", "?"),
        ] {
            for (some, other) in [(some, other), (other, some)] {
                let both = common(some, other).unwrap();
                for text in [fill(&both, ""), fill(&both, "z"), fill(&both, "zz")] {
                    assert!(matches(some, &text) && matches(other, &text), "{text}: {some} and {other}");
                }
            }
        }
        for (some, other) in
            [("View*", "Change*"), ("*a", "*b"), ("View", "view"), ("ab*", "aa*"), ("", "a*"), ("a*b", "a")]
        {
            assert_eq!(common(some, other), None, "{some} and {other}");
            assert_eq!(common(other, some), None, "{some} and {other}");
        }
    }

    #[test]
    fn unused_letter_is_in_no_text() {
        assert_eq!(unused_letter(["xyz", "w"]), Some('v'));
        assert_eq!(unused_letter([PLAIN]), Some('\u{a1}'));
        assert_eq!(fill("a**b*", "x"), "axbx");
    }
}
