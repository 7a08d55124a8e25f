//! Reads the paths (`a::b::c`) out of Rust source. No parser: a lexer that knows comments and
//! literals, and use-trees flattened, which is all that the rules ask about.

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Colons,
    Open,
    Close,
    Comma,
    Star,
    Other,
}

/// Every path in the code, use-trees flattened: `use a::{b, c::*}` is `a::b` and `a::c::*`.
/// What stands in comments and string literals does not count.
pub fn paths(source: &str) -> Vec<String> {
    let tokens = tokens(&source.chars().collect::<Vec<_>>());
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        at = match tokens[at] {
            Token::Word(_) => path(&tokens, at, "", &mut found),
            _ => at + 1,
        };
    }
    found
}

/// Reads one path or group from `at`; answers where it ends.
fn path(tokens: &[Token], at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    match tokens.get(at) {
        Some(Token::Word(word)) => {
            let here = if prefix.is_empty() { word.clone() } else { format!("{prefix}::{word}") };
            let goes_on = matches!(tokens.get(at + 2), Some(Token::Word(_) | Token::Open | Token::Star));
            if tokens.get(at + 1) == Some(&Token::Colons) && goes_on {
                return path(tokens, at + 2, &here, found);
            }
            found.push(here);
            at + 1
        }
        Some(Token::Open) => group(tokens, at + 1, prefix, found),
        Some(Token::Star) => {
            found.push(format!("{prefix}::*"));
            at + 1
        }
        _ => at + 1,
    }
}

fn group(tokens: &[Token], mut at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
    while at < tokens.len() && tokens[at] != Token::Close {
        at = path(tokens, at, prefix, found);
        // `as name` up to the comma.
        while at < tokens.len() && !matches!(tokens[at], Token::Comma | Token::Close) {
            at += 1;
        }
        if tokens.get(at) == Some(&Token::Comma) {
            at += 1;
        }
    }
    at + 1
}

fn tokens(code: &[char]) -> Vec<Token> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < code.len() {
        let (token, end) = token(code, at);
        tokens.extend(token);
        at = end;
    }
    tokens
}

/// The token at `at`, if it is one that counts, and where it ends.
fn token(code: &[char], at: usize) -> (Option<Token>, usize) {
    let next = code.get(at + 1);
    match code[at] {
        '/' if next == Some(&'/') => (None, skip_while(code, at, |c| c != '\n')),
        '/' if next == Some(&'*') => (None, block_comment(code, at)),
        '"' => (Some(Token::Other), string(code, at)),
        '\'' => (Some(Token::Other), quote(code, at)),
        'r' | 'b' | 'c' if prefixed_string(code, at).is_some() => {
            (Some(Token::Other), prefixed_string(code, at).unwrap())
        }
        'r' if next == Some(&'#') && code.get(at + 2).is_some_and(|c| c.is_alphabetic()) => (None, at + 2),
        c if c.is_alphabetic() || c == '_' => {
            let end = skip_while(code, at, |c| c.is_alphanumeric() || c == '_');
            (Some(Token::Word(code[at..end].iter().collect())), end)
        }
        c if c.is_whitespace() => (None, at + 1),
        ':' if next == Some(&':') => (Some(Token::Colons), at + 2),
        '{' => (Some(Token::Open), at + 1),
        '}' => (Some(Token::Close), at + 1),
        ',' => (Some(Token::Comma), at + 1),
        '*' => (Some(Token::Star), at + 1),
        _ => (Some(Token::Other), at + 1),
    }
}

fn skip_while(code: &[char], from: usize, keep: impl Fn(char) -> bool) -> usize {
    (from..code.len()).find(|i| !keep(code[*i])).unwrap_or(code.len())
}

fn block_comment(code: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0, from);
    while at + 1 < code.len() {
        match (code[at], code[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    code.len()
}

fn string(code: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < code.len() && code[at] != '"' {
        at += if code[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"` if one starts here.
fn prefixed_string(code: &[char], at: usize) -> Option<usize> {
    let prefix = skip_while(code, at, |c| matches!(c, 'r' | 'b' | 'c'));
    let quote = skip_while(code, prefix, |c| c == '#');
    if prefix - at > 2 || code.get(quote) != Some(&'"') {
        return None;
    }
    if !code[at..prefix].contains(&'r') {
        return Some(string(code, quote));
    }
    let closing: Vec<char> = std::iter::once('"').chain(code[prefix..quote].iter().copied()).collect();
    let body = code.get(quote + 1..)?;
    let length = body.windows(closing.len()).position(|w| w == closing)?;
    Some(quote + 1 + length + closing.len())
}

/// The end of a character literal, or of the quote of a lifetime.
fn quote(code: &[char], at: usize) -> usize {
    match (code.get(at + 1), code.get(at + 2)) {
        (Some('\\'), _) => skip_while(code, at + 3, |c| c != '\'') + 1,
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

#[test]
fn use_trees_are_flattened() {
    let found = paths(
        "use kube::{self, Client as C, runtime::{watcher, Controller}, api::*};\nfn f() { crate::api::Policy::crd() }",
    );
    for path in ["kube::self", "kube::Client", "kube::runtime::watcher", "kube::runtime::Controller", "kube::api::*"] {
        assert!(found.iter().any(|p| p == path), "{path} is not in {found:?}");
    }
    assert!(found.contains(&"crate::api::Policy::crd".to_owned()), "{found:?}");
}

#[test]
fn comments_and_literals_do_not_count_and_code_after_them_does() {
    let found = paths(
        "/* a::hidden /* b::hidden */ */ // c::hidden\n\
         \"d::hidden // \\\" e::hidden\"; r#\"f::hidden \" g::hidden\"#; b\"h::hidden\"; '\"'; x::seen; '\\''; &'a y::seen; r::seen",
    );
    assert!(found.iter().all(|p| !p.contains("hidden")), "{found:?}");
    for path in ["x::seen", "y::seen", "r::seen"] {
        assert!(found.iter().any(|p| p == path), "{path} is not in {found:?}");
    }
}
