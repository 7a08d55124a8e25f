//! An image as an OCI layout, and the scripts and tools that build, join and unpack images.

use cloud_policy_testbed::repository;
use serde_json::Value;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The machine numbers in the header of a program.
const X86_64: u8 = 0x3e;
const AARCH64: u8 = 0xb7;

pub struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// Returns the image that this run tests.
    pub fn of_this_run() -> Self {
        let built = Path::new(env!("CARGO_BIN_EXE_cloud-policy")).ancestors().nth(2).unwrap();
        let named = std::env::var_os("CLOUD_POLICY_IMAGE").map(|name| repository().join(name));
        let layout = Self { folder: named.unwrap_or_else(|| built.join("image/trial")) };
        let there = layout.folder.join("index.json").is_file();
        assert!(there, "there is no image in {}: hack/image.sh trial makes it", layout.folder.display());
        layout
    }

    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the digest of the only tag.
    pub fn digest(&self) -> String {
        let index: Value = read(&self.folder.join("index.json"));
        let tagged = index["manifests"].as_array().unwrap();
        assert_eq!(tagged.len(), 1, "{index}");
        assert_eq!(tagged[0]["annotations"]["org.opencontainers.image.ref.name"], super::VERSION);
        tagged[0]["digest"].as_str().unwrap().to_owned()
    }

    /// Reads a JSON document by its digest.
    pub fn blob(&self, digest: &str) -> Value {
        read(&self.folder.join("blobs").join(digest.replace(':', "/")))
    }

    /// Reads the configuration of the image.
    pub fn config(&self) -> Value {
        self.blob(self.blob(&self.digest())["config"]["digest"].as_str().unwrap())
    }

    /// Unpacks the image into a bundle below `place`: a root file system, and `config.json`.
    pub fn unpack(&self, place: &Path) -> PathBuf {
        let bundle = place.join("bundle");
        let image = format!("{}:{}", self.folder.display(), super::VERSION);
        tool(Command::new("umoci").args(["unpack", "--image", &image]).arg(&bundle));
        bundle
    }
}

/// Packs a program. Returns the digest that the script prints.
pub fn pack(program: &Path, folder: &Path) -> String {
    tool(Command::new(repository().join("hack/build-image.sh")).arg(program).arg(folder))
}

/// Joins images. Returns the digest that the script prints.
pub fn join(folder: &Path, images: &[&Path]) -> String {
    tool(Command::new(repository().join("hack/index.sh")).arg(folder).args(images))
}

/// Returns the architecture that a program is for, in the names of container engines, and the other one of the
/// published images.
pub fn architectures(program: &[u8]) -> [&'static str; 2] {
    match program[18] {
        X86_64 => ["amd64", "arm64"],
        AARCH64 => ["arm64", "amd64"],
        other => panic!("there is no image for machine {other:#x}"),
    }
}

/// Returns the program with the header of the other architecture. Packing reads only the header.
pub fn foreign(program: &[u8]) -> Vec<u8> {
    let mut foreign = program.to_owned();
    foreign[18] = if program[18] == X86_64 { AARCH64 } else { X86_64 };
    foreign
}

/// Runs a program and returns its output.
pub fn tool(command: &mut Command) -> String {
    let name = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}; `make tools` installs it", name.display()));
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{}: {}{said}", name.display(), String::from_utf8_lossy(&output.stderr));
    said
}

fn read(file: &Path) -> Value {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&bytes).unwrap()
}

/// A file of an image, formatted like `ls`.
pub struct File {
    name: String,
    mode: u32,
    owner: (u32, u32),
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in "rwxrwxrwx".chars().enumerate() {
            let set = self.mode >> (8 - index) & 1 == 1;
            write!(f, "{}", if set { letter } else { '-' })?;
        }
        let odd = self.mode & 0o7000 != 0;
        let owner = if self.owner == (0, 0) { "root".to_owned() } else { format!("{:?}", self.owner) };
        write!(f, "{} {owner} {}", if odd { "!" } else { "" }, self.name)
    }
}

/// Lists the contents of a folder by name. Folders end in `/`.
pub fn files(root: &Path) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let name = if facts.is_dir() { format!("{name}/") } else { name };
            found.push(File { name, mode: facts.permissions().mode(), owner: (facts.uid(), facts.gid()) });
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
