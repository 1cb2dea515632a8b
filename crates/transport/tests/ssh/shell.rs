//! Login shells of every kind, noisy ones included: the command runs under `sh` all the same.

use std::fs;

use remora_testkit::sshd::{Account, Sshd, SshdOptions};

use crate::asker::run;

/// A command with everything that shells disagree about, as far as it is allowed.
const COMMAND: &str = r#"x="a $(printf b)"; printf "<%s> " "$x" {1..3} $((2+3)); test -z "$UNSET" && cat"#;
const PRINTED: &str = "<a b> <{1..3}> <5> done";

#[tokio::test]
async fn the_command_runs_whatever_the_login_shell_is() {
    for shell in ["/bin/sh", "/bin/bash", "/bin/tcsh", "/usr/bin/fish"] {
        let account = Account::Throwaway { shell: shell.to_owned() };
        let sshd = Sshd::start(SshdOptions { account, ..SshdOptions::default() });
        assert_eq!(run(&sshd.ssh_config(), COMMAND, b"done").await, PRINTED, "{shell}");
    }
}

#[tokio::test]
async fn a_shell_that_prints_does_so_before_the_command() {
    for (shell, rc, text) in [
        ("/bin/bash", ".bashrc", "echo noise\n"),
        ("/bin/tcsh", ".cshrc", "echo noise\n"),
        ("/usr/bin/fish", ".config/fish/config.fish", "echo noise\n"),
    ] {
        let account = Account::Throwaway { shell: shell.to_owned() };
        let sshd = Sshd::start(SshdOptions { account, ..SshdOptions::default() });
        let file = sshd.home().join(rc);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        let printed = run(&sshd.ssh_config(), COMMAND, b"done").await;
        assert_eq!(printed, format!("noise\n{PRINTED}"), "{shell}");
    }
}
