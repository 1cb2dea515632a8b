//! Owns debugpy as anybody has it: the whole wheel, started by its own command line. Nothing of ours is near it, save the pin.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use remora_debug::wheels::{Push, choose};
use remora_model::Debugger;
use serde_json::Value;
use tokio::net::TcpStream;

/// Unpacks the wheel that a push was made of, whole.
const UNPACK: &str = "
import io, json, os, sys, zipfile
wheels, name, version, to = sys.argv[1:]
sys.path.insert(0, wheels)
import fetch
with open(os.path.join(wheels, 'pins.json')) as pins:
    pin = [pin for pin in json.load(pins) if (pin['name'], pin['version']) == (name, version)][0]
zipfile.ZipFile(io.BytesIO(fetch.wheel(pin))).extractall(to)
";

/// A debugpy that listens. Dropping it ends the program.
pub(crate) struct Plain {
    _process: tokio::process::Child,
    pub(crate) port: u16,
}

/// The debugger for an interpreter, unpacked below `folder`.
pub(crate) fn unpacked(folder: &Path, python: &Path) -> PathBuf {
    let push = choose(version(python), Debugger::Debugpy).unwrap();
    let Push { name, version, .. } = push;
    let to = folder.join(format!("{name}-{version}"));
    let wheels = concat!(env!("CARGO_MANIFEST_DIR"), "/../debug/wheels");
    let done = Command::new("python3").args(["-c", UNPACK, wheels, name, version]).arg(&to).status().unwrap();
    assert!(done.success());
    to
}

impl Plain {
    /// Starts a program and waits until the adapter says that it listens: it writes that to a file, and whoever opens a pipe
    /// hears it at once.
    pub(crate) async fn start(debugger: &Path, python: &Path, folder: &Path, program: &str) -> Self {
        let told = debugger.parent().unwrap().join(format!("{program}.endpoints"));
        assert!(Command::new("mkfifo").arg(&told).status().unwrap().success());
        let mut command = tokio::process::Command::new(python);
        command.arg("-u");
        if version(python) >= (3, 11, 0) {
            command.arg("-Xfrozen_modules=off");
        }
        command.args(["-m", "debugpy", "--listen", "127.0.0.1:0", "--wait-for-client"]).arg(folder.join(program));
        command.current_dir(folder).env("PYTHONPATH", debugger).env("DEBUGPY_ADAPTER_ENDPOINTS", &told);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let file = told.clone();
        let said = tokio::task::spawn_blocking(move || std::fs::read(file).unwrap()).await.unwrap();
        let said: Value = serde_json::from_slice(&said).unwrap();
        let port = said["client"]["port"].as_u64().unwrap();
        Self { _process: process, port: u16::try_from(port).unwrap() }
    }

    pub(crate) async fn stream(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }
}

fn version(python: &Path) -> (u8, u8, u8) {
    let ask = "import sys; sys.stdout.write('%d %d %d' % sys.version_info[:3])";
    let output = Command::new(python).args(["-c", ask]).output().unwrap();
    let numbers: Vec<u8> =
        String::from_utf8(output.stdout).unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
    (numbers[0], numbers[1], numbers[2])
}
