//! A broken rule of a spec, as the condition of its object names it.

/// The longest value that a problem quotes, in characters.
const LONGEST_QUOTE: usize = 60;

/// A broken rule: the field, and how to correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path in the object, such as `spec.spaceone.tags`.
    pub field: String,
    /// The error and its correction: a sentence without the path.
    pub message: String,
}

impl Problem {
    /// Describes a broken rule of a text, and quotes the text: in a long list the path alone does not show a user which
    /// value is meant. The text must not be a secret.
    #[must_use]
    pub fn quoting(field: impl Into<String>, value: &str, message: &str) -> Self {
        Self { field: field.into(), message: format!("{}{message}", quoted(value)) }
    }
}

/// Returns the head of a text in backticks, with a blank behind it; nothing for an empty text.
fn quoted(value: &str) -> String {
    let head: String = value.chars().take(LONGEST_QUOTE).collect();
    let more = if head.len() < value.len() { "..." } else { "" };
    let shown: String = head.chars().map(shown).collect();
    if value.is_empty() { String::new() } else { format!("`{shown}{more}` ") }
}

/// Returns a character as a message shows it: letters of all scripts as they are, and blanks that do not show as escapes.
fn shown(c: char) -> String {
    if c == ' ' || c.is_alphanumeric() || c.is_ascii_graphic() { c.to_string() } else { c.escape_default().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &str) -> String {
        Problem::quoting("spec.x", value, "must be short").message
    }

    #[test]
    fn problem_quotes_the_refused_value() {
        assert_eq!(message("ns.example"), "`ns.example` must be short");
        assert_eq!(message("서버 viewer"), "`서버 viewer` must be short");
        assert_eq!(message(""), "must be short");
    }

    #[test]
    fn problem_shows_blanks_and_shortens_long_values() {
        assert_eq!(message("a.*\u{a0}\n"), "`a.*\\u{a0}\\n` must be short");
        assert_eq!(message(&"가".repeat(60)), format!("`{}` must be short", "가".repeat(60)));
        assert_eq!(message(&"가".repeat(61)), format!("`{}...` must be short", "가".repeat(60)));
    }
}
