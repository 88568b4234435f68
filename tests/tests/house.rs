//! The house keeps its own rules: who may depend on whom, how long a file may be, which pages exist
//! and agree with the code. What a lint can hold is in `Cargo.toml` and `clippy.toml`; the rest is here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arrows;
mod mutations;
mod outcomes;
mod pages;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// The folder that holds the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The text of a file of the workspace.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// A file of the workspace: its path from the root, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Every line that contains `what`, as `path:line: text`, for a message that can be clicked.
    fn lines_with(&self, what: &str) -> Vec<String> {
        self.text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(what))
            .map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim()))
            .collect()
    }

    /// Whether the file is part of a crate's product, not of its tests.
    fn is_product(&self) -> bool {
        let test_module = self.path.ends_with("tests.rs") || self.path.contains("/tests/");
        self.path.starts_with("crates/") && self.path.contains("/src/") && !test_module
    }
}

/// Folders that hold nothing of ours: what was built, and what `.ci/run` installed.
const FOREIGN: [&str; 3] = ["target", "node_modules", ".venv"];

/// Every file below a folder of the workspace that has this extension, sorted by path.
fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !FOREIGN.iter().any(|name| path.ends_with(name)) {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|one| one == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| Source { text: fs::read_to_string(&path).unwrap(), path: from_root(&path) }).collect()
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/")
}

/// Every Rust file of the workspace.
fn rust() -> Vec<Source> {
    let mut all = files("crates", "rs");
    all.extend(files("tests", "rs"));
    assert!(all.len() > 50, "only {} files were found, so nothing was checked", all.len());
    all
}

/// A package of the workspace, as cargo sees it.
struct Package {
    name: String,
    manifest: PathBuf,
    /// The names of its programs.
    programs: Vec<String>,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    /// Whether only tests and examples have it.
    dev: bool,
    /// Whether it is a package of the workspace.
    ours: bool,
}

fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
            .arg(root().join("Cargo.toml"))
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        list(&all, "packages").iter().map(package).collect()
    })
}

fn package(one: &Value) -> Package {
    let is_program = |target: &&Value| list(target, "kind").iter().any(|kind| kind == "bin");
    Package {
        name: word(one, "name"),
        manifest: word(one, "manifest_path").into(),
        programs: list(one, "targets").iter().filter(is_program).map(|target| word(target, "name")).collect(),
        dependencies: list(one, "dependencies")
            .iter()
            .map(|one| Dependency { name: word(one, "name"), dev: one["kind"] == "dev", ours: !one["path"].is_null() })
            .collect(),
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("cargo metadata has no list `{key}`"))
}

fn word(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("cargo metadata has no text `{key}`")).to_owned()
}

/// Fails with every finding on a line of its own.
#[track_caller]
fn none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}", findings.join("\n  "));
}
