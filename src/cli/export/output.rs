//! Flags that say how manifests look, and where they go.

use crate::api::shared::{AdoptionPolicy, ConnectionKind};
use crate::cli::output::{self, pretty, print};
use crate::export::{Manifest, Options, one_text};
use clap::{Args as ClapArgs, ValueEnum};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Flags that say how manifests look, and where they go.
#[derive(Debug, ClapArgs)]
pub struct OutputArgs {
    /// Kind of the connections in the cluster.
    #[arg(long, value_enum, default_value_t = ConnectionKindArg::Connection)]
    connection_kind: ConnectionKindArg,

    /// Namespace of the manifests. Without it, they get the namespace of the command that applies them.
    #[arg(short = 'n', long, value_parser = namespace)]
    namespace: Option<String>,

    /// `adoptionPolicy` of the manifests. With `never`, the operator reports a conflict until you allow the adoption.
    #[arg(long, value_enum, default_value_t = Adopt::IfIdentical)]
    adopt: Adopt,

    /// Print all manifests (`one-file`), or write one file for each to --dir (`per-object`).
    #[arg(long, value_enum, default_value_t = Layout::OneFile)]
    layout: Layout,

    /// Format of the manifests.
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Yaml)]
    format: Format,

    /// Folder for the files of `--layout per-object`. It is created. Files of an earlier export are replaced, and others stay.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ConnectionKindArg {
    /// A connection in the namespace of the manifests.
    #[value(name = "Connection")]
    Connection,
    /// A connection of the cluster.
    #[value(name = "ClusterConnection")]
    ClusterConnection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Adopt {
    /// The operator adopts an object if nothing differs.
    #[value(name = "IfIdentical")]
    IfIdentical,
    /// The operator adopts an object and corrects it.
    #[value(name = "Always")]
    Always,
    /// The operator reports a conflict.
    #[value(name = "Never")]
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// YAML, with comments.
    Yaml,
    /// JSON, without comments.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// One stream of documents, or one list.
    OneFile,
    /// One file for each object.
    PerObject,
}

/// Checks the name of a namespace: a label of RFC 1123.
fn namespace(text: &str) -> Result<String, String> {
    let is_inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let is_label = text.len() <= 63 && text.chars().all(is_inner) && !text.starts_with('-') && !text.ends_with('-');
    if is_label { Ok(text.to_owned()) } else { Err("write at most 63 of a-z, 0-9 and -, such as team-a".to_owned()) }
}

impl OutputArgs {
    /// Checks that the flags fit each other.
    pub fn check(&self) -> anyhow::Result<()> {
        match (self.layout, &self.dir) {
            (Layout::PerObject, None) => {
                anyhow::bail!("--layout per-object needs --dir: name the folder for the files")
            }
            (Layout::OneFile, Some(_)) => {
                anyhow::bail!("--dir needs --layout per-object: redirect the output to get one file")
            }
            (Layout::PerObject, Some(_)) | (Layout::OneFile, None) => Ok(()),
        }
    }

    /// Returns how manifests look.
    pub fn options(&self, names_users: bool) -> Options {
        Options {
            namespace: self.namespace.clone().filter(|namespace| !namespace.is_empty()),
            connection_kind: match self.connection_kind {
                ConnectionKindArg::Connection => ConnectionKind::Connection,
                ConnectionKindArg::ClusterConnection => ConnectionKind::ClusterConnection,
            },
            adopt: match self.adopt {
                Adopt::IfIdentical => AdoptionPolicy::IfIdentical,
                Adopt::Always => AdoptionPolicy::Always,
                Adopt::Never => AdoptionPolicy::Never,
            },
            names_users,
        }
    }

    /// Prints manifests, or writes one file for each.
    pub fn write(&self, manifests: &[Manifest]) -> anyhow::Result<()> {
        match (&self.dir, self.format) {
            (Some(dir), Format::Yaml) => {
                write_files(dir, ["yaml", "json"], manifests, |manifest| Ok(manifest.text.clone()))
            }
            (Some(dir), Format::Json) => {
                write_files(dir, ["json", "yaml"], manifests, |manifest| pretty(&value(manifest)?))
            }
            (None, Format::Yaml) => print(&one_text(manifests)),
            (None, Format::Json) => {
                print(&output::list(manifests.iter().map(value).collect::<anyhow::Result<Vec<_>>>()?)?)
            }
        }
    }
}

fn value(manifest: &Manifest) -> anyhow::Result<Value> {
    Ok(serde_saphyr::from_str(&manifest.text)?)
}

/// Writes one file for each manifest, unless one in the other format is there: both would be applied.
fn write_files(
    dir: &Path,
    [extension, other]: [&str; 2],
    manifests: &[Manifest],
    text: impl Fn(&Manifest) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let file = |it: &Manifest, extension| format!("{}-{}.{extension}", it.kind.to_lowercase(), it.name);
    for manifest in manifests {
        let other = dir.join(file(manifest, other));
        let why = "describes the same object in the other format: remove it, or name another folder";
        anyhow::ensure!(!other.exists(), "{} {why}", other.display());
    }
    let files = manifests.iter().map(|manifest| Ok((file(manifest, extension), text(manifest)?)));
    output::write_files(dir, files.collect::<anyhow::Result<Vec<_>>>()?)
}
