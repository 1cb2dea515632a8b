//! Owns a private OpenSSH server on loopback: its keys, configuration, log and processes. Never touches
//! the configuration of the machine's own server or of the user's own client.

mod account;
mod processes;
mod sudoer;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

pub use account::{Account, is_root};
pub use sudoer::{Service, Sudoer};

/// sshd makes its keys ready in well under a second; a loaded machine may take a few.
const START: Duration = Duration::from_secs(20);

/// How often another port is tried, should somebody take the one that was just found free.
const PORTS: u32 = 5;

/// How the server is to be.
#[derive(Debug, Clone)]
pub struct SshdOptions {
    /// Types of host key, as `ssh-keygen -t` names them.
    pub host_keys: Vec<&'static str>,
    /// Who logs in.
    pub account: Account,
    /// Whether passwords are let in.
    pub password: bool,
    /// Whether keyboard-interactive logins are let in. Needs PAM, and so root.
    pub keyboard_interactive: bool,
    /// The passphrase of the login's key.
    pub passphrase: &'static str,
    /// What runs instead of any command; the command is in `SSH_ORIGINAL_COMMAND`.
    pub force_command: Option<String>,
    /// Whether the client's known hosts hold the server's keys from the start.
    pub known: bool,
    /// More lines for `sshd_config`, before all others.
    pub server_lines: Vec<String>,
    /// More lines for the `box` entry of the client's `ssh_config`, before all others.
    pub client_lines: Vec<String>,
}

impl Default for SshdOptions {
    fn default() -> Self {
        Self {
            host_keys: vec!["ed25519"],
            account: Account::Current,
            password: false,
            keyboard_interactive: false,
            passphrase: "",
            force_command: None,
            known: true,
            server_lines: Vec::new(),
            client_lines: Vec::new(),
        }
    }
}

/// A running server. Dropping it ends the listener and every session by their process ids.
pub struct Sshd {
    options: SshdOptions,
    folder: TempDir,
    account: account::Login,
    port: u16,
    listener: Child,
    /// Shared with the thread that reads the server's standard error; whoever fails wants all of it.
    log: Arc<Mutex<String>>,
}

impl Sshd {
    /// Starts a server and waits until it says that it listens.
    ///
    /// # Panics
    /// When it can't be started; the message has the reason and the server's log.
    #[must_use]
    pub fn start(options: SshdOptions) -> Self {
        let folder = tempfile::Builder::new().prefix("remora-sshd-").tempdir().expect("a temporary folder");
        let account = account::Login::new(&options.account);
        prepare(folder.path(), &options, &account);
        let log = Arc::new(Mutex::new(String::new()));
        let (port, listener) = listen(folder.path(), &options, None, &log);
        let sshd = Self { options, folder, account, port, listener, log };
        if sshd.options.known {
            sshd.learn(sshd.port);
        }
        sshd.write_config("ssh_config", sshd.port);
        sshd
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The login.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.account.name
    }

    /// The login's password, if it is a throw-away account.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.account.password
    }

    /// The login's home folder: an empty one for the current account, unless a `SetEnv` among the
    /// server's lines names another, so that nobody's own start-up files take part in a test.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        match self.options.account {
            Account::Current => self.folder.path().join("home"),
            _ => self.account.home(),
        }
    }

    /// The listener's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.listener.id()
    }

    /// The server's folder, for more files of a test's own.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An `ssh_config` in which the host `box` is this server.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.folder.path().join("ssh_config")
    }

    /// An `ssh_config` in which `box` is this server behind a proxy on another port of 127.0.0.1.
    #[must_use]
    pub fn ssh_config_via(&self, port: u16) -> PathBuf {
        if self.options.known {
            self.learn(port);
        }
        self.write_config(&format!("ssh_config_{port}"), port)
    }

    /// The private key that is let in.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("id_ed25519")
    }

    /// The client's known hosts.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// The server's public keys, `type base64` each.
    #[must_use]
    pub fn host_keys(&self) -> Vec<String> {
        let read = |kind: &&str| fs::read_to_string(self.folder.path().join(format!("host_{kind}.pub")));
        let two = |line: String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        self.options.host_keys.iter().map(|kind| two(read(kind).expect("a host key"))).collect()
    }

    /// What the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process ids of everything that runs below the listener.
    #[must_use]
    pub fn sessions(&self) -> Vec<u32> {
        processes::below(self.listener.id())
    }

    /// Ends every session as a power cut would; the listener stays.
    pub fn end_sessions(&self) {
        self.sessions().into_iter().for_each(processes::kill);
    }

    /// Restarts the server on the same port with new host keys. The client's known hosts stay as they are.
    pub fn replace_host_keys(&mut self) {
        self.stop();
        for kind in &self.options.host_keys {
            make_key(&self.folder.path().join(format!("host_{kind}")), kind, "");
        }
        self.listener = listen(self.folder.path(), &self.options, Some(self.port), &self.log).1;
    }

    fn stop(&mut self) {
        let sessions = self.sessions();
        // It is our own child; a failure means that it has ended already.
        let _ = self.listener.kill();
        let _ = self.listener.wait();
        sessions.into_iter().for_each(processes::kill);
    }

    /// Adds the server's keys to the client's known hosts, as seen on `port`.
    pub fn learn(&self, port: u16) {
        let file = self.known_hosts();
        let mut text = fs::read_to_string(&file).unwrap_or_default();
        for key in self.host_keys() {
            writeln!(text, "[127.0.0.1]:{port} {key}").expect("a String takes everything");
        }
        fs::write(file, text).expect("the known hosts can be written");
    }

    fn write_config(&self, name: &str, port: u16) -> PathBuf {
        let folder = self.folder.path().display();
        let more: String = self.options.client_lines.iter().map(|line| format!("  {line}\n")).collect();
        let text = format!(
            "Host box\n{more}  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile {folder}/id_ed25519\n  \
             IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {folder}/known_hosts\n  \
             GlobalKnownHostsFile /dev/null\n",
            user = self.account.name
        );
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("the client's configuration can be written");
        file
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn sshd_program() -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    folders.into_iter().map(|folder| folder.join("sshd")).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "these tests need a real SSH server: apt-get install openssh-server (or your system's package with sshd)"
        )
    })
}

