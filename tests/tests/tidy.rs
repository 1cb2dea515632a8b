//! Owns the run of the checks over this checkout: borders, rules, exceptions. The checks themselves
//! are in `src/tidy`.

use std::fs;

use remora_tests::tidy::exceptions::{self, Exceptions};
use remora_tests::tidy::rules::{self, RULES};
use remora_tests::tidy::{Finding, borders, sources, top};

#[test]
fn every_file_keeps_the_rules() {
    let top = top();
    let sources = sources(&top).unwrap();
    assert!(
        sources.iter().any(|source| source.path == "crates/model/src/lib.rs"),
        "looked in the wrong place: {top:?}"
    );
    let exceptions = Exceptions::parse(&fs::read_to_string(top.join(exceptions::PATH)).unwrap()).unwrap();

    let mut left: Vec<Finding> = Vec::new();
    for rule in &RULES {
        left.extend(exceptions.apply(rule.name, rules::findings(rule, &sources)));
    }
    let listed: Vec<String> = left.iter().map(ToString::to_string).collect();
    assert!(left.is_empty(), "{} findings:\n{}\n", listed.len(), listed.join("\n"));
}

#[test]
fn every_exception_is_of_a_rule_that_exists() {
    let exceptions = Exceptions::parse(&fs::read_to_string(top().join(exceptions::PATH)).unwrap()).unwrap();
    let unknown: Vec<&str> = exceptions.rules().filter(|rule| RULES.iter().all(|known| known.name != *rule)).collect();
    assert!(unknown.is_empty(), "{}: no such rules: {unknown:?}", exceptions::PATH);
}

#[test]
fn crates_import_each_other_as_the_architecture_says() {
    let top = top();
    let written = borders::written(&fs::read_to_string(top.join("ARCHITECTURE.md")).unwrap()).unwrap();
    let crates = fs::read_dir(top.join("crates")).unwrap().map(|entry| entry.unwrap().path().join("Cargo.toml"));
    let manifests = crates.chain([top.join("tests/Cargo.toml")]);
    let real: Vec<borders::Imports> =
        manifests.map(|path| borders::real(&fs::read_to_string(path).unwrap()).unwrap()).collect();
    let differences = borders::differences(&written, &real);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
