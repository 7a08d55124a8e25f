//! `cloud-policy guardrails test`: judges manifests by the guardrails of the connections among them.

use super::{FileArgs, code, read};
use crate::cli::output::{pretty, print};
use crate::cli::terminal::{ADDED, CHANGED, REFUSED, print_emphasized, word};
use crate::plan::verdict::Verdict;
use crate::plan::{Judged, TestResult, Tested, test_guardrails};
use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;
use std::process::ExitCode;

/// Flags of `cloud-policy guardrails test`.
#[derive(Debug, ClapArgs)]
pub struct GuardrailArgs {
    #[command(flatten)]
    files: FileArgs,

    /// Format of the output.
    #[arg(short = 'o', long, value_enum, default_value_t = PlainOutput::Text)]
    output: PlainOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlainOutput {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
}

/// Judges manifests by the guardrails of the connections among them.
pub fn test(args: &GuardrailArgs) -> anyhow::Result<ExitCode> {
    let manifests = read(&args.files)?;
    let tested = test_guardrails(&manifests);
    let unreadable =
        manifests.unreadable.iter().map(|it| format!("{}:{}: {}", it.origin.file, it.origin.line, it.message));
    let unreadable: Vec<String> = unreadable.collect();
    let is_known = |it: &Tested| matches!(it.result, TestResult::Judged(_));
    let complete = unreadable.is_empty() && tested.iter().all(is_known);
    let is_beyond = |it: &Tested| matches!(&it.result, TestResult::Judged(Judged { beyond: Some(_), .. }));
    let beyond = tested.iter().any(is_beyond);
    match args.output {
        PlainOutput::Json => print(&pretty(
            &json!({ "version": "cloudpolicy.dev/guardrails-test/v1", "objects": tested, "failures": unreadable }),
        )?)?,
        PlainOutput::Text => print_emphasized(&as_text(&tested, &unreadable), |line| {
            let words = [("denied", REFUSED), ("unknown", REFUSED), ("warning", CHANGED), ("allowed", ADDED)];
            word(line, &words).filter(|(part, _)| part.start == 0)
        })?,
    }
    Ok(code(match (complete, beyond) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::Refused,
        (true, false) => Verdict::Nothing,
    }))
}

fn as_text(tested: &[Tested], unreadable: &[String]) -> String {
    let line = |it: &Tested| {
        let (sign, note) = match &it.result {
            TestResult::Judged(Judged { beyond: Some(beyond), .. }) => ("denied ", format!(": {beyond}")),
            TestResult::Judged(Judged { warning: Some(warning), .. }) => ("warning", format!(": {warning}")),
            TestResult::Judged(_) => ("allowed", String::new()),
            TestResult::Failed(why) => ("unknown", format!(": {why}")),
        };
        format!("{sign} {} [{}:{}]{note}\n", it.object, it.file, it.line)
    };
    let unreadable = unreadable.iter().map(|message| format!("unknown {message}\n"));
    tested.iter().map(line).chain(unreadable).collect()
}
