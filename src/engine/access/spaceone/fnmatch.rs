//! The patterns of Python's `fnmatch`: `*` is any text, `?` any character, `[...]` one of these characters, `[!...]`
//! one of the others. A `[` that nothing closes is itself.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub tokens: Vec<Token>,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Any text, also none.
    Star,
    /// This character.
    Letter(char),
    /// One character of a class.
    One(Class),
}

/// Some characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Closed ranges.
    pub ranges: Vec<(char, char)>,
    /// Whether the class has all characters but these.
    pub negated: bool,
}

impl Class {
    /// Returns whether the class has the character.
    pub fn has(&self, letter: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != self.negated
    }
}

impl Pattern {
    /// Parses a pattern; `None` for one with a range from a higher to a lower character: what that matches depends on
    /// the version of Python, and some refuse every request.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: Vec<char> = text.chars().collect();
        let (mut tokens, mut at) = (Vec::with_capacity(letters.len()), 0);
        while let Some(letter) = letters.get(at) {
            at += 1;
            match letter {
                '*' if tokens.last() == Some(&Token::Star) => {}
                '*' => tokens.push(Token::Star),
                '?' => tokens.push(Token::One(Class { ranges: Vec::new(), negated: true })),
                '[' => {
                    let Some(end) = end_of_class(&letters, at) else {
                        tokens.push(Token::Letter('['));
                        continue;
                    };
                    tokens.push(Token::One(class(&letters[at..end])?));
                    at = end + 1;
                }
                _ => tokens.push(Token::Letter(*letter)),
            }
        }
        Some(Self { tokens })
    }

    /// Returns the characters that every match starts with.
    pub fn prefix(&self) -> String {
        let letter = |token: &Token| if let Token::Letter(letter) = token { Some(*letter) } else { None };
        self.tokens.iter().map_while(letter).collect()
    }
}

/// Returns where the `]` is that ends a class. Directly at the start it is a character.
fn end_of_class(letters: &[char], start: usize) -> Option<usize> {
    let negated = usize::from(letters.get(start) == Some(&'!'));
    let first = start + negated;
    let from = first + usize::from(letters.get(first) == Some(&']'));
    (from..letters.len()).find(|at| letters[*at] == ']')
}

/// Parses what is between `[` and `]`. A `-` at an end is a character, as is one right after a range.
fn class(letters: &[char]) -> Option<Class> {
    let negated = letters.first() == Some(&'!');
    let mut rest = &letters[usize::from(negated)..];
    let mut ranges = Vec::new();
    loop {
        (ranges, rest) = match rest {
            [] => return Some(Class { ranges, negated }),
            [low, '-', high, after @ ..] if low <= high => (with(ranges, (*low, *high)), after),
            [_, '-', _, ..] => return None,
            [letter, after @ ..] => (with(ranges, (*letter, *letter)), after),
        };
    }
}

fn with(mut ranges: Vec<(char, char)>, range: (char, char)) -> Vec<(char, char)> {
    ranges.push(range);
    ranges
}
