//! Owns the way from JSON to [`Settings`]. Never guesses: what has the wrong type is named.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Address, DebugSettings, Debugger, Exposure, Mapping, MirrorSettings, OnStale, Settings, SettingsError, SshSpec,
    Target, TransportSpec,
};
use crate::policy::{Modes, Policy, Symlinks};
use crate::prefix::Prefix;
use crate::unicode::Unicode;

type Read<T> = Result<T, SettingsError>;

const TARGET_KEYS: [&str; 15] = [
    "name",
    "host",
    "sshConfig",
    "user",
    "port",
    "command",
    "local",
    "remoteRoot",
    "mappings",
    "python",
    "prefix",
    "runAs",
    "env",
    "exposure",
    "address",
];
const MAPPING_KEYS: [&str; 2] = ["local", "remote"];

pub(super) fn settings(value: &Value) -> Read<Settings> {
    let root = Node { path: "settings".into(), value }.object()?;
    let lookup = |key: &str| find(root, key);
    let mirror = MirrorSettings::default();
    let debug = DebugSettings::default();
    Ok(Settings {
        targets: match lookup("targets") {
            Some(node) => node.items()?.iter().map(target).collect::<Read<_>>()?,
            None => Vec::new(),
        },
        target: lookup("target").map(|node| node.text()).transpose()?,
        mirror: MirrorSettings {
            policy: policy(&lookup)?,
            on_save: lookup("mirror.onSave").map_or(Ok(mirror.on_save), |node| node.flag())?,
            watch: lookup("mirror.watch").map_or(Ok(mirror.watch), |node| node.flag())?,
            max_deletes: lookup("mirror.maxDeletes").map_or(Ok(mirror.max_deletes), |node| node.count())?,
            max_delete_percent: lookup("mirror.maxDeletePercent")
                .map_or(Ok(mirror.max_delete_percent), |node| node.count())?,
            trash_days: lookup("mirror.trashDays").map_or(Ok(mirror.trash_days), |node| node.count())?,
            trash_megabytes: lookup("mirror.trashMegabytes").map_or(Ok(mirror.trash_megabytes), |node| node.count())?,
            trash_files: lookup("mirror.trashFiles").map_or(Ok(mirror.trash_files), |node| node.count())?,
        },
        debug: DebugSettings {
            debugger: lookup("debug.debugger").map_or(Ok(debug.debugger), |node| node.debugger())?,
            just_my_code: lookup("debug.justMyCode").map_or(Ok(debug.just_my_code), |node| node.flag())?,
            sub_process: lookup("debug.subProcess").map_or(Ok(debug.sub_process), |node| node.flag())?,
            local_port: lookup("debug.localPort").map(|node| node.port()).transpose()?.filter(|&port| port != 0),
            on_stale: lookup("debug.onStale").map_or(Ok(debug.on_stale), |node| node.on_stale())?,
        },
    })
}

fn policy<'a>(lookup: &impl Fn(&str) -> Option<Node<'a>>) -> Read<Policy> {
    let patterns = |key: &str| lookup(key).map(|node| node.texts()).transpose();
    let policy = Policy::default();
    Ok(Policy {
        exclude: patterns("mirror.exclude")?.unwrap_or_default(),
        include: patterns("mirror.include")?.unwrap_or_default(),
        max_file_megabytes: lookup("mirror.maxFileMegabytes")
            .map_or(Ok(policy.max_file_megabytes), |node| node.count())?,
        symlinks: lookup("mirror.symlinks").map_or(Ok(policy.symlinks), |node| node.symlinks())?,
        modes: lookup("mirror.modes").map_or(Ok(policy.modes), |node| node.modes())?,
        unicode: lookup("mirror.unicode").map_or(Ok(policy.unicode), |node| node.unicode())?,
        elsewhere: Vec::new(),
    })
}

