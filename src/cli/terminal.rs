//! Adds what only people at a terminal see: colours in results, and progress while a command reads.
//!
//! **Contract.** A result has colours only if standard output is a terminal and neither `NO_COLOR` nor `TERM=dumb` is set;
//! otherwise its bytes are those of the text. Progress goes to standard error, only if that is a terminal, and disappears at
//! the end.

use super::output::{print, write_all};
use crate::export::Step;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::io;
use std::ops::Range;

/// Returns which part of a line stands out, and how.
pub type Emphasis = fn(&str) -> Option<(Range<usize>, Style)>;

/// Something that a request may do more after a change.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// Something that differs.
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Something that is removed.
pub const REMOVED: Style = AnsiColor::Red.on_default();
/// Something that is refused or failed.
pub const REFUSED: Style = AnsiColor::Red.on_default().bold();

/// Prints a text to standard output, with colours if a person reads it.
pub fn print_emphasized(text: &str, emphasis: Emphasis) -> anyhow::Result<()> {
    if anstream::AutoStream::choice(&io::stdout()) == ColorChoice::Never {
        return print(text);
    }
    write_all(&mut io::stdout().lock(), &emphasized(text, emphasis)).context("cannot write the result")
}

fn emphasized(text: &str, emphasis: Emphasis) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let part = emphasis(line.trim_end()).and_then(|(part, style)| {
            Some((line.get(..part.start)?, line.get(part.clone())?, line.get(part.end..)?, style))
        });
        let _ = match part {
            Some((before, part, after, style)) => write!(out, "{before}{style}{part}{style:#}{after}"),
            None => out.write_str(line),
        };
    }
    out
}

/// Returns the first of these words that a line has, with its style.
pub fn word(line: &str, words: &[(&str, Style)]) -> Option<(Range<usize>, Style)> {
    words
        .iter()
        .filter_map(|(word, style)| line.find(word).map(|at| (at..at + word.len(), *style)))
        .min_by_key(|(part, _)| part.start)
}

/// Shows how far a command is.
pub struct Progress(ProgressBar);

impl Progress {
    /// Shows that the command does this, such as `reading`.
    pub fn new(what: &'static str) -> Self {
        let bar = ProgressBar::new(0).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos} of {len}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Adds objects that the command has to look at.
    pub fn expect(&self, count: usize) {
        self.0.inc_length(count.try_into().unwrap_or(u64::MAX));
    }

    /// Shows a step of the reading of an account.
    pub fn step(&self, step: Step) {
        match step {
            Step::Listed(count) => self.expect(count),
            Step::Read => self.advance(),
        }
    }

    /// Counts an object that the command has looked at.
    pub fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_words_when_parts_stand_out() {
        let signs: Emphasis = |line| line.starts_with('+').then_some((0..line.len(), ADDED));
        assert_eq!(emphasized("+ a\nb\n", signs), "\u{1b}[32m+ a\u{1b}[0m\nb\n");
        assert_eq!(emphasized("no end", signs), "no end");
    }

    #[test]
    fn part_beyond_the_line_is_not_emphasized() {
        assert_eq!(emphasized("é\n", |_| Some((1..9, ADDED))), "é\n");
    }

    #[test]
    fn first_word_of_the_line_stands_out() {
        let words = [(" error ", REFUSED), (" warning ", CHANGED)];
        assert_eq!(word("a: warning b: error c", &words), Some((2..11, CHANGED)));
        assert_eq!(word("nothing", &words), None);
    }
}
