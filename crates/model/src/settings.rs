//! Owns the settings: their shape, defaults and what is said of a wrong one. Never reads a file;
//! whoever does hands the JSON in.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::policy::Policy;
use crate::prefix::Prefix;

/// All settings, as `remora.*` in VS Code's `settings.json` has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// `remora.targets`: where programs can run.
    pub targets: Vec<Target>,
    /// `remora.target`: the name of the target in use; without it, the first.
    pub target: Option<String>,
    /// `remora.mirror.*`.
    pub mirror: MirrorSettings,
    /// `remora.debug.*`.
    pub debug: DebugSettings,
}

/// One place where programs can run.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// What the user calls it.
    pub name: String,
    /// How it is reached.
    pub transport: TransportSpec,
    /// The remote folder that mirrors the workspace; `~` and `~/…` mean the login's home.
    /// Without it: `~/remora/NAME-OF-THE-LOCAL-FOLDER`.
    pub remote_root: Option<String>,
    /// Folders that are mirrored to places of their own. With any and no `remote_root`, the workspace itself is not
    /// mirrored.
    pub mappings: Vec<Mapping>,
    /// The interpreter for the program; without it, one is looked for.
    pub python: Option<String>,
    /// What the interpreter runs behind.
    pub prefix: Prefix,
    /// The account there that programs run as, if it is not the login.
    pub run_as: Option<String>,
    /// Environment variables of every program started there.
    pub env: BTreeMap<String, String>,
    /// How a debug client that is told a port gets to the debugger.
    pub exposure: Exposure,
    /// What is dialled where nothing goes over the connection: the remote (`Direct`) or this machine (`Reverse`). Without
    /// it, what the connection shows.
    pub address: Option<Address>,
}

/// How a debug client that is told a port gets to the debugger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposure {
    /// Through the connection; nothing listens on the remote.
    #[default]
    Tunnel,
    /// The debugger listens on the remote's own addresses.
    Direct,
    /// The client listens here, and the program dials it.
    Reverse,
}

impl Exposure {
    const ALL: [Self; 3] = [Self::Tunnel, Self::Direct, Self::Reverse];

    /// Its name in settings and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tunnel => "tunnel",
            Self::Direct => "direct",
            Self::Reverse => "reverse",
        }
    }

    /// That of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|exposure| exposure.name() == name)
    }
}

/// A host, and perhaps a port, that somebody dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name, or an address of version 4.
    pub host: String,
    /// The port; without it, the project's own.
    pub port: Option<u16>,
}

impl Address {
    /// Reads `HOST` or `HOST:PORT`.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|&port| port != 0)?)),
            None => (text, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        (!host.is_empty() && host.chars().all(is_name)).then(|| Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// A local folder, and where it is mirrored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Absolute, or as seen from the workspace.
    pub local: String,
    /// Absolute; `~` and `~/…` mean the login's home.
    pub remote: String,
}

/// How a target is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransportSpec {
    /// Over SSH.
    Ssh(SshSpec),
    /// Any program whose standard input and output reach a shell there.
    Command(Vec<String>),
    /// A child process on this machine.
    Local,
}

/// Which SSH host, and what differs from the user's own `ssh_config`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SshSpec {
    /// A host name, or an alias of `ssh_config`; `user@host` and `user@host:port` are understood.
    pub host: String,
    /// Another `ssh_config` than the user's own.
    pub config: Option<String>,
    /// The login, over that of `ssh_config`.
    pub user: Option<String>,
    /// The port, over that of `ssh_config`.
    pub port: Option<u16>,
}

/// `remora.mirror.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct MirrorSettings {
    /// What is mirrored, and how.
    pub policy: Policy,
    /// `onSave`: whether a save in the editor is mirrored at once.
    pub on_save: bool,
    /// `watch`: whether changes made outside the editor are mirrored too.
    pub watch: bool,
    /// `maxDeletes`: how many files are removed at once without asking; 0 means any number.
    pub max_deletes: u64,
    /// `maxDeletePercent`: how many of a hundred are; 0 means all.
    pub max_delete_percent: u64,
    /// `trashDays`: how long what is replaced or removed on the remote is kept there; 0 keeps nothing.
    pub trash_days: u64,
    /// `trashMegabytes`: how much of it, in millions of bytes; 0 keeps nothing.
    pub trash_megabytes: u64,
    /// `trashFiles`: how many files; 0 keeps nothing.
    pub trash_files: u64,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            on_save: true,
            watch: true,
            max_deletes: 50,
            max_delete_percent: 20,
            trash_days: 7,
            trash_megabytes: 1000,
            trash_files: 5000,
        }
    }
}

/// Which debugger runs the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Debugger {
    /// debugpy, in the version that fits the interpreter.
    #[default]
    Auto,
    /// The same as `Auto`, said aloud.
    Debugpy,
    /// ptvsd 4.3.2, the predecessor.
    Ptvsd,
}

/// What becomes of a program when a file that it has loaded was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// The user is asked.
    #[default]
    Ask,
    /// It is started anew.
    Restart,
    /// Its functions get the new text while it runs.
    Reload,
    /// It goes on as it is; what differs is marked.
    Keep,
}

impl OnStale {
    /// All of them, by their names.
    pub const NAMES: [(&str, Self); 4] =
        [("ask", Self::Ask), ("restart", Self::Restart), ("reload", Self::Reload), ("keep", Self::Keep)];

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, one)| *one)
    }
}

/// `remora.debug.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct DebugSettings {
    /// `debugger`.
    pub debugger: Debugger,
    /// `justMyCode`: whether steps stay out of libraries.
    pub just_my_code: bool,
    /// `subProcess`: whether child processes are debugged too.
    pub sub_process: bool,
    /// `localPort`: the port the editor attaches to; without it, one derived from the project, the
    /// same from run to run.
    pub local_port: Option<u16>,
    /// `onStale`: what becomes of a program when a file that it has loaded was changed.
    pub on_stale: OnStale,
}

impl Default for DebugSettings {
    fn default() -> Self {
        Self {
            debugger: Debugger::Auto,
            just_my_code: true,
            sub_process: true,
            local_port: None,
            on_stale: OnStale::Ask,
        }
    }
}

/// A setting that can't be used: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {problem}")]
pub struct SettingsError {
    /// The setting's path, such as `remora.targets[0].host`.
    pub setting: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Settings {
    /// Reads settings from a JSON object whose keys are the dotted names (`"remora.targets"`) or the
    /// nested form (`{"remora": {"targets": …}}` or just the inside of it); both may be mixed.
    /// Keys that are not ours are passed over; so is an unknown key below `remora`, except in a
    /// target, where it is most likely a typing mistake.
    ///
    /// # Errors
    /// The first setting of the wrong type or shape.
    pub fn from_json(value: &Value) -> Result<Self, SettingsError> {
        read::settings(value)
    }

    /// The target named `name`, or else the one in use.
    #[must_use]
    pub fn pick(&self, name: Option<&str>) -> Option<&Target> {
        match name.or(self.target.as_deref()) {
            Some(name) => self.targets.iter().find(|target| target.name == name),
            None => self.targets.first(),
        }
    }
}

mod read;
