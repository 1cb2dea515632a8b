//! Owns the comparison of `protocol.ts` with the Rust types it mirrors: names, fields, which may be
//! left out, and types as far as both languages have them. Reads both as text.
#![allow(clippy::unwrap_used, reason = "a file that does not have the expected shape fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use remora_tests::tidy::top;

/// Field name → (may be left out, TypeScript type).
type Fields = BTreeMap<String, (bool, String)>;

#[test]
fn every_shape_of_the_extension_is_the_sidecars() {
    let others = ["status.rs", "panel.rs", "fault.rs"].map(|file| read(&format!("crates/remora/src/{file}")));
    let rust = rust_shapes(&(protocol() + &others.join("\n")));
    let shapes = typescript_shapes(&read("extension/src/protocol.ts"));
    assert!(shapes.len() > 10, "read only {:?}", shapes.keys());
    for (name, fields) in &shapes {
        // An entry of launch.json is not a message; the sidecar hands it over as it is.
        if name != "AttachConfiguration" {
            let theirs = rust.get(name).unwrap_or_else(|| panic!("the sidecar has no {name}"));
            assert_eq!(fields, theirs, "{name}: left is protocol.ts, right the sidecar");
        }
    }
}

#[test]
fn the_extension_calls_only_what_is_there_and_hears_everything_that_is_said() {
    let rust = protocol();
    let typescript = quoted(&read("extension/src/protocol.ts"));
    let theirs: BTreeSet<String> = typescript.into_iter().filter(|text| text.starts_with("remora/")).collect();
    let all: BTreeSet<String> = rust.split('"').filter(|text| text.starts_with("remora/")).map(str::to_owned).collect();
    let unknown: Vec<&String> = theirs.difference(&all).collect();
    assert!(unknown.is_empty(), "no such methods: {unknown:?}");

    // Each file may have methods of its own.
    let called: String = rust.split("pub mod method {").skip(1).filter_map(|part| part.split("\n}").next()).collect();
    assert!(called.contains("remora/connect"), "read only {called:?}");
    let unheard: Vec<&String> = all.iter().filter(|name| !called.contains(*name) && !theirs.contains(*name)).collect();
    assert!(unheard.is_empty(), "the extension does not hear {unheard:?}");
}

#[test]
fn the_button_offers_commands_that_are_there_and_menus_hide_by_conditions_that_are_said() {
    let panel = read("crates/remora/src/panel.rs");
    let manifest = read("extension/package.json");
    let offered: Vec<&str> = panel.split('"').filter(|text| text.starts_with("remora.")).collect();
    assert!(offered.len() > 10, "read only {offered:?}");
    for command in offered {
        assert!(manifest.contains(&format!("\"command\": \"{command}\"")), "there is no command {command}");
    }
    let said = between(&panel, "fn conditions(", "\n}").unwrap();
    for when in manifest.split("\"when\": \"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        for condition in when.split("remora.").skip(1) {
            let name: String = condition.chars().take_while(char::is_ascii_alphabetic).collect();
            assert!(said.contains(&format!("(\"{name}\"")), "nobody says {name}, which {when:?} needs");
        }
    }
}

/// `protocol.rs` and all files of its folder, that one first.
fn protocol() -> String {
    let folder = top().join("crates/remora/src/protocol");
    let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
    let files: BTreeSet<_> = files.filter(|file| file.extension().is_some_and(|ending| ending == "rs")).collect();
    let rest = files.iter().map(|file| fs::read_to_string(file).unwrap());
    std::iter::once(read("crates/remora/src/protocol.rs")).chain(rest).fold(String::new(), |all, one| all + &one + "\n")
}

fn read(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    Some(text.split_once(start)?.1.split_once(end)?.0)
}

/// All texts in single quotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `export interface Name { field?: type; }`.
fn typescript_shapes(text: &str) -> BTreeMap<String, Fields> {
    let mut shapes = BTreeMap::new();
    for part in text.split("export interface ").skip(1) {
        // On one line, or with a line for each field.
        let (name, rest) = part.split_once(" {").unwrap();
        let (body, _) = rest.split_once(if rest.starts_with('\n') { "\n}" } else { " }" }).unwrap();
        let fields = body.split(';').filter_map(|field| field.trim().split_once(": "));
        let fields = fields.map(|(field, kind)| match field.strip_suffix('?') {
            Some(field) => (field.to_owned(), (true, known(kind))),
            None => (field.to_owned(), (false, known(kind))),
        });
        shapes.insert(name.to_owned(), fields.collect());
    }
    shapes
}

/// Each `pub struct` with its public fields, and each variant with fields as if it were one.
fn rust_shapes(text: &str) -> BTreeMap<String, Fields> {
    let mut shapes: BTreeMap<String, Fields> = BTreeMap::new();
    let mut name = String::new();
    let mut read = false;
    let mut attributes = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if line.starts_with("#[derive") {
            read = line.contains("Deserialize");
        } else if line.starts_with("#[") {
            attributes.push_str(line);
        } else if let Some(opened) = line.strip_suffix(" {").map(|line| line.trim_start_matches("pub struct ")) {
            name = opened.to_owned();
            attributes.clear();
        } else if let Some((field, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(": ")) {
            let field = camel(field.trim_start_matches("pub "));
            let inner = kind.strip_prefix("Option<").and_then(|kind| kind.strip_suffix('>'));
            let left_out = attributes.contains("skip_serializing_if")
                || (read && (inner.is_some() || attributes.contains("default")));
            if !attributes.contains("serde(skip)") && !attributes.contains("flatten") {
                let kind = if left_out { inner.unwrap_or(kind) } else { kind };
                shapes.entry(name.clone()).or_default().insert(field, (left_out, in_typescript(kind)));
            }
            attributes.clear();
        }
    }
    shapes
}

/// The TypeScript type for a Rust one; `?` where only people can compare them.
fn in_typescript(kind: &str) -> String {
    let kind = kind
        .strip_prefix("Option<")
        .map_or_else(|| kind.to_owned(), |inner| format!("{} | null", in_typescript(inner.trim_end_matches('>'))));
    match kind.as_str() {
        "u8" | "u16" | "u32" | "u64" | "i32" | "f64" => "number".to_owned(),
        // Kinds of fault and phases are names to a script.
        "String" | "Kind" | "Phase" | "&'static str" => "string".to_owned(),
        "bool" => "boolean".to_owned(),
        "Vec<String>" => "string[]".to_owned(),
        "BTreeMap<&'static str, bool>" => "Record<string, boolean>".to_owned(),
        "BTreeMap<String, String>" => "Record<string, string>".to_owned(),
        kind => known(kind),
    }
}

fn known(kind: &str) -> String {
    if kind.starts_with('\'') {
        return "string".to_owned();
    }
    let plain = ["number", "string", "boolean", "string[]", "Record<string, string>", "Record<string, boolean>"];
    let is_known = plain.contains(&kind.trim_end_matches(" | null"));
    if is_known { kind.to_owned() } else { "?".to_owned() }
}

/// `just_my_code` and `JustMyCode` are `justMyCode`.
fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or("");
    let first = first[..1].to_lowercase() + &first[1..];
    words.fold(first, |camel, word| camel + &word[..1].to_uppercase() + &word[1..])
}
