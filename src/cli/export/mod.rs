//! `cloud-policy export`: describes what exists in cloud accounts by manifests, and writes nothing there.

mod convert;
mod output;

use super::accounts::AccountArgs;
use super::output::{plain, tell};
use super::terminal::Progress;
use crate::engine::FoundTag;
use crate::export::{Export, Found, Selection, export, read};
use crate::plan::connections;
use crate::upstream::registry;
use clap::{Args as ClapArgs, ValueEnum};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

pub use convert::{SpacectlArgs, spacectl};
use output::OutputArgs;

/// The exit code if some object cannot be described: that of a plan in which something would be refused.
const REFUSED: u8 = 3;

/// Flags of `cloud-policy export`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    accounts: AccountArgs,

    /// Export only objects whose name matches, such as `team-a-*`. Can be repeated.
    #[arg(long = "match", value_name = "PATTERN")]
    patterns: Vec<String>,

    /// Export only this collection, such as `spaceone/policy`. Can be repeated.
    #[arg(long = "collection", value_name = "NAME", value_parser = registry::systems())]
    collections: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,

    /// Add a comment with the number of users of each object (`count`), or their names, too (`names`). It costs requests.
    #[arg(long = "holders", value_enum)]
    used_by: Option<Shown>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shown {
    /// Only their number.
    Count,
    /// Their names, too.
    Names,
}

/// Exports, and returns the exit code.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.output.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let found = runtime.block_on(read_all(args))?;
    let export = export(&found, &args.output.options(args.used_by == Some(Shown::Names)));
    args.output.write(&export.manifests)?;
    tell_of(&found, &export);
    let is_refused = export.skipped.iter().any(|it| it.is_refused);
    Ok(if is_refused { ExitCode::from(REFUSED) } else { ExitCode::SUCCESS })
}

/// Reads the accounts of all connections.
async fn read_all(args: &Args) -> anyhow::Result<BTreeMap<String, Found>> {
    let given = args.accounts.given()?;
    anyhow::ensure!(!given.is_empty(), "nothing to export: name a connection with --connection NAME=env:PREFIX_");
    let limits = args.accounts.limits(&given);
    let selection = Selection {
        names: args.patterns.clone(),
        systems: args.collections.clone(),
        with_users: args.used_by.is_some(),
        with_reserved: false,
    };
    let progress = Progress::new("read");
    let on_step = |step| progress.step(step);
    let mut all = BTreeMap::new();
    for given in &given {
        let name = &given.name;
        let account = connections::account(given, &limits).map_err(anyhow::Error::msg)?;
        let found = read(&account, &selection, Instant::now(), &on_step).await;
        let found = found.map_err(|unread| anyhow::anyhow!(plain(&unread.sentence(name))))?;
        anyhow::ensure!(all.insert(name.clone(), found).is_none(), "--connection {name} is given twice: remove one");
    }
    Ok(all)
}

/// Tells what was not exported, and why.
fn tell_of(found: &BTreeMap<String, Found>, export: &Export) {
    for (connection, found) in found {
        for (system, reason) in &found.missing {
            tell(&format!("note: connection {connection} does not offer {system}: {reason}"));
        }
        let hidden = found.objects.iter().filter(|(it, _)| it.found_tag == FoundTag::NotShown).count();
        if hidden > 0 {
            tell(&format!(
                "note: connection {connection} hides the tags of {hidden} objects: they may have other owners"
            ));
        }
    }
    for it in &export.skipped {
        let what = if it.is_refused { "not exported" } else { "skipped" };
        let object = format!("{} {} ({}) of connection {}: {}", it.system, it.key, it.id, it.connection, it.reason);
        tell(&format!("{what}: {}", plain(&object)));
    }
    let others: usize = found.values().map(|found| found.others).sum();
    let refused = export.skipped.iter().filter(|it| it.is_refused).count();
    let skipped = export.skipped.len() - refused;
    tell(&format!(
        "Export: {} exported, {skipped} skipped, {refused} not exported, {others} with other names.",
        export.manifests.len()
    ));
}