/// Finds `remora.a.b` as a dotted key, or nested below `remora`, or nested at the top; `null`
/// means "not set", as in VS Code.
fn find<'a>(root: &'a Map<String, Value>, key: &str) -> Option<Node<'a>> {
    let path = format!("remora.{key}");
    let nested = |start: &'a Map<String, Value>| {
        let mut parts = key.split('.');
        let first = start.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    };
    let value = root
        .get(&path)
        .or_else(|| root.get("remora").and_then(Value::as_object).and_then(nested))
        .or_else(|| nested(root))?;
    (!value.is_null()).then_some(Node { path, value })
}

fn target(node: &Node<'_>) -> Read<Target> {
    let object = node.object()?;
    node.has_only(&TARGET_KEYS, "a target")?;
    let get = |key: &str| {
        let value = object.get(key).filter(|value| !value.is_null())?;
        Some(Node { path: format!("{}.{key}", node.path), value })
    };
    let text = |key: &str| get(key).map(|node| node.text()).transpose();
    let transport = match (get("host"), get("command"), get("local")) {
        (Some(host), None, None) => TransportSpec::Ssh(SshSpec {
            host: host.text()?,
            config: text("sshConfig")?,
            user: text("user")?,
            port: get("port").map(|node| node.port()).transpose()?,
        }),
        (None, Some(command), None) => TransportSpec::Command(command.argv()?),
        (None, None, Some(local)) if local.flag()? => TransportSpec::Local,
        _ => return node.wrong("a target has exactly one of \"host\", \"command\" and \"local\": true"),
    };
    Ok(Target {
        name: match get("name") {
            Some(name) => name.text()?,
            None => return node.wrong("a target needs a \"name\""),
        },
        transport,
        remote_root: text("remoteRoot")?,
        mappings: match get("mappings") {
            Some(node) => node.items()?.iter().map(mapping).collect::<Read<_>>()?,
            None => Vec::new(),
        },
        python: text("python")?,
        prefix: get("prefix").map(|node| node.prefix()).transpose()?.unwrap_or_default(),
        run_as: text("runAs")?,
        env: get("env").map(|node| node.text_map()).transpose()?.unwrap_or_default(),
        exposure: get("exposure").map_or(Ok(Exposure::default()), |node| node.exposure())?,
        address: get("address").map(|node| node.address()).transpose()?,
    })
}

fn mapping(node: &Node<'_>) -> Read<Mapping> {
    node.has_only(&MAPPING_KEYS, "a mapping")?;
    let object = node.object()?;
    let text = |key: &str| match object.get(key) {
        Some(value) => Node { path: format!("{}.{key}", node.path), value }.text(),
        None => node.wrong("a mapping has a \"local\" and a \"remote\" folder"),
    };
    Ok(Mapping { local: text("local")?, remote: text("remote")? })
}

