//! `cloud-policy crds`: prints the custom resource definitions, or writes them or their reference to files.

use super::output;
use crate::api::crds;
use crate::lint;
use anyhow::Context;
use clap::ValueEnum;
use std::io::Write;
use std::path::Path;

/// The format of printed definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A stream of documents.
    Yaml,
    /// A list.
    Json,
}

/// Writes one file per kind into `dir`, or without it all kinds to standard output.
pub fn print(dir: Option<&Path>, format: Format) -> anyhow::Result<()> {
    match (dir, format) {
        (Some(dir), _) => write_files(dir, &crds::files()?),
        (None, Format::Yaml) => write_stream(&mut std::io::stdout().lock(), &crds::files()?),
        (None, Format::Json) => output::print(&output::list(crds::all())?),
    }
}

/// Writes one page of the reference per kind, and one with the rules of lint, into `folder`.
pub fn write_reference(folder: &Path) -> anyhow::Result<()> {
    let mut pages = crds::reference::pages()?;
    pages.push(lint::reference::page());
    write_files(folder, &pages)
}

/// Writes one JSON schema per kind, and one for all, into `folder`.
pub fn write_schemas(folder: &Path) -> anyhow::Result<()> {
    write_files(folder, &crds::json_schema::files()?)
}

fn write_files(dir: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    output::write_files(dir, files.iter().map(|(name, text)| (name, text)))
}

fn write_stream(out: &mut impl Write, files: &[(String, String)]) -> anyhow::Result<()> {
    let stream: String = files.iter().flat_map(|(_, text)| ["---\n", text]).collect();
    output::write_all(out, &stream).context("cannot write the definitions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use serde_json::{Value, json};
    use std::fs;
    use std::io::ErrorKind;

    #[test]
    fn stream_has_one_document_per_kind() {
        let mut stream = Vec::new();
        write_stream(&mut stream, &crds::files().unwrap()).unwrap();
        let documents: Vec<CustomResourceDefinition> =
            serde_saphyr::from_multiple(std::str::from_utf8(&stream).unwrap()).unwrap();
        assert!(documents == crds::all());
    }

    #[test]
    fn list_has_all_kinds() {
        let list: Value = serde_json::from_str(&output::list(crds::all()).unwrap()).unwrap();
        assert_eq!((&list["kind"], list["items"].as_array().unwrap().len()), (&json!("List"), crds::all().len()));
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn stream_ignores_a_closed_pipe_and_reports_a_full_disk() {
        let files = crds::files().unwrap();
        write_stream(&mut Broken(ErrorKind::BrokenPipe), &files).unwrap();
        let error = write_stream(&mut Broken(ErrorKind::StorageFull), &files).unwrap_err().to_string();
        assert_eq!(error, "cannot write the definitions");
    }

    #[test]
    fn folder_is_created_with_one_file_per_kind() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/crds");
        print(Some(&folder), Format::Yaml).unwrap();
        for (name, text) in crds::files().unwrap() {
            assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), text);
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), crds::all().len());
    }

    #[test]
    fn reference_has_one_page_per_kind_and_the_rules() {
        let folder = tempfile::tempdir().unwrap();
        write_reference(folder.path()).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), crds::all().len() + 1);
    }

    #[test]
    fn folder_error_names_the_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = print(Some(&file.path().join("crds")), Format::Yaml).unwrap_err().to_string();
        assert!(error.starts_with("cannot create the directory"), "{error}");
    }
}
