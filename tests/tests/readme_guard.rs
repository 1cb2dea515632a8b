//! Owns the comparison of README's tables with what they list: the kinds of fault and the settings.

use std::collections::BTreeSet;
use std::fs;

use remora_tests::tidy::top;
use serde_json::Value;

#[test]
fn every_kind_of_fault_is_in_the_readme_and_no_other() {
    let rust = read("crates/remora/src/fault.rs");
    let body = rust.split_once("pub enum Kind {").unwrap().1.split_once("\n}").unwrap().0;
    let kinds = body.lines().filter_map(|line| line.trim().strip_suffix(',')).map(snake);
    let written = section("## Faults").lines().filter(|line| line.starts_with("| `")).flat_map(code).collect();
    assert_eq!(kinds.collect::<BTreeSet<String>>(), written);
}

#[test]
fn every_setting_and_every_key_of_a_target_is_in_the_readme_and_no_other() {
    let manifest: Value = serde_json::from_str(&read("extension/package.json")).unwrap();
    let settings = &manifest["contributes"]["configuration"]["properties"];
    let keys = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut known: BTreeSet<String> = keys(settings).into_iter().collect();
    known.extend(keys(&settings["remora.targets"]["items"]["properties"]));

    let section = section("## Settings");
    let names = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let written: BTreeSet<String> = names.flat_map(|cell| code(&format!("`{cell}"))).collect();
    assert_eq!(known, written);
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// README from this heading to the next of its rank.
fn section(heading: &str) -> String {
    let readme = read("README.md");
    let (_, rest) = readme.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}"));
    rest.split("\n## ").next().unwrap_or(rest).to_owned()
}

/// What stands between backquotes.
fn code(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `HostKeyChanged` is `host_key_changed`.
fn snake(name: &str) -> String {
    let word = |char_: char| match char_.is_uppercase() {
        true => format!("_{}", char_.to_lowercase()),
        false => char_.to_string(),
    };
    name.chars().map(word).collect::<String>().trim_start_matches('_').to_owned()
}