/// A value and where it stands.
struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    fn wrong<T>(&self, problem: impl Into<String>) -> Read<T> {
        Err(SettingsError { setting: self.path.clone(), problem: problem.into() })
    }

    fn expected<T>(&self, what: &str) -> Read<T> {
        let got = match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format!("must be {what}, not {got}"))
    }

    fn object(&self) -> Read<&'a Map<String, Value>> {
        self.value.as_object().map_or_else(|| self.expected("an object"), Ok)
    }

    /// Another key is most likely a typing mistake.
    fn has_only(&self, keys: &[&str], what: &str) -> Read<()> {
        match self.object()?.keys().find(|key| !keys.contains(&key.as_str())) {
            Some(key) => self.wrong(format!("{key:?} is not a setting of {what}; there are {}", keys.join(", "))),
            None => Ok(()),
        }
    }

    fn items(&self) -> Read<Vec<Node<'a>>> {
        let Some(items) = self.value.as_array() else { return self.expected("a list") };
        let item = |(index, value)| Node { path: format!("{}[{index}]", self.path), value };
        Ok(items.iter().enumerate().map(item).collect())
    }

    fn text(&self) -> Read<String> {
        match self.value.as_str() {
            Some("") => self.wrong("must not be empty"),
            Some(text) => Ok(text.to_owned()),
            None => self.expected("a text"),
        }
    }

    fn texts(&self) -> Read<Vec<String>> {
        self.items()?.iter().map(Node::text).collect()
    }

    fn argv(&self) -> Read<Vec<String>> {
        let argv = self.texts()?;
        if argv.is_empty() { self.wrong("must name a program") } else { Ok(argv) }
    }

    fn prefix(&self) -> Read<Prefix> {
        match self.value {
            Value::String(_) => self.text().map(Prefix::Line),
            Value::Array(_) => self.texts().map(Prefix::Words),
            _ => self.expected("a list of texts, or one line of shell"),
        }
    }

    fn text_map(&self) -> Read<BTreeMap<String, String>> {
        let pair = |(key, value): (&String, &'a Value)| match value.as_str() {
            Some(text) => Ok((key.clone(), text.to_owned())),
            None => Node { path: format!("{}.{key}", self.path), value }.expected("a text"),
        };
        self.object()?.iter().map(pair).collect()
    }

    fn flag(&self) -> Read<bool> {
        self.value.as_bool().map_or_else(|| self.expected("true or false"), Ok)
    }

    fn count(&self) -> Read<u64> {
        self.value.as_u64().map_or_else(|| self.expected("a number that is not below 0"), Ok)
    }

    fn port(&self) -> Read<u16> {
        match self.value.as_u64().map(u16::try_from) {
            Some(Ok(port)) => Ok(port),
            Some(Err(_)) => self.wrong("must be a port, 0 to 65535"),
            None => self.expected("a port number"),
        }
    }

    fn symlinks(&self) -> Read<Symlinks> {
        match self.text()?.as_str() {
            "keep" => Ok(Symlinks::Keep),
            "follow" => Ok(Symlinks::Follow),
            "skip" => Ok(Symlinks::Skip),
            other => self.wrong(format!("must be \"keep\", \"follow\" or \"skip\", not {other:?}")),
        }
    }

    fn unicode(&self) -> Read<Unicode> {
        match self.text()?.as_str() {
            "auto" => Ok(Unicode::Auto),
            "nfc" => Ok(Unicode::Nfc),
            "keep" => Ok(Unicode::Keep),
            other => self.wrong(format!("must be \"auto\", \"nfc\" or \"keep\", not {other:?}")),
        }
    }

    fn modes(&self) -> Read<Modes> {
        let text = self.text()?;
        let digits = text.len() == 3 && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        match text.as_str() {
            "keep" => Ok(Modes::Keep),
            "executable" => Ok(Modes::Executable),
            "none" => Ok(Modes::None),
            _ if digits => Ok(Modes::AtMost(u32::from_str_radix(&text, 8).unwrap_or(0o777))),
            other => self.wrong(format!(
                "must be \"keep\", \"executable\", \"none\" or the most that is allowed in octal, such as \"755\", not {other:?}"
            )),
        }
    }

    fn on_stale(&self) -> Read<OnStale> {
        let name = self.text()?;
        let wrong = || self.wrong(format!("must be \"ask\", \"restart\", \"reload\" or \"keep\", not {name:?}"));
        OnStale::named(&name).map_or_else(wrong, Ok)
    }

    fn exposure(&self) -> Read<Exposure> {
        let text = self.text()?;
        Exposure::named(&text)
            .map_or_else(|| self.wrong(format!("must be \"tunnel\", \"direct\" or \"reverse\", not {text:?}")), Ok)
    }

    fn address(&self) -> Read<Address> {
        let text = self.text()?;
        Address::read(&text).map_or_else(
            || self.wrong(format!("must be a host name or an address of version 4, or one with a port, not {text:?}")),
            Ok,
        )
    }

    fn debugger(&self) -> Read<Debugger> {
        match self.text()?.as_str() {
            "auto" => Ok(Debugger::Auto),
            "debugpy" => Ok(Debugger::Debugpy),
            "ptvsd" => Ok(Debugger::Ptvsd),
            other => self.wrong(format!("must be \"auto\", \"debugpy\" or \"ptvsd\", not {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dotted_and_nested_names_mean_the_same() {
        let targets = json!([{"name": "box", "host": "me@box", "port": 2222, "remoteRoot": "~/app"}]);
        let dotted = settings(&json!({"remora.targets": targets, "remora.mirror.onSave": false, "x": 1})).unwrap();
        let nested = settings(&json!({"remora": {"targets": targets, "mirror": {"onSave": false}}})).unwrap();
        let inside = settings(&json!({"targets": targets, "mirror": {"onSave": false}})).unwrap();
        assert_eq!(dotted, nested);
        assert_eq!(dotted, inside);
        assert_eq!(dotted.pick(None).unwrap().name, "box");
        assert!(dotted.pick(Some("other")).is_none());
        assert!(!dotted.mirror.on_save);
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_place() {
        for (value, sentence) in [
            (json!([]), "settings: must be an object, not a list"),
            (json!({"remora.targets": 3}), "remora.targets: must be a list, not a number"),
            (
                json!({"remora.targets": [{"name": "a"}]}),
                "remora.targets[0]: a target has exactly one of \"host\", \"command\" and \"local\": true",
            ),
            (
                json!({"remora.targets": [{"name": "a", "host": 3}]}),
                "remora.targets[0].host: must be a text, not a number",
            ),
            (json!({"remora.targets": [{"host": "a"}]}), "remora.targets[0]: a target needs a \"name\""),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "port": 70000}]}),
                "remora.targets[0].port: must be a port, 0 to 65535",
            ),
            (
                json!({"remora.targets": [{"name": "a", "command": []}]}),
                "remora.targets[0].command: must name a program",
            ),
            (
                json!({"remora.targets": [{"name": "a", "local": true, "env": {"A": 1}}]}),
                "remora.targets[0].env.A: must be a text, not a number",
            ),
            (
                json!({"remora.targets": [{"name": "a", "local": true, "prefix": {"uv": "run"}}]}),
                "remora.targets[0].prefix: must be a list of texts, or one line of shell, not an object",
            ),
            (
                json!({"remora.targets": [{"name": "a", "local": true, "prefix": ["uv", 3]}]}),
                "remora.targets[0].prefix[1]: must be a text, not a number",
            ),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "exposure": "open"}]}),
                "remora.targets[0].exposure: must be \"tunnel\", \"direct\" or \"reverse\", not \"open\"",
            ),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "address": "[::1]:80"}]}),
                "remora.targets[0].address: must be a host name or an address of version 4, or one with a port, not \"[::1]:80\"",
            ),
            (
                json!({"remora.mirror.modes": "888"}),
                "remora.mirror.modes: must be \"keep\", \"executable\", \"none\" or the most that is allowed in octal, such as \"755\", not \"888\"",
            ),
            (
                json!({"remora.debug.debugger": "gdb"}),
                "remora.debug.debugger: must be \"auto\", \"debugpy\" or \"ptvsd\", not \"gdb\"",
            ),
            (
                json!({"remora.debug.onStale": "reset"}),
                "remora.debug.onStale: must be \"ask\", \"restart\", \"reload\" or \"keep\", not \"reset\"",
            ),
            (
                json!({"remora.mirror.maxDeletes": "all"}),
                "remora.mirror.maxDeletes: must be a number that is not below 0, not a text",
            ),
            (json!({"remora.debug.justMyCode": "yes"}), "remora.debug.justMyCode: must be true or false, not a text"),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "mappings": [{"local": "src"}]}]}),
                "remora.targets[0].mappings[0]: a mapping has a \"local\" and a \"remote\" folder",
            ),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "mappings": [{"local": "", "remote": "/x"}]}]}),
                "remora.targets[0].mappings[0].local: must not be empty",
            ),
            (
                json!({"remora.targets": [{"name": "a", "host": "b", "mappings": [{"remoteRoot": "/x"}]}]}),
                "remora.targets[0].mappings[0]: \"remoteRoot\" is not a setting of a mapping; there are local, remote",
            ),
        ] {
            assert_eq!(settings(&value).unwrap_err().to_string(), sentence);
        }
        let typo = settings(&json!({"remora.targets": [{"name": "a", "host": "b", "remoteroot": "/x"}]})).unwrap_err();
        assert!(typo.problem.starts_with("\"remoteroot\" is not a setting of a target"), "{typo}");
    }
}
