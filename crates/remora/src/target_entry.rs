//! Owns how a target is written in the settings: an entry for `remora.targets`, and its place in the text of
//! `settings.json`. Text in, text out; reads and writes no file.

use std::collections::BTreeMap;

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstInputValue, CstObject, CstRootNode};
use remora_debug::launch_json::input;
use remora_model::{Exposure, Mapping, Prefix, Target, TransportSpec};
use serde_json::{Map, Value, json};

/// A byte order mark, which some editors put first.
const BOM: char = '\u{feff}';

/// The setting that lists the targets.
const KEY: &str = "remora.targets";

/// A target of which nothing is known but how it is reached.
pub(crate) fn bare(name: String, transport: TransportSpec) -> Target {
    Target {
        name,
        transport,
        remote_root: None,
        mappings: Vec::new(),
        python: None,
        prefix: Prefix::default(),
        run_as: None,
        env: BTreeMap::new(),
        exposure: Exposure::Tunnel,
        address: None,
    }
}

/// A new file, as VS Code would indent it.
const NEW: &str = "{\n    \"remora.targets\": []\n}\n";

/// The entry of `remora.targets` that means this target.
pub(crate) fn entry(target: &Target) -> Map<String, Value> {
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| drop(entry.insert(key.to_owned(), value));
    set("name", json!(target.name));
    match &target.transport {
        TransportSpec::Ssh(spec) => {
            set("host", json!(spec.host));
            let more = [("sshConfig", json!(spec.config)), ("user", json!(spec.user)), ("port", json!(spec.port))];
            more.into_iter().filter(|(_, value)| !value.is_null()).for_each(|(key, value)| set(key, value));
        }
        TransportSpec::Command(argv) => set("command", json!(argv)),
        TransportSpec::Local => set("local", json!(true)),
    }
    let more = [("remoteRoot", &target.remote_root), ("python", &target.python), ("runAs", &target.run_as)];
    let more = more.map(|(key, value)| (key, json!(value)));
    more.into_iter().filter(|(_, value)| !value.is_null()).for_each(|(key, value)| set(key, value));
    if !target.prefix.is_empty() {
        set("prefix", json!(target.prefix));
    }
    if !target.mappings.is_empty() {
        let mapping = |mapping: &Mapping| json!({"local": mapping.local, "remote": mapping.remote});
        set("mappings", target.mappings.iter().map(mapping).collect());
    }
    if !target.env.is_empty() {
        set("env", json!(target.env));
    }
    if target.exposure != Exposure::Tunnel {
        set("exposure", json!(target.exposure.name()));
    }
    if let Some(address) = &target.address {
        set("address", json!(address.to_string()));
    }
    entry
}

/// `text` with the target behind the others; all else stays as it is written. Empty text becomes a whole file.
///
/// # Errors
/// Why there is no place for it, in a few words.
pub(crate) fn add(text: &str, target: &Target) -> Result<String, String> {
    let (bom, body) = match text.strip_prefix(BOM) {
        Some(body) => (&text[..BOM.len_utf8()], body),
        None => ("", text),
    };
    let body = if body.trim().is_empty() { NEW } else { body };
    let root =
        CstRootNode::parse(body, &ParseOptions::default()).map_err(|error| format!("it does not parse: {error}"))?;
    let settings = root.object_value_or_create().ok_or("its outermost value is not an object")?;
    let targets = targets(&settings).ok_or("its remora.targets is not a list")?;
    targets.ensure_multiline();
    targets.append(input(&Value::Object(entry(target))));
    Ok(format!("{bom}{root}"))
}

/// The list to which a target belongs, where the settings have it: under its dotted name or nested. Made if there
/// is none.
fn targets(settings: &CstObject) -> Option<CstArray> {
    if settings.get(KEY).is_none()
        && let Some(nested) = settings.object_value("remora").filter(|nested| nested.get("targets").is_some())
    {
        return list(&nested, "targets");
    }
    list(settings, KEY)
}

fn list(object: &CstObject, key: &str) -> Option<CstArray> {
    // `null` means "not set", as in VS Code.
    if let Some(property) = object.get(key)
        && property.value().and_then(|value| value.to_serde_value()) == Some(Value::Null)
    {
        property.set_value(CstInputValue::Array(Vec::new()));
    }
    object.array_value_or_create(key)
}

#[cfg(test)]
mod tests {
    use remora_model::{Address, Settings, SshSpec};

    use super::*;

    fn target() -> Target {
        let docker = TransportSpec::Command(vec!["docker".into(), "exec".into()]);
        Target { remote_root: Some("~/a".into()), ..bare("box".into(), docker) }
    }

    #[test]
    fn a_target_comes_behind_the_others_and_all_else_stays() {
        let entry = |indent: &str| {
            let key = format!("{indent}    ");
            format!(
                "{indent}{{\n{key}\"name\": \"box\",\n{key}\"command\": [\"docker\", \"exec\"],\n{key}\"remoteRoot\": \
                 \"~/a\"\n{indent}}}"
            )
        };
        let as_there = entry("        ").replace("\"~/a\"\n", "\"~/a\",\n");
        let (two, three) = (entry("        "), entry("            "));
        for (before, after) in [
            (String::new(), format!("{{\n    \"remora.targets\": [\n{two}\n    ]\n}}\n")),
            (
                "{\n    // mine\n    \"a\": 1, // one\n}\n".into(),
                format!("{{\n    // mine\n    \"a\": 1, // one\n    \"remora.targets\": [\n{two}\n    ],\n}}\n"),
            ),
            (
                "{\n    \"remora.targets\": [\n        { \"name\": \"a\", \"local\": true }, // here\n    ],\n    \"b\": 2\n}".into(),
                format!(
                    "{{\n    \"remora.targets\": [\n        {{ \"name\": \"a\", \"local\": true }}, // here\n{as_there},\n    \
                     ],\n    \"b\": 2\n}}"
                ),
            ),
            (
                "{\n    \"remora\": {\n        \"targets\": []\n    }\n}\n".into(),
                format!("{{\n    \"remora\": {{\n        \"targets\": [\n{three}\n        ]\n    }}\n}}\n"),
            ),
            (
                "\u{feff}{\n    \"remora.targets\": null\n}\n".into(),
                format!("\u{feff}{{\n    \"remora.targets\": [\n{two}\n    ]\n}}\n"),
            ),
        ] {
            assert_eq!(add(&before, &target()).unwrap(), after, "{before}");
        }
    }

    #[test]
    fn a_text_without_a_place_is_left_alone() {
        for text in ["[]", "{\"remora.targets\": 3}", "{"] {
            assert!(add(text, &target()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let spec = SshSpec { host: "b".into(), config: Some("c".into()), user: Some("u".into()), port: Some(22) };
        let ssh = TransportSpec::Ssh(spec);
        for transport in [ssh, TransportSpec::Local, target().transport] {
            let env = [("A".to_owned(), "1".to_owned())].into();
            let prefix = Prefix::Words(vec!["uv".into(), "run".into()]);
            let (exposure, address) = (Exposure::Direct, Address::read("gpu:80"));
            let (python, run_as) = (Some("/p".into()), Some("app".into()));
            let target = Target { transport, python, prefix, run_as, env, exposure, address, ..target() };
            let settings = Settings::from_json(&json!({KEY: [entry(&target)]})).unwrap();
            assert_eq!(settings.targets, [target]);
        }
    }
}
