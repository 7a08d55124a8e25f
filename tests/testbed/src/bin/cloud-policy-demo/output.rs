//! Standard output: numbered steps, one sentence each, and below them what a user would type and
//! what came of it.

use std::fmt::Display;
use std::io::{IsTerminal, Stdout, Write, stdout};

/// Tells the story.
#[derive(Debug)]
pub struct Narrator {
    out: Stdout,
    steps: usize,
}

impl Narrator {
    /// Begins, or goes on after steps that were told already.
    pub fn after(steps: usize) -> Self {
        Self { out: stdout(), steps }
    }

    /// How many steps were told.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Begins a step.
    pub fn step(&mut self, sentence: &str) {
        self.steps += 1;
        let (bold, plain) = if self.out.is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.line(&format_args!("{bold}{:2}. {sentence}{plain}", self.steps));
    }

    /// A command that a user would type.
    pub fn command(&self, line: &str) {
        self.line(&format_args!("    $ {line}"));
    }

    /// What came of it.
    pub fn show(&self, text: &str) {
        for line in text.lines() {
            self.line(&format_args!("    {line}"));
        }
    }

    /// A line outside of the steps.
    pub fn line(&self, text: &impl Display) {
        // Whoever stops reading does not stop the demo: what was begun has to be ended.
        let _ = writeln!(self.out.lock(), "{text}");
    }
}
