//! Owns the comparison of the settings that the extension contributes with those that the model
//! reads: the same names, the same defaults, and every target the schema allows can be used.
#![allow(clippy::unwrap_used, reason = "a file that does not have the expected shape fails the test")]

use std::collections::BTreeSet;
use std::fs;

use remora_model::{DebugSettings, MirrorSettings, Policy, Settings};
use remora_tests::tidy::top;
use serde_json::{Map, Value, json};

/// Every setting, and a value that is not its default.
fn samples() -> Vec<(&'static str, Value)> {
    // A new field does not compile here until it has a sample below.
    let Settings {
        targets: _,
        target: _,
        mirror:
            MirrorSettings {
                policy:
                    Policy {
                        exclude: _,
                        include: _,
                        max_file_megabytes: _,
                        symlinks: _,
                        modes: _,
                        unicode: _,
                        elsewhere: _,
                    },
                on_save: _,
                watch: _,
                max_deletes: _,
                max_delete_percent: _,
                trash_days: _,
                trash_megabytes: _,
                trash_files: _,
            },
        debug: DebugSettings { debugger: _, just_my_code: _, sub_process: _, local_port: _, on_stale: _ },
    } = Settings::default();
    vec![
        ("remora.targets", json!([{"name": "box", "host": "box"}])),
        ("remora.target", json!("box")),
        ("remora.mirror.exclude", json!(["*.log"])),
        ("remora.mirror.include", json!(["*.log"])),
        ("remora.mirror.maxFileMegabytes", json!(1)),
        ("remora.mirror.symlinks", json!("follow")),
        ("remora.mirror.modes", json!("755")),
        ("remora.mirror.unicode", json!("nfc")),
        ("remora.mirror.onSave", json!(false)),
        ("remora.mirror.watch", json!(false)),
        ("remora.mirror.maxDeletes", json!(500)),
        ("remora.mirror.maxDeletePercent", json!(50)),
        ("remora.mirror.trashDays", json!(1)),
        ("remora.mirror.trashMegabytes", json!(1)),
        ("remora.mirror.trashFiles", json!(1)),
        ("remora.debug.debugger", json!("ptvsd")),
        ("remora.debug.justMyCode", json!(false)),
        ("remora.debug.subProcess", json!(false)),
        ("remora.debug.localPort", json!(20_001)),
        ("remora.debug.onStale", json!("keep")),
    ]
}

/// What concerns nothing but how the editor looks; the sidecar has no use for it.
const ONLY_THE_EDITORS: [&str; 1] = ["remora.codeLens"];

#[test]
fn the_extension_contributes_exactly_the_settings_that_are_read() {
    let contributed: BTreeSet<String> = properties().keys().cloned().collect();
    let known: BTreeSet<String> = samples().into_iter().map(|(name, _)| name.to_owned()).collect();
    let only_the_editors = BTreeSet::from(ONLY_THE_EDITORS.map(str::to_owned));
    assert_eq!(contributed, known.union(&only_the_editors).cloned().collect());
    for (name, value) in samples() {
        let settings = Settings::from_json(&json!({ name: value })).unwrap();
        assert_ne!(settings, Settings::default(), "{name} is not read");
    }
}

#[test]
fn the_defaults_of_the_extension_are_those_of_the_model() {
    let defaults: Map<String, Value> =
        properties().into_iter().map(|(name, property)| (name, property["default"].clone())).collect();
    assert_eq!(Settings::from_json(&Value::Object(defaults)).unwrap(), Settings::default());
}

#[test]
fn the_schema_of_a_target_has_exactly_the_keys_that_are_read() {
    let schema = properties()["remora.targets"]["items"]["properties"].as_object().unwrap().clone();
    let sample = |key: &str| match key {
        "port" => json!(2222),
        "env" => json!({"A": "1"}),
        "exposure" => json!("direct"),
        "mappings" => json!([{"local": "src", "remote": "/srv/src"}]),
        _ => json!("x"),
    };
    for transport in [("host", json!("box")), ("command", json!(["sh"])), ("local", json!(true))] {
        let mut target: Map<String, Value> = Map::new();
        target.insert(transport.0.to_owned(), transport.1);
        for key in schema.keys().filter(|key| !["host", "command", "local"].contains(&key.as_str())) {
            target.insert(key.clone(), sample(key));
        }
        Settings::from_json(&json!({ "remora.targets": [target] })).unwrap();
    }
    let unknown = Settings::from_json(&json!({"remora.targets": [{"nonsense": 1}]})).unwrap_err();
    let (_, read) = unknown.problem.split_once("there are ").expect("the message lists the keys");
    let read: BTreeSet<&str> = read.split(", ").collect();
    assert_eq!(schema.keys().map(String::as_str).collect::<BTreeSet<_>>(), read);
}

#[test]
fn what_the_schema_offers_can_be_chosen() {
    for name in ["remora.debug.debugger", "remora.debug.onStale", "remora.mirror.symlinks"] {
        for choice in properties()[name]["enum"].as_array().unwrap() {
            Settings::from_json(&json!({ name: choice })).unwrap();
        }
    }
}

fn properties() -> Map<String, Value> {
    let text = fs::read_to_string(top().join("extension/package.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["contributes"]["configuration"]["properties"].as_object().unwrap().clone()
}
