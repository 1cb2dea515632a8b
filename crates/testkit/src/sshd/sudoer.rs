//! Owns a rule of this machine's sudo for the time of a test. Needs root. Never touches a rule of anybody else's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::account::{Account, Login};

/// What a login may do through sudo; removed when dropped.
pub struct Sudoer {
    rule: PathBuf,
}

impl Sudoer {
    /// Writes rules for `user`, after sudo's own check of them.
    ///
    /// # Panics
    /// When they can't be written, or sudo does not understand them.
    #[must_use]
    pub fn new(user: &str, rules: &str) -> Self {
        // What visudo has not seen yet has a name that sudo passes over.
        let rule = PathBuf::from(format!("/etc/sudoers.d/remora-{user}"));
        let draft = rule.with_extension("draft");
        fs::write(&draft, format!("{rules}\n")).expect("these tests need root, and sudo: apt-get install sudo");
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o440)).expect("our own file");
        let check = Command::new("visudo").args(["-q", "-c", "-f"]).arg(&draft).status();
        assert!(check.expect("visudo can be run").success(), "{rules}");
        fs::rename(draft, &rule).expect("a file can be renamed in its folder");
        Self { rule }
    }
}

impl Drop for Sudoer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.rule);
    }
}

/// An account that nobody logs in to, for the time of a test.
pub struct Service(Login);

impl Service {
    /// Makes it. Needs root.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "making an account is nothing that happens by default")]
    pub fn new() -> Self {
        Self(Login::new(&Account::Throwaway { shell: "/usr/sbin/nologin".into() }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its home folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.0.home()
    }
}
