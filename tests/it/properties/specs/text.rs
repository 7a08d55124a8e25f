//! Texts in different scripts, with emoji, quotes and control characters, of any length.

use proptest::prelude::*;
use std::ops::RangeInclusive;

/// Generates a character of a free text.
pub fn letter() -> impl Strategy<Value = char> {
    prop_oneof![
        8 => prop::char::range(' ', '~'),
        4 => prop::char::range('가', '힣'),
        2 => prop::sample::select(vec!['🚦', '👩', '\u{200d}', '💻', 'ß', 'İ', 'ﬁ', '\u{301}', '語', '\u{202e}', '\u{feff}']),
        1 => prop::sample::select(vec!['\n', '\t', '\r', '\u{7f}', '\u{1b}', '\\', '"', '\'', '%', '\u{2028}']),
        1 => any::<char>().prop_filter("stored as text", |c| *c != '\0'),
    ]
}

/// Generates a free text. One in eight has the maximum length.
pub fn free(length: RangeInclusive<usize>) -> impl Strategy<Value = String> {
    let (least, most) = (*length.start(), *length.end());
    let short = most.min(least + 12);
    let of = |size: RangeInclusive<usize>| {
        prop::collection::vec(letter(), size).prop_map(|letters| letters.into_iter().collect::<String>())
    };
    prop_oneof![7 => of(least..=short), 1 => of(most..=most)]
}

/// Generates a text of visible ASCII characters. One in eight has the maximum length.
pub fn visible(most: usize) -> impl Strategy<Value = String> {
    let of = |size: RangeInclusive<usize>| {
        prop::collection::vec(prop::char::range('!', '~'), size).prop_map(String::from_iter)
    };
    prop_oneof![7 => of(1..=most.min(13)), 1 => of(most..=most)]
}

/// Generates a text of at most this many bytes, often of exactly this many.
pub fn of_bytes(most: usize) -> impl Strategy<Value = String> {
    (free(0..=most), prop::bool::weighted(0.2)).prop_map(move |(text, full)| {
        let mut end = most.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut text = text[..end].to_owned();
        if full {
            text.push_str(&"x".repeat(most - text.len()));
        }
        text
    })
}

/// Generates the name of a NAVER Cloud policy. Tests append eight characters to make it unique.
pub fn policy_name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z][A-Za-z0-9._-]{0,20}", "[가-힣ぁ-ゖ一-龯][가-힣ァ-ヺー0-9._-]{0,20}"]
}

/// Generates the name of a NAVER Cloud policy of any valid length.
pub fn policy_name_alone() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z][A-Za-z0-9._-]{2,29}", "[ㄱ-ㅎ가-힣ぁ-ゖ々一-龯][가-힣ァ-ヺー0-9._-]{2,29}"]
}
