//! Standard output: numbered steps, each with the commands that a user would type and their output.

use std::fmt::Display;
use std::io::{IsTerminal, Stdout, Write, stdout};

/// Prints the steps of the demo.
#[derive(Debug)]
pub struct Output {
    out: Stdout,
    steps: usize,
}

impl Output {
    /// Creates an output that continues after this number of steps.
    pub fn after(steps: usize) -> Self {
        Self { out: stdout(), steps }
    }

    /// Returns the number of printed steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Prints the title of the next step.
    pub fn step(&mut self, sentence: &str) {
        self.steps += 1;
        let (bold, plain) = if self.out.is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        self.line(&format_args!("{bold}{:2}. {sentence}{plain}", self.steps));
    }

    /// Prints a command that a user would type.
    pub fn command(&self, line: &str) {
        self.line(&format_args!("    $ {line}"));
    }

    /// Prints the output of a command.
    pub fn show(&self, text: &str) {
        for line in text.lines() {
            self.line(&format_args!("    {line}"));
        }
    }

    /// Prints a line.
    pub fn line(&self, text: &impl Display) {
        // The demo continues when its output is closed, because it has to stop the processes that it started.
        let _ = writeln!(self.out.lock(), "{text}");
    }
}
