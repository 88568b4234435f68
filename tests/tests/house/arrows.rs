//! Who may depend on whom. `ARCHITECTURE.md` has the drawing.

use std::fs;

use super::{Package, files, none, packages};

/// Crates that all of the house may be built from.
const CORE: &[&str] = &["wilco-core"];

/// What a crate may depend on; none for a crate that the drawing does not have.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "wilco-core" => &[],
        "wilco-store" | "wilco-sim" => CORE,
        "wilco-loop" => &["wilco-core", "wilco-store"],
        "wilco-web" | "wilco-discord" | "wilco-slack" | "wilco-telegram" => CORE,
        "wilco" => {
            &["wilco-core", "wilco-store", "wilco-loop", "wilco-web", "wilco-discord", "wilco-slack", "wilco-telegram"]
        }
        "wilco-tests" => &[
            "wilco",
            "wilco-core",
            "wilco-store",
            "wilco-loop",
            "wilco-web",
            "wilco-sim",
            "wilco-discord",
            "wilco-slack",
            "wilco-telegram",
        ],
        _ => return None,
    })
}

/// What a crate's own tests and examples may use besides: the scripted platform has no way back up.
const FOR_TESTS: &[&str] = &["wilco-core", "wilco-sim"];

fn package(name: &str) -> &'static Package {
    packages().iter().find(|package| package.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn crates_depend_along_the_drawn_arrows_and_no_others() {
    let mut wrong = Vec::new();
    for package in packages() {
        let Some(allowed) = allowed(&package.name) else {
            wrong.push(format!("{} is not in the drawing", package.name));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| dependency.ours) {
            let name = dependency.name.as_str();
            let for_tests = dependency.dev && FOR_TESTS.contains(&name);
            if !for_tests && !allowed.contains(&name) {
                wrong.push(format!("{} must not depend on {name}", package.name));
            }
        }
    }
    none("arrows that are not drawn:", &wrong);
    assert!(package("wilco").dependencies.iter().any(|dependency| dependency.ours), "no arrow was looked at");
}

#[test]
fn the_core_does_no_io_and_knows_no_runtime() {
    let outside = ["tokio", "axum", "hyper", "reqwest", "sqlx", "rustix", "notify", "tracing"];
    let taken: Vec<String> = package("wilco-core")
        .dependencies
        .iter()
        .filter(|dependency| !dependency.dev && outside.contains(&dependency.name.as_str()))
        .map(|dependency| dependency.name.clone())
        .collect();
    none("wilco-core depends on", &taken);
    let mut used = Vec::new();
    for source in files("crates/wilco-core/src", "rs") {
        for what in ["std::fs", "std::net", "std::process", "std::env", "std::io", "std::thread", "tokio::"] {
            used.extend(source.lines_with(what));
        }
    }
    none("wilco-core decides and does nothing itself:", &used);
}

#[test]
fn only_the_store_speaks_sql_and_only_the_adapters_and_the_platforms_speak_http() {
    let may = |crate_name: &str, dependency: &str| match dependency {
        // The invariants read the tables themselves: what they judge is the store's work, too.
        "sqlx" => matches!(crate_name, "wilco-store" | "wilco-tests"),
        // An adapter may take requests at a listener of its own.
        "axum" => matches!(crate_name, "wilco-web" | "wilco-slack" | "wilco-sim" | "wilco-tests"),
        "reqwest" => !matches!(crate_name, "wilco-store" | "wilco-loop" | "wilco-core"),
        _ => true,
    };
    let wrong: Vec<String> = packages()
        .iter()
        .flat_map(|package| package.dependencies.iter().map(move |dependency| (package, dependency)))
        .filter(|(package, dependency)| !dependency.dev && !may(&package.name, &dependency.name))
        .map(|(package, dependency)| format!("{} depends on {}", package.name, dependency.name))
        .collect();
    none("a crate reaches beyond its part:", &wrong);
}

#[test]
fn the_store_and_the_loop_name_no_platform() {
    let mut named = Vec::new();
    for folder in ["crates/wilco-store/src", "crates/wilco-loop/src"] {
        for source in files(folder, "rs") {
            for line in source.text.lines() {
                let lower = line.to_lowercase();
                if ["discord", "slack", "telegram"].iter().any(|platform| lower.contains(platform)) {
                    named.push(format!("{}: {}", source.path, line.trim()));
                }
            }
        }
    }
    none("what differs between platforms is in their `Limits`:", &named);
}

#[test]
fn every_crate_takes_versions_features_and_lints_from_the_workspace() {
    let mut wrong = Vec::new();
    for package in packages() {
        let manifest = fs::read_to_string(&package.manifest).unwrap();
        let mut section = "";
        let mut lints = false;
        for line in manifest.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with('[') {
                section = line.trim_matches(['[', ']']);
            } else if section.ends_with("dependencies") {
                if !line.contains("workspace = true") {
                    wrong.push(format!("{}: `{line}` has a version or a path of its own", package.name));
                }
            } else if section == "lints" {
                lints |= line == "workspace = true";
            }
            // A section per dependency would hide a version from the check above.
            if section.contains("dependencies.") {
                wrong.push(format!("{}: [{section}] is written as a section", package.name));
            }
        }
        if !lints {
            wrong.push(format!("{} does not take the lints of the workspace", package.name));
        }
        for key in ["edition", "rust-version", "license", "publish"] {
            if !manifest.contains(&format!("{key}.workspace = true")) {
                wrong.push(format!("{}: `{key}` is not the workspace's", package.name));
            }
        }
    }
    none("manifests:", &wrong);
}
