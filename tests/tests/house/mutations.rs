//! The mutations: patches that switch a safeguard off, to see whether the simulation notices.
//!
//! Whether it does is a matter of minutes and belongs to `just mutants`. That the patches still mean
//! something is looked at here.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::{Source, files, none, read, root};

const FOLDER: &str = "tests/mutations";

fn patches() -> Vec<Source> {
    let patches = files(FOLDER, "patch");
    assert!(patches.len() >= 7, "only {} mutations were found", patches.len());
    patches
}

fn name(patch: &Source) -> &str {
    patch.path.trim_start_matches(FOLDER).trim_start_matches('/').trim_end_matches(".patch")
}

/// The seed and the invariant that the page lists for each patch.
fn listed() -> BTreeMap<String, (String, String)> {
    let page = read(&format!("{FOLDER}/README.md"));
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix("| [")?.split('|').map(str::trim).collect();
        let name = cells.first()?.split(']').next()?;
        assert_eq!(cells[0], format!("{name}]({name}.patch)"), "a row links to its patch");
        Some((name.to_owned(), ((*cells.get(2)?).to_owned(), (*cells.get(3)?).to_owned())))
    });
    rows.collect()
}

#[test]
fn every_mutation_applies_to_the_present_tree() {
    if !has_git() {
        return;
    }
    let mut stale = Vec::new();
    for patch in patches() {
        let output = Command::new("git")
            .current_dir(root())
            // A repository around this one would make git look for the files of the patch there.
            .env("GIT_CEILING_DIRECTORIES", root().parent().unwrap())
            .args(["apply", "--check", &patch.path])
            .output()
            .unwrap();
        if !output.status.success() {
            stale.push(format!("{}: {}", patch.path, String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    none("patches to be made anew, as tests/mutations/README.md says:", &stale);
}

#[test]
fn every_mutation_stands_in_the_table_and_every_row_is_one() {
    let listed = listed();
    let patches = patches();
    let named: BTreeSet<&str> = patches.iter().map(name).collect();
    let rows: BTreeSet<&str> = listed.keys().map(String::as_str).collect();
    assert_eq!(named, rows, "the patches and the rows of the table in {FOLDER}/README.md are the same");
}

/// A seed that notices nothing any more is found out by `just mutants`, one that is not there here.
#[test]
fn every_mutation_has_a_seed_that_notices_it() {
    let number = |cell: &str| cell.parse::<u64>().is_ok();
    let listed = listed();
    let without = listed.iter().filter(|(_, (seed, invariant))| !number(seed) || !number(invariant));
    let without: Vec<String> =
        without.map(|(name, (seed, invariant))| format!("{name}: {seed}, {invariant}")).collect();
    none("mutations without a seed or an invariant; `tests/mutations/check --search` finds them:", &without);
}

#[test]
fn a_mutation_says_what_it_switches_off_and_touches_the_product_alone() {
    let mut wrong = Vec::new();
    for patch in patches() {
        let head = patch.text.split("\ndiff --git ").next().unwrap_or_default();
        for says in ["What it switches off:", "What a person would see:", "When it matters:"] {
            if !head.contains(says) {
                wrong.push(format!("{}: does not say `{says}`", patch.path));
            }
        }
        let touched: Vec<&str> = patch.text.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect();
        let elsewhere = |file: &&str| !(file.starts_with("crates/") && file.contains("/src/"));
        if touched.is_empty() || touched.iter().any(elsewhere) {
            wrong.push(format!("{}: changes {touched:?}", patch.path));
        }
        let is_change = |line: &&str| {
            (line.starts_with('+') && !line.starts_with("+++ ")) || (line.starts_with('-') && !line.starts_with("--- "))
        };
        let lines = patch.text.lines().filter(is_change).count();
        // What switches off more than one thing proves nothing about any of them.
        if lines > 12 {
            wrong.push(format!("{}: {lines} changed lines", patch.path));
        }
    }
    none("mutations:", &wrong);
}

#[test]
fn the_mutation_check_is_a_script_that_bash_can_read_and_just_mutants_is_that() {
    let output = Command::new("bash").arg("-n").arg(root().join(FOLDER).join("check")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let justfile = read("justfile");
    let recipe: Vec<&str> = justfile.lines().skip_while(|line| !line.starts_with("mutants")).take(2).collect();
    assert_eq!(recipe, ["mutants *names:", "    bash tests/mutations/check {{names}}"]);
}

/// Whether git is there. Without it the test is skipped, and fails where everything has to be there.
#[expect(clippy::print_stdout, reason = "a test that was skipped says so on a line of its own")]
fn has_git() -> bool {
    let there = Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "git is missing");
        println!("skipped: needs git");
    }
    there
}
