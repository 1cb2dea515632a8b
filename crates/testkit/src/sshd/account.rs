//! Owns the account that logs in: the current one, or one made for a test and removed afterwards.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// Whoever runs the test.
    Current,
    /// A new account without a password, and with this login shell. Needs root.
    Open {
        /// Such as `/bin/sh`.
        shell: String,
    },
    /// A new account with a known password and this login shell. Needs root.
    Throwaway {
        /// Such as `/bin/tcsh`.
        shell: String,
    },
}

/// Whether this process may make accounts.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// An account for the time of a test.
pub(super) struct Login {
    pub(super) account: Account,
    pub(super) name: String,
    pub(super) password: String,
}

impl Login {
    pub(super) fn new(account: &Account) -> Self {
        match account {
            Account::Current => Self { account: account.clone(), name: current(), password: String::new() },
            Account::Throwaway { shell } => Self::make(account, shell).with_password(),
            Account::Open { shell } => {
                let login = Self::make(account, shell);
                run(alone("passwd").args(["-q", "-d", &login.name]));
                login
            }
        }
    }

    fn make(account: &Account, shell: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        assert!(is_root(), "a throw-away account needs root");
        let name = format!("rt{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(alone("useradd").args(["-m", "-s", shell, &name]));
        Self { account: account.clone(), name, password: String::new() }
    }

    /// The account's home folder.
    pub(super) fn home(&self) -> PathBuf {
        let output = Command::new("getent").args(["passwd", &self.name]).output().expect("getent can be run");
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        line.split(':').nth(5).expect("an account has a home").into()
    }

    fn with_password(mut self) -> Self {
        self.password = format!("remora {}", self.name);
        let mut chpasswd = alone("chpasswd").stdin(Stdio::piped()).spawn().expect("chpasswd can be run");
        let mut stdin = chpasswd.stdin.take().expect("invariant: it is piped");
        writeln!(stdin, "{}:{}", self.name, self.password).expect("chpasswd reads");
        drop(stdin);
        assert!(chpasswd.wait().expect("chpasswd ends").success(), "chpasswd failed");
        self
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        if self.account != Account::Current {
            // What it still runs has been ended with the server.
            let _ = alone("userdel").args(["-f", "-r", &self.name]).stderr(Stdio::null()).status();
        }
    }
}

/// These programs refuse to work while another of them does, so they take turns.
fn alone(program: &str) -> Command {
    let mut flock = Command::new("flock");
    flock.args(["/etc", program]);
    flock
}

fn current() -> String {
    let output = Command::new("id").arg("-un").output().expect("id can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn run(command: &mut Command) {
    assert!(command.status().expect("it can be run").success(), "{command:?} failed");
}
