//! Owns what a debug start is asked for, as data. Never decides anything.

use std::collections::BTreeMap;
use std::net::IpAddr;

use remora_model::{Debugger, LocalPath, RemotePath};

/// What to run under the debugger, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to run.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its working directory: absolute, below the home folder (`~/`) or relative to the remote root, which it is by default.
    pub cwd: Option<String>,
    /// Environment variables added to the login's.
    pub env: BTreeMap<String, String>,
    /// The interpreter: a path (absolute, `~/…` or relative to the remote root) or a name looked up in
    /// `PATH` there. Without it, one is looked for.
    pub python: Option<String>,
    /// Which debugger.
    pub debugger: Debugger,
    /// Whether the program itself calls `ptvsd.enable_attach` or `debugpy.listen`.
    pub in_code: bool,
    /// Whether steps stay out of libraries.
    pub just_my_code: bool,
    /// Whether child processes are debugged too.
    pub sub_process: bool,
    /// The folder here that is mirrored.
    pub local_root: LocalPath,
    /// The folder there that mirrors it.
    pub remote_root: RemotePath,
    /// The name of the attach configuration.
    pub name: String,
    /// Where a client here may connect.
    pub listen: Listen,
}

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// A file: relative to the remote root, or absolute there.
    File(String),
    /// A module, as after `-m`.
    Module(String),
}

/// Where a client here may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port; 0 for any.
    pub port: u16,
    /// Whether the user named the port: if so a taken one is a fault, else the next free one is used.
    pub exact: bool,
}