fn make_key(file: &Path, kind: &str, passphrase: &str) {
    for old in [file.to_owned(), file.with_extension("pub")] {
        // Not there the first time.
        let _ = fs::remove_file(old);
    }
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", kind, "-N", passphrase, "-C", "remora-testkit", "-f"]).arg(file);
    assert!(keygen.status().expect("ssh-keygen can be run").success(), "{keygen:?}");
}

/// Writes keys and what the server needs besides its configuration.
fn prepare(folder: &Path, options: &SshdOptions, account: &account::Login) {
    for kind in &options.host_keys {
        make_key(&folder.join(format!("host_{kind}")), kind, "");
    }
    make_key(&folder.join("id_ed25519"), "ed25519", options.passphrase);
    fs::copy(folder.join("id_ed25519.pub"), folder.join("authorized_keys")).expect("the key can be copied");
    fs::create_dir_all(folder.join("home")).expect("the home folder can be made");
    if !matches!(account.account, Account::Current) {
        // The other account has to reach its authorized keys.
        open_to_all(folder, 0o711);
        open_to_all(&folder.join("authorized_keys"), 0o644);
    }
    if is_root() {
        // Where sshd drops its privileges to; Debian makes it when the service starts.
        fs::create_dir_all("/run/sshd").expect("/run/sshd can be made");
    }
}

fn open_to_all(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}

fn config(folder: &Path, options: &SshdOptions, port: u16) -> String {
    let folder = folder.display();
    let flag = |on: bool| if on { "yes" } else { "no" };
    let mut text: String = options.server_lines.iter().map(|line| format!("{line}\n")).collect();
    for kind in &options.host_keys {
        writeln!(text, "HostKey {folder}/host_{kind}").expect("a String takes everything");
    }
    if let Some(command) = &options.force_command {
        writeln!(text, "ForceCommand {command}").expect("a String takes everything");
    }
    if options.account == Account::Current {
        // The first SetEnv counts; those of the options stand before this one.
        writeln!(text, "SetEnv HOME={folder}/home").expect("a String takes everything");
    }
    let (password, keyboard) = (flag(options.password), flag(options.keyboard_interactive));
    write!(
        text,
        "ListenAddress 127.0.0.1\nPort {port}\nPidFile none\nLogLevel VERBOSE\nStrictModes no\nUseDNS no\n\
         AuthorizedKeysFile {folder}/authorized_keys\nPermitRootLogin yes\nMaxStartups 100\nPrintMotd no\n\
         PasswordAuthentication {password}\nKbdInteractiveAuthentication {keyboard}\nUsePAM {keyboard}\n\
         AllowTcpForwarding no\nX11Forwarding no\n"
    )
    .expect("a String takes everything");
    text
}

/// Starts the listener, on `port` or a free one.
fn listen(folder: &Path, options: &SshdOptions, port: Option<u16>, log: &Arc<Mutex<String>>) -> (u16, Child) {
    for _ in 0..PORTS {
        let port = port.unwrap_or_else(free_port);
        let file = folder.join("sshd_config");
        fs::write(&file, config(folder, options, port)).expect("the server's configuration can be written");
        let mut sshd = Command::new(sshd_program());
        sshd.args(["-D", "-e", "-f"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = sshd.spawn().expect("sshd can be started");
        if wait_until_it_listens(&mut child, log) {
            return (port, child);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    panic!("sshd does not listen:\n{}", log.lock().unwrap_or_else(PoisonError::into_inner));
}

fn free_port() -> u16 {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    socket.local_addr().expect("a bound socket has an address").port()
}

/// Follows the log in a thread; readiness is the server's own word.
fn wait_until_it_listens(child: &mut Child, log: &Arc<Mutex<String>>) -> bool {
    let stderr = child.stderr.take().expect("invariant: it is piped");
    let (tell, told) = mpsc::channel();
    let log = log.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if line.starts_with("Server listening on") {
                // The second line, for another address, finds nobody waiting.
                let _ = tell.send(());
            }
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
    told.recv_timeout(START).is_ok()
}
