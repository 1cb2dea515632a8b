//! A private sshd behind a cable, for stories that are not Rust. Prints one JSON line that says how to
//! reach it, then obeys words on standard input, each answered by a JSON line. Ends with its standard
//! input and takes with it everything that still runs over there.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

const USAGE: &str = "usage: remora-remote [--password] [--unknown] [--forwarding] [--rtt-ms N]
  --password   another account logs in, by its password only
  --unknown    the client does not know the host's key yet
  --forwarding ports may be forwarded, as for ssh -L
  --rtt-ms N   the cable's round trip
words on standard input: cut, heal, black-hole, drop-sessions, connections, left";

fn main() -> ExitCode {
    let served = Order::from_arguments(std::env::args().skip(1)).and_then(|order| Ok(Remote::start(&order)?.serve()?));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("remora-remote: {error}\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
#[derive(Default)]
struct Order {
    password: bool,
    unknown: bool,
    forwarding: bool,
    round_trip: Duration,
}

impl Order {
    fn from_arguments(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut order = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--password" => order.password = true,
                "--unknown" => order.unknown = true,
                "--forwarding" => order.forwarding = true,
                "--rtt-ms" => {
                    order.round_trip = Duration::from_millis(words.next().ok_or("a value is missing")?.parse()?);
                }
                _ => return Err("an unknown option".into()),
            }
        }
        Ok(order)
    }
}

/// The server and the cable before it. The cable goes first, so that the end looks like a cut.
struct Remote {
    cable: Lag,
    sshd: Sshd,
    ssh_config: PathBuf,
    strays: Strays,
    /// The login's home over there, unless it is another account's.
    _home: TempDir,
}

impl Remote {
    fn start(order: &Order) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("remora-remote-").tempdir()?;
        let run = runtime_folder(home.path());
        fs::create_dir_all(&run)?;
        let mut options = SshdOptions { known: !order.unknown, ..SshdOptions::default() };
        if order.password {
            options.account = Account::Throwaway { shell: "/bin/sh".to_owned() };
            options.password = true;
            options.client_lines.push("PubkeyAuthentication no".to_owned());
        } else {
            options.server_lines.push(format!(
                "SetEnv HOME={} XDG_RUNTIME_DIR={}",
                home.path().display(),
                run.display()
            ));
        }
        if order.forwarding {
            options.server_lines.push("AllowTcpForwarding yes".to_owned());
        }
        let sshd = Sshd::start(options);
        let cable = Lag::start(SocketAddr::from((Ipv4Addr::LOCALHOST, sshd.port())), order.round_trip)?;
        let ssh_config = sshd.ssh_config_via(cable.port());
        let strays = Strays { home: if order.password { sshd.home() } else { home.path().to_owned() } };
        Ok(Self { cable, sshd, ssh_config, strays, _home: home })
    }

    fn serve(self) -> io::Result<()> {
        say(&json!({
            "host": "box",
            "port": self.cable.port(),
            "user": self.sshd.user(),
            "password": self.sshd.password(),
            "key": self.sshd.key(),
            "sshConfig": self.ssh_config,
            "knownHosts": self.sshd.known_hosts(),
            "hostKeys": self.sshd.host_keys(),
            "home": self.strays.home,
        }))?;
        for word in io::stdin().lock().lines() {
            say(&self.obey(word?.trim()))?;
        }
        Ok(())
    }

    fn obey(&self, word: &str) -> Value {
        match word {
            "cut" => self.cable.cut(),
            "heal" => self.cable.heal(),
            "black-hole" => self.cable.black_hole(),
            "drop-sessions" => self.sshd.end_sessions(),
            "connections" => {
                let log = self.sshd.log();
                return json!({"done": word, "count": log.matches("Connection from ").count()});
            }
            "left" => {
                let left = Census::left_over(&Census::default(), &self.strays.home);
                let processes: Vec<_> = left.processes.iter().map(|(pid, line)| format!("{pid} {line}")).collect();
                return json!({"done": word, "processes": processes, "folders": left.folders});
            }
            _ => return json!({"unknown": word}),
        }
        json!({"done": word})
    }
}

/// What runs over there and is nobody's child any more, known by its home folder. Ended when dropped.
struct Strays {
    home: PathBuf,
}

impl Drop for Strays {
    fn drop(&mut self) {
        for (pid, _) in Census::take(&self.home).processes {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended in the meantime.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn say(value: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{value}")?;
    stdout.flush()
}
