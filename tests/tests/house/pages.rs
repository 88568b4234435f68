//! The pages that people read, and what they have to agree with.

use std::process::Command;

use super::{none, packages, read, root};

/// The first fenced block after the marker, as `.ci/run` takes it.
fn readme_test_command() -> Vec<String> {
    let readme = read("README.md");
    let mut lines = readme.lines().skip_while(|line| *line != "<!-- test-command -->").skip(1);
    lines
        .by_ref()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_readme_says_how_to_test_and_the_checks_do_just_that() {
    assert_eq!(readme_test_command(), ["cargo test --workspace"]);
    let checks = read(".ci/run");
    assert!(checks.contains("<!-- test-command -->"), ".ci/run takes the command from the README");
    let last = checks.lines().rev().find(|line| !line.trim().is_empty());
    assert_eq!(last, Some("eval \"$command\""), "nothing may be printed after cargo's summary");
}

#[test]
fn just_ci_is_ci_run() {
    let justfile = read("justfile");
    let recipe: Vec<&str> = justfile.lines().skip_while(|line| *line != "ci:").skip(1).take(2).collect();
    assert_eq!(recipe, ["    bash .ci/run", ""]);
}

#[test]
fn the_checks_are_a_script_that_bash_can_read() {
    let output = Command::new("bash").arg("-n").arg(root().join(".ci/run")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The words of a text that look like the name of a crate or program of this house.
fn names(text: &str) -> Vec<&str> {
    text.split(|one: char| !one.is_ascii_alphanumeric() && one != '-' && one != '_')
        .map(|word| word.trim_end_matches('-'))
        .filter(|word| word.starts_with("wilco-"))
        .collect()
}

#[test]
fn architecture_names_every_crate_and_every_crate_it_names_exists() {
    let page = read("ARCHITECTURE.md");
    let named = names(&page);
    let missing: Vec<String> = packages()
        .iter()
        .map(|package| package.name.clone())
        .filter(|name| name != "wilco" && !named.contains(&name.as_str()))
        .collect();
    none("ARCHITECTURE.md does not name", &missing);
    let exists = |name: &str| {
        packages().iter().any(|package| package.name == name || package.programs.iter().any(|program| program == name))
    };
    let invented: Vec<String> = named.into_iter().filter(|name| !exists(name)).map(str::to_owned).collect();
    none("ARCHITECTURE.md names what does not exist:", &invented);
}

#[test]
fn the_pages_that_people_look_for_exist_and_link_to_files_that_do() {
    let mut dead = Vec::new();
    let mut pages: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    pages.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")));
    for page in &pages {
        let text = read(page);
        assert!(text.starts_with("# "), "{page} begins with its title");
        let folder = root().join(page);
        for target in links(&text) {
            let file = target.split('#').next().unwrap_or_default();
            let outside = file.contains("://") || file.starts_with("mailto:");
            if !file.is_empty() && !outside && !folder.parent().unwrap().join(file).exists() {
                dead.push(format!("{page}: {target}"));
            }
        }
    }
    none("links that lead nowhere:", &dead);
}

/// The targets of the Markdown links of a text.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, mark)| text[at + mark.len()..].split(')').next())
}

#[test]
fn both_licences_that_the_manifest_promises_are_there() {
    assert!(read("Cargo.toml").contains("license = \"MIT OR Apache-2.0\""));
    assert!(read("LICENSE-MIT").starts_with("MIT License"));
    assert!(read("LICENSE-APACHE").contains("Version 2.0, January 2004"));
}
